"""Whether what a rollback could put back goes with the schema in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from bot.core.audit.entry import content_key
from bot.core.decision import Verdict
from bot.core.hosting import Build
from bot.core.migrations.compatibility import may_roll_back
from bot.core.model import RepoRef
from bot.core.policy.migrations import MigrationsPolicy
from bot.engine.schemas import Schemas
from bot.ports.database import DatabaseError
from bot.ports.operations import AuditEntry, AuditLog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SchemaFit:
    schemas: Schemas
    audit: AuditLog

    async def incompatible(
        self, repo: RepoRef, environment: str, policy: MigrationsPolicy, builds: Sequence[Build]
    ) -> Callable[[Build], str]:
        """Why a build cannot be put back on the schema in place; empty if it can.

        A rollback must be possible while other things are down: a database that does not answer,
        or a tree that cannot be read, is written to the audit log and holds nothing back.

        Raises:
            StoreUnavailable: nothing is remembered.
        """
        if not self.schemas.has(environment):
            return lambda _: ""
        distinct = list({build.sha: build for build in builds if build.sha}.values())
        try:
            state = await self.schemas.state(repo, environment)
            facts = await self.schemas.builds(repo, distinct, policy, state)
        except DatabaseError as error:
            await self._note(repo, environment, str(error))
            return lambda _: ""
        against: dict[str, str] = {}
        unknown: list[str] = []
        for fact in facts:
            judgement = may_roll_back(fact, state, facts)
            unknown += [one.said for one in judgement.obstacles if one.verdict is Verdict.ERROR]
            gone = [one.said for one in judgement.obstacles if one.verdict is Verdict.FAIL]
            if gone:
                against[fact.sha] = f"{gone[0]}."
        if unknown:
            await self._note(repo, environment, "; ".join(dict.fromkeys(unknown)))
        return lambda build: against.get(build.sha, "")

    async def _note(self, repo: RepoRef, environment: str, reason: str) -> None:
        log.warning("schema_not_checked", environment=environment, reason=reason)
        await self.audit.append(
            AuditEntry(
                kind="rollback",
                actor="lockgate",
                repository=repo.full_name,
                subject=f"{environment}: the schema was not checked",
                detail={"reason": reason[:1000]},
                key=content_key("schema not checked", repo.id, environment, reason),
            )
        )
