"""Answers ``/migrate``, ``/contract`` and ``/migrations``."""

from dataclasses import dataclass
from typing import TypeAlias

from bot.core.audit.entry import content_key
from bot.core.commands.requests import (
    ContractRequest,
    MigrateRequest,
    MigrationsRequest,
    Refusal,
)
from bot.core.migrations.builds import DatabaseState
from bot.core.migrations.model import Phase
from bot.core.migrations.runs import Part, PartKind, Planned, Run, RunKind, plan_migrate
from bot.core.migrations.trees import Tree
from bot.core.model import Sha
from bot.core.phrases import counted, listed, quoted
from bot.core.render.schema_run import render_accepted, render_migrations, render_plan_of_run
from bot.core.schema.snapshot import MeantSchema
from bot.core.work.schemas import AdvanceSchemaRun
from bot.engine.asked import Answer, Asked, refuse
from bot.engine.contracts import Contracts
from bot.engine.schemas import Schemas
from bot.ports import Store
from bot.ports.database import DatabaseError
from bot.ports.operations import AuditEntry, AuditLog, CommandHub
from bot.ports.schemas import SchemaStore

SchemaRequest: TypeAlias = MigrateRequest | ContractRequest | MigrationsRequest


@dataclass(frozen=True, slots=True)
class _Seen:
    """The trunk's files and the database, side by side."""

    sha: Sha
    tree: Tree
    state: DatabaseState

    @property
    def planned(self) -> Planned:
        return plan_migrate(self.tree.known, self.tree.backfills.values(), self.state)


@dataclass(frozen=True, slots=True)
class SchemaCommands:
    commands: CommandHub
    schemas: Schemas
    contracts: Contracts
    runs: SchemaStore
    store: Store
    audit: AuditLog

    async def answer(self, request: SchemaRequest, asked: Asked) -> Answer:
        """
        Raises:
            HubUnavailable, StoreUnavailable: not known; to be run again.
        """
        said = _said(request)
        if await self.runs.fetch_run_of_comment(asked.ref.repo.id, asked.comment_id):
            return Answer("")  # a worker was killed since: the run's own comment is the answer
        if asked.policy_fault and not isinstance(request, MigrationsRequest):
            against = f"The policy on the default branch cannot be used: {asked.policy_fault}."
            return refuse(Refusal(said, against, "Mend it first."))
        try:
            match request:
                case MigrateRequest():
                    return await self._migrate(request, asked, said)
                case ContractRequest():
                    return await self._contract(request, asked, said)
                case MigrationsRequest():
                    return await self._status(request, asked, said)
        except DatabaseError as error:
            remedy = f"{error.remedy or 'see that it can be reached, then type it again'}."
            return refuse(Refusal(said, f"{error}.", remedy))

    async def _migrate(self, request: MigrateRequest, asked: Asked, said: str) -> Answer:
        if request.accept:
            return await self._accept(request.environment, asked)
        seen = await self._look(request.environment, asked)
        if refusal := _unreadable(said, seen):
            return refuse(refusal)
        planned = seen.planned
        if request.dry_run or not planned.parts:
            return Answer(render_plan_of_run(RunKind.MIGRATE, request.environment, planned))
        return await self._begin(
            RunKind.MIGRATE, request.environment, asked, seen, planned.parts, said
        )

    async def _accept(self, environment: str, asked: Asked) -> Answer:
        repo, login = asked.ref.repo, asked.actor.login
        database = await self.schemas.database(repo, environment)
        found = await database.fetch_schema()
        applied = frozenset(one.version for one in await database.fetch_applied())
        before = await self.runs.fetch_meant(repo.id, environment)
        meant = MeantSchema(found.root, found.objects, applied, f"what {login} accepted", asked.now)
        await self.audit.append(
            AuditEntry(
                kind="schema",
                actor=login,
                repository=repo.full_name,
                subject=f"{environment}: accepted as it is",
                detail={"before": before.root if before else ""},
                schema_hash=found.root,
                pull_number=asked.ref.number,
                key=content_key("schema accepted", repo.id, asked.comment_id),
            )
        )
        await self.runs.save_meant(repo.id, environment, meant)
        return Answer(render_accepted(environment, meant))

    async def _contract(self, request: ContractRequest, asked: Asked, said: str) -> Answer:
        seen = await self._look(request.environment, asked)
        if refusal := _unreadable(said, seen):
            return refuse(refusal)
        contract = seen.tree.migrations.get(request.version)
        if contract is None:
            against = f"The trunk at {quoted(seen.sha[:7])} has no migration of that version."
            return refuse(Refusal(said, against, "`/migrations` lists what waits."))
        if seen.tree.known[request.version].phase is not Phase.CONTRACT:
            against = f"{quoted(contract.name)} is an expand."
            return refuse(Refusal(said, against, "`/migrate` applies those."))
        if request.version in seen.state.applied:
            return Answer(f"**{said}: applied already.** Nothing was done.")
        judgement = await self.contracts.judge(
            asked.ref.repo, contract, seen.state, asked.migrations
        )
        part = Part(PartKind.MIGRATION, contract.version, contract.name)
        if request.dry_run:
            planned = Planned((part,))
            return Answer(
                render_plan_of_run(RunKind.CONTRACT, request.environment, planned, judgement)
            )
        if not judgement.allowed:
            more = [one.said for one in judgement.obstacles[1:4]]
            against = "; ".join([judgement.summary, *more] if more else [judgement.summary])
            return refuse(Refusal(said, f"{against}.", f"{judgement.remedy}."))
        return await self._begin(RunKind.CONTRACT, request.environment, asked, seen, (part,), said)

    async def _status(self, request: MigrationsRequest, asked: Asked, said: str) -> Answer:
        wanted = [request.environment] if request.environment else list(asked.environments)
        names = [name for name in wanted if self.schemas.has(name) or name == request.environment]
        if not names:
            against = "This server knows no database of an environment of this repository."
            remedy = "Whoever runs it sets `LOCKGATE_DB_<NAME>`."
            return refuse(Refusal(said, against, remedy))
        texts = []
        for name in names:
            seen = await self._look(name, asked)
            runs = await self.runs.fetch_runs(asked.ref.repo.id, name, limit=1)
            newest = runs[0] if runs else None
            texts.append(render_migrations(name, seen.state, seen.planned, asked.now, newest))
        return Answer("\n\n".join(texts))

    async def _look(self, environment: str, asked: Asked) -> _Seen:
        repo = asked.ref.repo
        _, sha = await self.commands.fetch_trunk(repo)
        state = await self.schemas.state(repo, environment)
        tree = await self.schemas.tree(repo, sha, asked.migrations, state.applied.keys())
        await self.runs.save_trunk(
            repo.id, tree.known.values(), tree.known_backfills, state.applied
        )
        known = {version: tree.known.get(version, one) for version, one in state.applied.items()}
        return _Seen(sha, tree, DatabaseState(environment, known, state.backfills))

    async def _begin(
        self,
        kind: RunKind,
        environment: str,
        asked: Asked,
        seen: _Seen,
        parts: tuple[Part, ...],
        said: str,
    ) -> Answer:
        run = await self.runs.add_run(
            Run(
                id=0,
                repo=asked.ref.repo,
                environment=environment,
                kind=kind,
                sha=seen.sha,
                actor=asked.actor,
                requested_at=asked.now,
                pull_number=asked.ref.number,
                comment_id=asked.comment_id,
                parts=parts,
            )
        )
        if run is None:
            (other,) = await self.runs.fetch_runs(
                asked.ref.repo.id, environment, open_only=True, limit=1
            ) or (None,)
            whose = f" that {other.actor.login} asked for" if other else ""
            against = f"A run{whose} is under way on {environment}."
            return refuse(Refusal(said, against, "Wait for its end, or `/cancel` it."))
        await self.store.enqueue(AdvanceSchemaRun(run.id))
        return Answer("")


def _said(request: SchemaRequest) -> str:
    match request:
        case MigrateRequest(environment):
            return f"Migration of {environment}"
        case ContractRequest(environment, version):
            return f"Contract `{version}` on {environment}"
        case MigrationsRequest(environment):
            return f"The migrations of {environment or 'all environments'}"


def _unreadable(said: str, seen: _Seen) -> Refusal | None:
    if seen.tree.problems:
        first = seen.tree.problems[0]
        more = len(seen.tree.problems) - 1
        rest = f", and {counted(more, 'more fault')}" if more else ""
        against = f"{quoted(first.path)}, line {first.line}: {first.message}{rest}."
        return Refusal(said, against, f"{first.remedy or 'mend the file'}.")
    if unclear := seen.planned.unclear:
        names = listed([quoted(f"{one.version}_{one.name}") for one in unclear])
        return Refusal(
            said,
            f"Nobody can tell the phase of {names}.",
            "Mark each as `.expand.sql` or `.contract.sql`.",
        )
    return None
