"""The check ``lockgate/migrations`` on a pull request that changes a database.

Nothing of the pull request is run: what its SQL would do is told from its text, and from what the
environment's database says of its tables. A trial on a shadow is for whoever trusts the author.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.core.decision import Verdict
from bot.core.effects import plan_checks
from bot.core.migrations.builds import DatabaseState
from bot.core.migrations.catalog import Catalog
from bot.core.migrations.findings import Check, Finding, Severity, page_of
from bot.core.migrations.judgement import Obstacle
from bot.core.migrations.lint import check_of
from bot.core.migrations.model import Migration, Phase, Version
from bot.core.migrations.rules.rule import Surroundings
from bot.core.migrations.squawk import SquawkError, SquawkFinding
from bot.core.migrations.trees import Tree, read_tree
from bot.core.migrations.versions import version_in
from bot.core.model import RepoRef, Sha
from bot.core.policy.migrations import MigrationsPolicy
from bot.core.render.migrations_check import render_migrations_check
from bot.core.work.pulls import RefreshPullRequest
from bot.core.work.schemas import CheckMigrations, RefreshMigrations
from bot.engine.apply import apply
from bot.engine.contracts import Contracts
from bot.engine.links import Links
from bot.engine.schema_runs import migrations_policy
from bot.engine.schemas import Schemas
from bot.ports import Hub, HubGone, Store
from bot.ports.database import DatabaseError
from bot.ports.migrations import Folders
from bot.ports.operations import OperationStore
from bot.ports.schemas import SchemaStore

log = structlog.get_logger()

Squawk = Callable[[Sequence[tuple[str, bytes]]], Iterable[SquawkFinding]]
"""What the linter of that name finds in (path, content) pairs."""

STILL_NEEDED = "contract-still-needed"
"""The rule that a contract's own check names who still needs what it drops by."""

DATABASE_UNREAD = "database-unread"
"""The rule of what an environment's database could not be asked."""

SQUAWK_UNASKED = "squawk"
"""The rule of a linter that could not be asked."""


@dataclass(frozen=True, slots=True)
class MigrationChecks:
    hub: Hub
    schemas: Schemas
    contracts: Contracts
    known: SchemaStore
    operations: OperationStore
    store: Store
    links: Links
    squawk: Squawk

    async def check(self, work: CheckMigrations, cause: str) -> None:
        """Read both folders of the head and of the base, and write what differs from the check that
        stands there. Where nothing of them is changed there is none."""
        if work.closed:
            await self.known.save_pull_versions(work.repository_id, work.number, ())
            return
        repo, policy = work.repo, await migrations_policy(self.operations, work.repository_id)
        folders = self.schemas.hub.fetch_folders
        try:
            base = await folders(repo, Sha(work.base_sha), policy.path, policy.backfills)
            head = await folders(repo, Sha(work.head_sha), policy.path, policy.backfills)
        except HubGone:
            log.info("pull_request_gone", pull=work.key)
            return
        changed, removed = await self._differing(work, policy, base, head)
        if work.number:
            added = [version_in(path) for path in changed & head.migrations.keys()]
            await self.known.save_pull_versions(repo.id, work.number, added)
        if not changed and not removed:
            return
        found = await self._judge(work, policy, base, head, changed, removed)
        output = render_migrations_check(found, details_url=self.links.migrations(repo))
        snapshot = await self.hub.fetch_merge_group(
            repo, head_sha=Sha(work.head_sha), base_sha=Sha(work.head_sha), base_ref=""
        )
        effects = plan_checks(repo, Sha(work.head_sha), [output], snapshot.checks, rerun=work.rerun)
        for effect in effects:
            await apply(effect, hub=self.hub, store=self.store, cause=cause)

    async def refresh(self, work: RefreshMigrations, cause: str) -> None:
        """What was said of open pull requests' versions may be so no more: look at them."""
        repo = work.repo
        for number in await self.known.fetch_pulls_with_versions(repo.id):
            await self.store.enqueue(
                RefreshPullRequest(
                    repo.installation_id, repo.id, repo.owner, repo.name, number=number
                )
            )

    async def _differing(
        self, work: CheckMigrations, policy: MigrationsPolicy, base: Folders, head: Folders
    ) -> tuple[set[str], set[str]]:
        """The paths that the head changed, and those that it removed. Where the base has such a
        file, the commit that both are built on tells whether it was the base that changed it."""
        before, after = _files(base), _files(head)
        different = {path for path, content in after.items() if before.get(path) != content}
        missing = before.keys() - after.keys()
        if not missing and different.isdisjoint(before):
            return different, set()
        hub, repo = self.schemas.hub, work.repo
        fork = await hub.fetch_fork(repo, Sha(work.base_sha), Sha(work.head_sha))
        if fork is None:
            return different, set()
        then = _files(await hub.fetch_folders(repo, fork, policy.path, policy.backfills))
        return {path for path in different if then.get(path) != after[path]}, missing & then.keys()

    async def _judge(
        self,
        work: CheckMigrations,
        policy: MigrationsPolicy,
        base: Folders,
        head: Folders,
        changed: set[str],
        removed: set[str],
    ) -> Check:
        repo = work.repo
        environment = await self._environment(repo)
        unread = None
        try:
            catalog, around = await self._database(repo, environment, policy)
        except DatabaseError as error:
            catalog, around = Catalog(exposed=frozenset(policy.exposed_schemas)), Surroundings()
            unread = error
        versions = [version_in(path) for path in base.migrations]
        around = replace(
            around,
            newest=max(versions, default=None),
            elsewhere=await self._elsewhere(work, base, head, removed),
        )
        judged = [(path, text) for path, text in head.migrations.items() if path in changed]
        unasked: list[Finding] = []
        try:
            squawked = await asyncio.to_thread(lambda: list(self.squawk(judged)))
        except SquawkError as error:
            squawked, unasked = [], [_unasked(judged[0][0], str(error))]
        found = await asyncio.to_thread(
            check_of,
            changed,
            tuple(head.migrations.items()),
            tuple(head.backfills.items()),
            catalog,
            around,
            squawked,
            removed,
        )
        tree = await asyncio.to_thread(
            read_tree, head.migrations, head.backfills, around.ledger.keys()
        )
        needed: tuple[Finding, ...] = ()
        if unread is None:
            try:
                needed = await self._still_needed(repo, environment, policy, tree, changed)
            except DatabaseError as error:
                unread = error
        if unread is not None:
            log.warning("database_not_read", environment=environment, error=str(unread))
            there = sorted((changed | removed) & base.migrations.keys())
            unasked += [_unread(environment, unread, there, sorted(changed | removed))]
        kept = (one for one in found.findings if one.rule not in policy.ignore)
        return replace(found, findings=(*unasked, *kept, *needed))

    async def _elsewhere(
        self, work: CheckMigrations, base: Folders, head: Folders, removed: set[str]
    ) -> dict[Version, str]:
        """Versions that others add: open pull requests, and what came to the base since. A merge
        queue's candidate is made of pull requests that are open still."""
        others = {
            version_in(path): f"{path.rpartition('/')[2]} on the trunk"
            for path in base.migrations.keys() - head.migrations.keys() - removed
        }
        if not work.number:
            return others
        pulls = await self.known.fetch_pull_versions(work.repository_id, besides=work.number)
        return {**{version: f"#{number}" for version, number in pulls.items()}, **others}

    async def _environment(self, repo: RepoRef) -> str:
        """The one whose database is this repository's: production before others."""
        bound = await self.known.fetch_bindings()
        mine = [name for name, owner in bound.items() if owner == repo.id]
        names = [name for name in mine if self.schemas.has(name)]
        return min(names, key=lambda name: (name != "production", name), default="")

    async def _database(
        self, repo: RepoRef, environment: str, policy: MigrationsPolicy
    ) -> tuple[Catalog, Surroundings]:
        """
        Raises:
            DatabaseUnavailable, DatabaseRefused: it could not be asked.
        """
        exposed = frozenset(policy.exposed_schemas)
        if not environment:
            return Catalog(exposed=exposed), Surroundings()
        database = await self.schemas.database(repo, environment)
        catalog, around = await database.fetch_known()
        return replace(catalog, exposed=exposed), around

    async def _still_needed(
        self,
        repo: RepoRef,
        environment: str,
        policy: MigrationsPolicy,
        tree: Tree,
        changed: set[str],
    ) -> tuple[Finding, ...]:
        """Who still needs what the changed contracts drop, and when that ends. It is no fault of
        the file: it may be merged, and is applied later.

        Raises:
            DatabaseUnavailable, DatabaseRefused: it could not be asked.
        """
        contracts = [
            one
            for one in tree.migrations.values()
            if one.path in changed and tree.known[one.version].phase is Phase.CONTRACT
        ]
        if not contracts or not environment:
            return ()
        state = await self.schemas.state(repo, environment, tree.known)
        return tuple(
            [
                finding
                for contract in contracts
                for finding in await self._needed(repo, contract, state, policy)
            ]
        )

    async def _needed(
        self, repo: RepoRef, contract: Migration, state: DatabaseState, policy: MigrationsPolicy
    ) -> list[Finding]:
        judgement = await self.contracts.judge(repo, contract, state, policy)
        return [
            Finding(
                file=contract.path,
                line=1,
                statement="",
                rule=STILL_NEEDED,
                phase=Phase.CONTRACT.value,
                lock="",
                rewrite=False,
                severity=Severity.INFO,
                message=f"{_said(one)}; until then `/contract {contract.version}` is refused",
                url=page_of(STILL_NEEDED),
            )
            for one in judgement.obstacles
        ]


def _said(against: Obstacle) -> str:
    """What ends by itself says when; of what nobody can tell somebody has to see to it."""
    unknown = against.verdict is Verdict.ERROR
    return f"{against.said}; {against.remedy}" if unknown else against.said


def _unasked(path: str, reason: str) -> Finding:
    """What the linter would have said is not known, which is no pass."""
    message = f"the linter could not be asked: {reason}; press Re-run"
    return _unknown(path, SQUAWK_UNASKED, Severity.ERROR, message)


def _unread(
    environment: str, error: DatabaseError, there: Sequence[str], touched: Sequence[str]
) -> Finding:
    """What the database would have said is not known. A file that is on the trunk (``there``) may
    be applied, and then it would have been an error; of a new one less can be wrong."""
    remedy = f"{error.remedy}, then press Re-run" if error.remedy else "press Re-run"
    message = (
        f"the database of {environment} could not be read ({error}); what is applied, sizes "
        f"and who needs it are unknown; {remedy}"
    )
    severity = Severity.ERROR if there else Severity.WARNING
    return _unknown((there or touched)[0], DATABASE_UNREAD, severity, message)


def _unknown(path: str, rule: str, severity: Severity, message: str) -> Finding:
    """About a file as a whole, and no statement of it."""
    return Finding(
        file=path,
        line=1,
        statement="",
        rule=rule,
        phase="",
        lock="",
        rewrite=False,
        severity=severity,
        message=message,
        url=page_of(rule),
    )


def _files(folders: Folders) -> dict[str, bytes]:
    return {**folders.migrations, **folders.backfills}
