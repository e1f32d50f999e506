"""Reads what promotions, rollbacks and runs need to know of an environment's database."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.core.hosting import Build
from bot.core.migrations.builds import (
    BuildFacts,
    BuildSchema,
    DatabaseState,
    KnownMigration,
    UnreadBuild,
)
from bot.core.migrations.model import Version
from bot.core.migrations.trees import Tree, read_tree
from bot.core.model import RepoRef, Sha
from bot.core.operations.rollback_target import call
from bot.core.policy.migrations import MigrationsPolicy
from bot.ports import HubError
from bot.ports.database import Database, DatabaseRefused, DatabaseUnavailable
from bot.ports.migrations import MigrationHub
from bot.ports.schemas import SchemaStore

log = structlog.get_logger()

ANSWERS_WITHIN = 5.0
"""Seconds that a database is given before it counts as not reachable: a rollback waits for it."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """``databases`` are by the name of the environment that each is of."""

    hub: MigrationHub
    databases: Mapping[str, Database]
    store: SchemaStore

    def has(self, environment: str) -> bool:
        """Whether this server knows a database of an environment called so."""
        return environment in self.databases

    async def database(self, repo: RepoRef, environment: str) -> Database:
        """
        Raises:
            DatabaseRefused: there is none, or it is another repository's.
            StoreUnavailable: nobody knows whose it is.
        """
        database = self.databases.get(environment)
        variable = f"LOCKGATE_DB_{environment.upper().replace('-', '_')}"
        if database is None:
            raise DatabaseRefused(
                f"this server knows no database of {environment}",
                f"whoever runs it sets {variable}",
            )
        owner = await self.store.bind_database(environment, repo.id)
        if owner != repo.id:
            raise DatabaseRefused(
                f"the database in {variable} is another repository's",
                "name the environment of this repository otherwise, and give it a database of "
                "its own",
            )
        return database

    async def tree(
        self, repo: RepoRef, sha: Sha, policy: MigrationsPolicy, applied: Collection[Version] = ()
    ) -> Tree:
        """The migrations and backfills of a commit.

        Raises:
            HubUnavailable, HubGone, HubRefused: they could not be read.
        """
        folders = await self.hub.fetch_folders(repo, sha, policy.path, policy.backfills)
        return read_tree(folders.migrations, folders.backfills, applied)

    async def state(
        self, repo: RepoRef, environment: str, *trees: Mapping[Version, KnownMigration]
    ) -> DatabaseState:
        """The database as it is, with what is known of the versions in its ledger: by the trunk,
        else by the trees that are given.

        Raises:
            DatabaseUnavailable, DatabaseRefused: it could not be asked.
        """
        database = await self.database(repo, environment)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                applied = await database.fetch_applied()
                backfills = await database.fetch_backfills()
        except TimeoutError:
            raise DatabaseUnavailable(
                f"the database of {environment} did not answer within {ANSWERS_WITHIN:.0f} s"
            ) from None
        known: dict[Version, KnownMigration] = {}
        for tree in trees:
            known |= tree
        known |= await self.store.fetch_known(repo.id)
        return DatabaseState(
            environment,
            {
                one.version: known.get(one.version, KnownMigration(one.version, one.name))
                for one in applied
            },
            {one.version: one.progress for one in backfills},
        )

    async def builds(
        self,
        repo: RepoRef,
        builds: Sequence[Build],
        policy: MigrationsPolicy,
        state: DatabaseState,
        commits: Iterable[Sha] = (),
    ) -> list[BuildFacts]:
        """What each build needs, from what was remembered, else from its tree, compared with the
        commits that the database's contracts name by ``requires-build``, and with ``commits``."""
        commits = (*commits, *asked_commits(state.applied.values()))
        wanted = tuple(dict.fromkeys(commits))
        shas = [build.sha for build in builds if build.sha]
        remembered = await self.store.fetch_builds(repo.id, shas)
        applied = state.applied.keys()
        return [
            await self._build(repo, one, policy, wanted, remembered.get(one.sha), applied)
            for one in builds
        ]

    async def _build(
        self,
        repo: RepoRef,
        build: Build,
        policy: MigrationsPolicy,
        commits: Sequence[Sha],
        remembered: BuildSchema | None,
        applied: Collection[Version],
    ) -> BuildFacts:
        label = call(build)
        if not build.sha:
            return UnreadBuild(build.sha, label, "nobody knows which commit it was built from")
        found: BuildFacts | None = remembered
        try:
            if found is None:
                tree = await self.tree(repo, build.sha, policy, applied)
                found = tree.build(build.sha, label, {})
            if isinstance(found, UnreadBuild):
                return found
            missing = [one for one in commits if one not in found.contains]
            answers = [await self.hub.is_contained(repo, one, [build.sha]) for one in missing]
        except HubError as error:
            if isinstance(found, BuildSchema):
                return replace(found, label=label)  # what could not be compared is unknown there
            return UnreadBuild(build.sha, label, str(error))
        told = {commit: answer[0] for commit, answer in zip(missing, answers, strict=True)}
        found = replace(found, label=label, contains={**found.contains, **told})
        if told or remembered is None:
            await self.store.save_build(repo.id, found)
        return found


def asked_commits(known: Iterable[KnownMigration]) -> list[Sha]:
    """The commits that contracts name by ``requires-build``."""
    return sorted({one.requires_build for one in known if one.requires_build})
