"""``GET /repos/{owner}/{name}/migrations``: the databases of a repository's environments.

Nothing is asked of GitHub for it: what the trunk and the builds need is what the store remembers
of the last look. Nothing is written, and no database becomes a repository's by being looked at.
"""

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from bot.core.backfills.model import not_begun
from bot.core.decision import Verdict
from bot.core.migrations.builds import (
    BuildSchema,
    InUse,
    KnownBackfill,
    KnownMigration,
    UnreadBuild,
    Window,
    rollback_window,
)
from bot.core.migrations.compatibility import still_needed
from bot.core.migrations.gating import database_variable
from bot.core.migrations.judgement import judged
from bot.core.migrations.model import Phase, Version
from bot.core.migrations.runs import PartKind, Run
from bot.core.policy.migrations import DEFAULT_MIGRATIONS
from bot.core.schema.snapshot import MeantSchema
from bot.ports.environments import KnownRepository
from bot.web.pages.backfills import BackfillView
from bot.web.pages.databases import Answer, Contents, Unanswered
from bot.web.pages.migrations import (
    RUNS_SHOWN,
    DatabaseView,
    RunView,
    WaitingView,
    view_applied,
    view_schema,
)
from bot.web.pages.names import requested_repository
from bot.web.pages.pages import Page, Site, not_modified, render
from bot.web.pages.shipping import (
    databases_of,
    environment_path,
    readable_repositories,
    remembered_policy,
)
from bot.web.pages.shipping_pages import UnknownView

_LEDGER_READ = 200
"""Entries looked through for the builds that a rollback could put back."""
_WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.WAIT, Verdict.PASS, Verdict.SKIP)


@dataclass(frozen=True, slots=True)
class MigrationsPageView:
    repository: str
    databases: tuple[DatabaseView, ...]

    @property
    def title(self) -> str:
        return f"Database changes, {self.repository}"

    @property
    def worst(self) -> DatabaseView | None:
        """The one that the headline tells of."""
        return min(
            self.databases, key=lambda one: _WORST_FIRST.index(one.headline[0]), default=None
        )


def migrations_page(site: Site) -> Page:
    """The handler."""

    async def migrations(request: Request) -> Response:
        owner, name = requested_repository(request)
        found = await site.environments.find_repository(owner, name)
        if found is None or not await readable_repositories(site, request, [found]):
            unknown = UnknownView(
                f"Database changes of {owner}/{name} are not known",
                "No such repository can be shown.",
                "Either the bot has not seen it yet, or it is one that you may not see.",
            )
            return render(site, request, "unknown.html", unknown, status=404)
        view = await _view(site, found)
        return not_modified(request, render(site, request, "migrations.html", view))

    return migrations


async def _view(site: Site, found: KnownRepository) -> MigrationsPageView:
    bound = await databases_of(site, found.repo.id)
    states = await site.environments.fetch_environments(found.repo.id)
    paths = {one.name: environment_path(found.repo.full_name, one.name) for one in states}
    read = [
        _database(site, found.repo.id, name, paths.get(name, ""))
        for name, is_bound in bound.items()
        if is_bound
    ]
    views = {one.environment: one for one in await asyncio.gather(*read)}
    for name in bound.keys() - views.keys():
        views[name] = DatabaseView(name, paths.get(name, ""), unasked=True)
    return MigrationsPageView(found.repo.full_name, tuple(views[name] for name in bound))


async def _database(site: Site, repository_id: int, name: str, path: str) -> DatabaseView:
    """Of one that is the repository's."""
    runs, meant = await _changes(site, repository_id, name)
    seen = tuple(map(RunView, runs))
    if name not in site.looks.names:
        return DatabaseView(
            name,
            path,
            runs=seen,
            fault="this server knows no URL of it",
            remedy=f"whoever runs the bot sets `{database_variable(name)}`",
        )
    knowing = _newest(runs, meant)
    contents, schema = await asyncio.gather(
        site.looks.contents(name, knowing), site.looks.schema(name, knowing)
    )
    moved = _newest(*await _changes(site, repository_id, name)) != knowing
    if isinstance(contents, Unanswered):
        return DatabaseView(name, path, runs=seen, fault=contents.reason, remedy=contents.remedy)
    applied = {one.version for one in contents.value.applied}
    known = await site.schemas.fetch_known(repository_id)
    trunk = await site.schemas.fetch_known_backfills(repository_id)
    in_use = await _in_use(site, repository_id, name)
    return DatabaseView(
        name,
        path,
        schema=view_schema(name, schema, meant, applied, moves=moved or _is_open(runs)),
        applied=view_applied(contents.value.applied, known),
        waiting=tuple(
            _waiting(one, name, in_use)
            for version, one in sorted(known.items())
            if version not in applied
        ),
        backfills=_backfills(contents, name, in_use, runs, trunk),
        runs=seen,
        late=contents.late,
    )


async def _changes(
    site: Site, repository_id: int, name: str
) -> tuple[list[Run], MeantSchema | None]:
    return (
        await site.schemas.fetch_runs(repository_id, name, limit=RUNS_SHOWN),
        await site.schemas.fetch_meant(repository_id, name),
    )


def _newest(runs: Sequence[Run], meant: MeantSchema | None) -> Hashable:
    """Another value after every change that the bot makes."""
    return (
        (runs[0].id, runs[0].revision) if runs else None,
        (meant.root, meant.at) if meant else None,
    )


def _is_open(runs: Sequence[Run]) -> bool:
    return bool(runs) and not runs[0].ended


def _waiting(migration: KnownMigration, name: str, in_use: Sequence[InUse]) -> WaitingView:
    if migration.phase is not Phase.CONTRACT:
        return WaitingView(migration, name)
    against = judged(
        still_needed(migration, in_use, name),
        "nothing that is live or could be put back needs it any more",
    )
    return WaitingView(migration, name, against)


def _backfills(
    contents: Answer[Contents],
    name: str,
    in_use: Sequence[InUse],
    runs: Sequence[Run],
    trunk: Mapping[Version, KnownBackfill],
) -> tuple[BackfillView, ...]:
    """Those that were ever begun, and those that the trunk has, a build needs or the newest run is
    to do."""
    begun = {one.version: one for one in contents.value.backfills}
    wanted = {version: one.name for version, one in trunk.items()}
    for use in in_use:
        if isinstance(use.build, BuildSchema):
            wanted |= use.build.backfills
    for part in runs[0].parts if runs else ():
        if part.kind is PartKind.BACKFILL:
            wanted[part.version] = part.name
    found = begun | {
        version: not_begun(version, called, "")
        for version, called in wanted.items()
        if version not in begun
    }
    doing = runs[0].next_part if _is_open(runs) else None
    at = doing.version if doing and doing.kind is PartKind.BACKFILL else None
    return tuple(
        BackfillView(
            found[version],
            name,
            needed=version not in trunk or trunk[version].needed,
            under_way=version == at,
        )
        for version in sorted(found)
    )


async def _in_use(site: Site, repository_id: int, name: str) -> tuple[InUse, ...]:
    """What is live and what could be put back, as far as the store remembers their trees."""
    policy = await remembered_policy(site, repository_id)
    reach = (policy.migrations if policy else DEFAULT_MIGRATIONS).rollback_window
    ledger = await site.operations.fetch_ledger(repository_id, name, limit=_LEDGER_READ)
    entries = rollback_window(ledger, Window(reach.builds, reach.age), site.clock.now())
    shas = [one.entry.build.sha for one in entries if one.entry.build.sha]
    remembered = await site.schemas.fetch_builds(repository_id, shas)
    found = []
    for one in entries:
        build = one.entry.build
        facts = remembered.get(build.sha)
        unread = UnreadBuild(build.sha, build.called, "nobody has looked at its tree yet")
        found.append(one.with_facts(replace(facts, label=build.called) if facts else unread))
    return tuple(found)
