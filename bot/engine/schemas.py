"""Reads what promotions, rollbacks and runs need to know of an environment's database."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.core.hosting import Build
from bot.core.migrations.builds import (
    BuildFacts,
    BuildSchema,
    DatabaseState,
    KnownMigration,
    UnreadBuild,
)
from bot.core.migrations.gating import database_variable
from bot.core.migrations.model import Version
from bot.core.migrations.trees import Tree, read_tree
from bot.core.model import RepoRef, Sha
from bot.core.operations.rollback_target import call
from bot.core.phrases import quoted
from bot.core.policy.migrations import MigrationsPolicy
from bot.core.promotion import Read, SchemaFacts, Unread
from bot.core.schema.snapshot import MeantSchema, SchemaDigests
from bot.ports import HubError
from bot.ports.database import Database, DatabaseError, DatabaseRefused, DatabaseUnavailable
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
        variable = database_variable(environment)
        if database is None:
            raise DatabaseRefused(
                f"this server knows no database of {environment}",
                f"whoever runs it sets {quoted(variable)}",
            )
        owner = await self.store.bind_database(environment, repo.id)
        if owner != repo.id:
            raise DatabaseRefused(
                f"the database in {quoted(variable)} is another repository's",
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

    async def facts(
        self, repo: RepoRef, environment: str, policy: MigrationsPolicy, build: Build
    ) -> Read[SchemaFacts] | None:
        """What a build needs of the environment's database, and what is there. None where the
        environment has no database.

        Raises:
            StoreUnavailable: nothing is remembered.
        """
        if not self.has(environment):
            return None
        try:
            state = await self.state(repo, environment)
            (needs,) = await self.builds(repo, [build], policy, state)
        except DatabaseError as error:
            return Unread(f"{error}; {error.remedy}" if error.remedy else str(error))
        if isinstance(needs, BuildSchema):
            told = {
                version: one if one.phase else needs.migrations.get(version, one)
                for version, one in state.applied.items()
            }
            state = replace(state, applied=told)
        meant = await self.store.fetch_meant(repo.id, environment)
        return SchemaFacts(needs, state, await self.in_place(repo, environment), meant)

    async def in_place(self, repo: RepoRef, environment: str) -> Read[SchemaDigests]:
        """The schema that the environment's database has now."""
        try:
            database = await self.database(repo, environment)
            async with asyncio.timeout(ANSWERS_WITHIN):
                return await database.fetch_schema()
        except DatabaseError as error:
            return Unread(str(error))
        except TimeoutError:
            return Unread(f"it did not answer within {ANSWERS_WITHIN:.0f} s")

    async def record(self, repo: RepoRef, environment: str, cause: str, at: datetime) -> str:
        """The schema's root digest at a promotion or rollback; empty where there is no database, or
        it does not answer. The first that is ever seen is the one that is meant.

        Raises:
            StoreUnavailable: it could not be remembered.
        """
        if not self.has(environment):
            return ""
        found = await self.in_place(repo, environment)
        if isinstance(found, Unread):
            log.warning("schema_not_read", environment=environment, reason=found.reason)
            return ""
        if await self.store.fetch_meant(repo.id, environment) is None:
            database = await self.database(repo, environment)
            versions = frozenset(one.version for one in await database.fetch_applied())
            meant = MeantSchema(found.root, found.objects, versions, cause, at)
            await self.store.save_meant(repo.id, environment, meant)
        return found.root

    async def _build(
        self,
        repo: RepoRef,
        build: Build,
        policy: MigrationsPolicy,
        commits: Sequence[Sha],
        remembered: BuildSchema | None,
        applied: Collection[Version],
    ) -> BuildFacts:
        label = quoted(call(build))
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
