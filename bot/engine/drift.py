"""Notices that an environment's schema is not the one that is meant: it was changed by hand."""

from dataclasses import dataclass

import structlog

from bot.core.audit.entry import content_key
from bot.core.migrations.model import Version
from bot.core.model import RepoRef
from bot.core.phrases import counted, listed, quoted
from bot.core.promotion import Unread
from bot.core.schema.difference import Difference, digest_differences
from bot.core.schema.snapshot import MeantSchema, SchemaDigests
from bot.core.work.schemas import SweepSchemas
from bot.engine.links import Links
from bot.engine.schema_runs import migrations_policy
from bot.engine.schemas import Schemas
from bot.ports import Clock, HubError
from bot.ports.database import DatabaseError
from bot.ports.operations import AuditEntry, AuditLog, CommandHub, Notice, OperationStore, Outbox
from bot.ports.repositories import RepositoryStore
from bot.ports.schemas import SchemaStore

log = structlog.get_logger()

_NAMED = 5


@dataclass(frozen=True, slots=True)
class DriftWatch:
    commands: CommandHub
    schemas: Schemas
    store: SchemaStore
    operations: OperationStore
    repositories: RepositoryStore
    audit: AuditLog
    outbox: Outbox
    clock: Clock
    links: Links

    async def sweep(self, work: SweepSchemas, cause: str) -> None:
        """Look at every database that is some repository's."""
        for environment, repository_id in (await self.store.fetch_bindings()).items():
            repo = await self.repositories.fetch_repository(repository_id)
            if repo is not None and self.schemas.has(environment):
                try:
                    await self._look(repo, environment)
                except (DatabaseError, HubError) as error:
                    log.warning("schema_not_read", environment=environment, error=str(error))

    async def _look(self, repo: RepoRef, environment: str) -> None:
        if await self.store.fetch_runs(repo.id, environment, open_only=True, limit=1):
            return  # it is being changed, and is recorded at the end
        meant = await self.store.fetch_meant(repo.id, environment)
        found = await self.schemas.in_place(repo, environment)
        if isinstance(found, Unread):
            log.warning("schema_not_read", environment=environment, error=found.reason)
            return
        if meant is None or found.root == meant.root:
            return
        database = await self.schemas.database(repo, environment)
        applied = frozenset(one.version for one in await database.fetch_applied())
        past = applied - meant.applied
        if past and await self._are_of_the_trunk(repo, past, applied):
            await self._take(repo, environment, found, applied, past)
        else:
            await self._tell(repo, environment, found, meant, past)

    async def _are_of_the_trunk(
        self, repo: RepoRef, versions: frozenset[Version], applied: frozenset[Version]
    ) -> bool:
        if versions <= (await self.store.fetch_known(repo.id)).keys():
            return True
        _, sha = await self.commands.fetch_trunk(repo)
        policy = await migrations_policy(self.operations, repo.id)
        tree = await self.schemas.tree(repo, sha, policy, applied)
        await self.store.save_trunk(repo.id, tree.known.values(), tree.known_backfills, applied)
        return versions <= tree.known.keys()

    async def _take(
        self,
        repo: RepoRef,
        environment: str,
        found: SchemaDigests,
        applied: frozenset[Version],
        past: frozenset[Version],
    ) -> None:
        """Migrations of the trunk were applied by another tool: that schema is meant now."""
        cause = f"{counted(len(past), 'migration')} of the trunk, applied past Lockgate"
        meant = MeantSchema(found.root, found.objects, applied, cause, self.clock.now())
        await self.store.save_meant(repo.id, environment, meant)
        names = listed([quoted(one) for one in sorted(past)], _NAMED)
        await self._note(repo, environment, "applied past Lockgate", names, found.root)

    async def _tell(
        self,
        repo: RepoRef,
        environment: str,
        found: SchemaDigests,
        meant: MeantSchema,
        past: frozenset[Version],
    ) -> None:
        changed = digest_differences(meant.digests, found.objects)
        said = listed([_said(one) for one in changed], _NAMED) or "nothing that has a name"
        by = f"; {listed(sorted(past), _NAMED)} went past Lockgate" if past else ""
        await self._note(repo, environment, "drift", said + by, found.root)
        await self.outbox.post(
            Notice(
                key=f"drift-{repo.id}-{environment}-{found.root[:16]}",
                severity="warning",
                title=f"{repo.full_name} {environment}: the schema was changed past Lockgate",
                text=f"{said}{by}. It is not as {meant.cause} left it.",
                url=self.links.migrations(repo),
                repository=repo.full_name,
                environment=environment,
            )
        )
        log.warning("schema_drift", environment=environment, objects=len(changed))

    async def _note(
        self, repo: RepoRef, environment: str, what: str, found: str, schema_hash: str
    ) -> None:
        await self.audit.append(
            AuditEntry(
                kind="schema",
                actor="lockgate",
                repository=repo.full_name,
                subject=f"{environment}: {what}",
                detail={"found": found},
                schema_hash=schema_hash,
                key=content_key("schema", repo.id, environment, what, schema_hash),
            )
        )


def _said(difference: Difference) -> str:
    return f"{difference.change.value} {quoted(difference.name)}"
