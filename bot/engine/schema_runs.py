"""Carries out ``/migrate`` and ``/contract``: part by part, in short turns, whatever is killed.

Each part is looked at in the database before it is begun: the ledger says what is applied, and a
backfill goes on from its own cursor. So a part that was begun before a crash is begun again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from bot.core.audit.entry import content_key
from bot.core.backfills.failures import spelled_out
from bot.core.backfills.model import NEVER_COUNTED, BackfillStatus
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Migration
from bot.core.migrations.runs import (
    Part,
    PartKind,
    PartState,
    Run,
    RunKind,
    RunState,
    begun,
    ended,
    with_part,
)
from bot.core.migrations.trees import Tree
from bot.core.phrases import counted, quoted
from bot.core.policy.migrations import DEFAULT_MIGRATIONS, MigrationsPolicy
from bot.core.schema.snapshot import MeantSchema, SchemaDigests, move_on, root_of
from bot.core.work.schemas import AdvanceSchemaRun
from bot.engine.burning import Burns
from bot.engine.contracts import Contracts
from bot.engine.links import Links
from bot.engine.remembered import parse_remembered
from bot.engine.run_comments import RunComments
from bot.engine.schemas import Schemas
from bot.ports import Clock, Store
from bot.ports.database import Applied, Database, DatabaseError, DatabaseUnavailable
from bot.ports.operations import AuditEntry, AuditLog, Notice, OperationStore, Outbox
from bot.ports.schemas import SchemaStore

log = structlog.get_logger()

_TURN = timedelta(seconds=10)
"""How long a worker keeps at a backfill before others have their turn, and the comment is told."""
_LOOK_UP = timedelta(seconds=1)
"""How often it is looked up whether somebody has cancelled it."""
_PAUSED = timedelta(seconds=5)
"""When a backfill that pauses by itself, or another runner has, is looked at again."""
_BURNING = timedelta(seconds=15)
"""When one is that waits for an objective: those are evaluated once a minute."""
_PAUSES = "pauses"
_BY_HAND = timedelta(minutes=1)
"""When one that a person paused is."""
_AGAIN = timedelta(seconds=10)
"""When a database that could not be reached is asked again."""
_GIVEN_UP = timedelta(days=7)
"""What has not ended by then is given up; what is done stays done."""


class _Ended(Exception):
    """The run ends here, and not well."""

    def __init__(self, outcome: str, remedy: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class SchemaRuns:
    schemas: Schemas
    runs: SchemaStore
    contracts: Contracts
    comments: RunComments
    operations: OperationStore
    store: Store
    audit: AuditLog
    outbox: Outbox
    clock: Clock
    links: Links
    burns: Burns

    async def advance(self, work: AdvanceSchemaRun, cause: str) -> None:
        """Do the next parts of a run, and queue the rest for later."""
        run = await self.runs.fetch_run(work.run_id)
        if run is None:
            return
        wait: timedelta | None = None
        if not run.ended:
            run, wait = await self._turn(run)
        if run.ended:
            await self._conclude(run)
        await self.comments.tell(run, cause)
        if wait is not None:
            await self.store.enqueue(work, delay=wait)

    async def cancel(
        self, repository_id: int, environment: str, by: str, comment_id: int
    ) -> Run | None:
        """End the run that is under way; what it has done stays done. None if there is none. The
        run that this comment has ended already, before a worker was killed, is it again."""
        recent = await self.runs.fetch_runs(repository_id, environment)
        for done in recent:
            if done.cancel_comment_id == comment_id:
                await self.store.enqueue(AdvanceSchemaRun(done.id))
                return done
        for found in recent:
            run: Run | None = found
            while run and not run.ended:
                outcome = f"{by} cancelled it. What was applied stays applied."
                cancelled = ended(run, RunState.CANCELLED, self.clock.now(), outcome)
                saved = await self.runs.save_run(replace(cancelled, cancel_comment_id=comment_id))
                if saved is not None:
                    await self.store.enqueue(AdvanceSchemaRun(saved.id))
                    return saved
                run = await self.runs.fetch_run(run.id)
        return None

    async def _turn(self, run: Run) -> tuple[Run, timedelta | None]:
        """The run as it is after this turn, and when the next one is due; None at its end."""
        try:
            return await self._work(run)
        except DatabaseUnavailable as error:
            now = self.clock.now()
            if now - run.requested_at > _GIVEN_UP:
                outcome = f"It was given up after {_GIVEN_UP.days} days: {error}"
                return await self._end(run.id, RunState.FAILED, outcome, error.remedy), None
            return await self._noted(run.id, str(error)), _AGAIN
        except DatabaseError as error:
            return await self._end(run.id, RunState.FAILED, str(error), error.remedy), None
        except _Ended as error:
            return await self._end(run.id, RunState.FAILED, error.outcome, error.remedy), None

    async def _work(self, run: Run) -> tuple[Run, timedelta | None]:
        database = await self.schemas.database(run.repo, run.environment)
        policy = await migrations_policy(self.operations, run.repo.id)
        applied = {one.version for one in await database.fetch_applied()}
        tree = await self.schemas.tree(run.repo, run.sha, policy, applied)
        if not run.schema_before:
            run = await self._save(replace(run, schema_before=(await database.fetch_schema()).root))
        while not run.ended and (part := run.next_part) is not None:
            run = await self._save(begun(run, part, self.clock.now()))
            if run.ended:
                break
            if part.kind is PartKind.BACKFILL:
                run, wait = await self._backfill(run, part, tree, database)
                if wait is not None:
                    return run, wait
            else:
                run = await self._migration(run, part, tree, database, policy)
        if run.ended:
            return run, None
        return await self._succeeded(run, database), None

    async def _migration(
        self, run: Run, part: Part, tree: Tree, database: Database, policy: MigrationsPolicy
    ) -> Run:
        migration = tree.migrations.get(part.version)
        if migration is None:
            raise _Ended(f"{quoted(part.name)} could not be read", "see the check of its commit")
        if run.kind is RunKind.CONTRACT:
            await self._must_be_free(run, migration, policy)
        await self._note(run, part, "begins", {})
        before = await database.fetch_schema()
        done = await database.apply(migration)
        await self.runs.save_known(run.repo.id, [tree.known[part.version]])
        await self._mean(run, part, database, before if done.applied else None)
        found = _applied(done)
        await self._note(run, part, "applied", {"found": found}, done.schema_after)
        return await self._done(run, part, found)

    async def _must_be_free(self, run: Run, contract: Migration, policy: MigrationsPolicy) -> None:
        """Take the environment, so that nothing is promoted or put back meanwhile, and ask once
        more whether anything needs what goes."""
        if not await self.runs.take_environment(run):
            raise DatabaseUnavailable(f"an operation moves {run.environment}: it is waited for")
        state = await self.schemas.state(run.repo, run.environment)
        judgement = await self.contracts.judge(run.repo, contract, state, policy)
        if not judgement.allowed:
            raise _Ended(judgement.summary, judgement.remedy)

    async def _backfill(
        self, run: Run, part: Part, tree: Tree, database: Database
    ) -> tuple[Run, timedelta | None]:
        backfill = tree.backfills.get(part.version)
        if backfill is None:
            raise _Ended(f"{quoted(part.name)} could not be read", "see the check of its commit")
        if part.started_at is None:
            await self._note(run, part, "begins", {})
        burning = await self.burns.why(run.repo.id, run.environment, backfill)
        if burning and (not part.found or part.found.startswith(_PAUSES)):
            # It is not begun, or rests already: each look of its own would cost a batch.
            return await self._noted(run.id, f"{_PAUSES}: {burning.why}"), _BURNING
        until = self.clock.now() + _TURN
        while True:
            status = await database.run_backfill_for(backfill, _LOOK_UP, watch=lambda: burning)
            going = status.state is BackfillState.RUNNING and self.clock.now() < until
            if not going or (await self._fresh(run.id)).ended:
                break
        if status.progress.settled(needed=backfill.needed):
            end = ("none left", "proven") if status.proven else ("not counted", "ended")
            found = f"{status.changed:,} rows changed, {end[0]}"
            await self._note(run, part, end[1], {"found": found})
            return await self._done(run, part, found), None
        match status.state:
            case BackfillState.FAILED:
                raise _Ended(
                    f"backfill {quoted(part.name)} failed: {status.why}",
                    spelled_out(status.remedy, part.version, run.environment),
                )
            case BackfillState.CANCELED:
                raise _Ended(
                    f"backfill {quoted(part.name)} was cancelled", "`/migrate` starts anew"
                )
            case BackfillState.FINISHED:
                left = "rows are left" if status.left else "nobody can prove that no row is left"
                said = f"backfill {quoted(part.name)} came to its end and {left}"
                verify = f"run `lockgate emc verify {part.version} --environment {run.environment}`"
                raise _Ended(said, status.remedy or (NEVER_COUNTED if status.uncounted else verify))
        moved = replace(part, state=PartState.RUNNING, found=_told(status), done=status.done)
        run = await self._save(with_part(run, replace(moved, started_at=_started(run, part))))
        if status.state is BackfillState.PAUSED:
            return run, _BY_HAND if status.paused_by else _PAUSED
        return run, timedelta(0)

    async def _done(self, run: Run, part: Part, found: str) -> Run:
        now = self.clock.now()
        done = replace(
            part, state=PartState.DONE, found=found, done=1.0, started_at=_started(run, part),
            ended_at=now,
        )  # fmt: skip
        return await self._save(with_part(run, done))

    async def _mean(
        self, run: Run, part: Part, database: Database, before: SchemaDigests | None
    ) -> None:
        """Record what is meant since the part. ``before``: what was in place; None where it was
        applied already, as by a worker that was killed before it came to this: then all is taken
        that is there."""
        after = await database.fetch_schema()
        meant = await self.runs.fetch_meant(run.repo.id, run.environment)
        if before is not None and meant is not None:
            objects = move_on(meant.digests, before.objects, after.objects)
            after = SchemaDigests(root_of(objects), objects)
            versions = meant.applied | {part.version}
        elif meant is None or part.version not in meant.applied:
            versions = frozenset(one.version for one in await database.fetch_applied())
        else:
            return
        cause = f"run {run.id} by {run.actor.login}"
        now = MeantSchema(after.root, after.objects, versions, cause, self.clock.now())
        await self.runs.save_meant(run.repo.id, run.environment, now)

    async def _succeeded(self, run: Run, database: Database) -> Run:
        what = counted(len(run.parts), "part")
        run = await self._save(replace(run, schema_after=(await database.fetch_schema()).root))
        return await self._end(run.id, RunState.SUCCEEDED, f"All of it is done: {what}.", "")

    async def _conclude(self, run: Run) -> None:
        """Runs once or, after a crash, again: each part comes to the same when done twice."""
        await self.runs.release_environment(run)
        await self.audit.append(
            AuditEntry(
                kind=run.kind.value,
                actor=run.actor.login,
                repository=run.repo.full_name,
                subject=f"{run.environment}: run {run.id}",
                detail={
                    "state": run.state.value,
                    "outcome": run.outcome,
                    "schema_before": run.schema_before,
                    "versions": [part.version for part in run.parts],
                },
                build_sha=run.sha,
                schema_hash=run.schema_after,
                pull_number=run.pull_number,
                key=content_key("schema run", run.repo.id, run.id),
            )
        )
        if run.state is not RunState.CANCELLED:
            await self.outbox.post(
                Notice(
                    key=f"schema-run-{run.id}-{run.state.value}",
                    severity="warning" if run.state is RunState.FAILED else "info",
                    title=f"/{run.kind.value} on {run.repo.full_name} {run.environment}: "
                    f"{run.state.value}",
                    text=run.outcome,
                    url=self.links.migrations(run.repo),
                    repository=run.repo.full_name,
                    environment=run.environment,
                )
            )
        log.info("schema_run_ended", run=run.id, state=run.state.value)

    async def _note(
        self, run: Run, part: Part, what: str, detail: dict[str, str], schema_hash: str = ""
    ) -> None:
        await self.audit.append(
            AuditEntry(
                kind=part.kind.value,
                actor=run.actor.login,
                repository=run.repo.full_name,
                subject=f"{run.environment}: {part.version}_{part.name} {what}",
                detail={"run": run.id, **detail},
                build_sha=run.sha,
                schema_hash=schema_hash,
                pull_number=run.pull_number,
                key=content_key("schema part", run.repo.id, run.id, part.version, what),
            )
        )

    async def _noted(self, run_id: int, found: str) -> Run:
        """With what is waited for, at the part that waits."""
        run = await self._fresh(run_id)
        part = run.next_part
        if run.ended or part is None or part.found == found:
            return run
        return await self._save(with_part(run, replace(part, found=found)))

    async def _end(self, run_id: int, state: RunState, outcome: str, remedy: str) -> Run:
        run = await self._fresh(run_id)
        if run.ended:
            return run
        part = run.next_part
        if part is not None:
            run = with_part(run, replace(part, state=PartState.FAILED, found=outcome))
        return await self._save(ended(run, state, self.clock.now(), outcome, remedy))

    async def _fresh(self, run_id: int) -> Run:
        run = await self.runs.fetch_run(run_id)
        if run is None:
            raise LookupError(f"there is no run {run_id}")
        return run

    async def _save(self, run: Run) -> Run:
        """The run as it is stored. Where somebody cancelled it meanwhile, that stands."""
        return await self.runs.save_run(run) or await self._fresh(run.id)


async def migrations_policy(operations: OperationStore, repository_id: int) -> MigrationsPolicy:
    """Of the last policy that could be used."""
    remembered = await operations.fetch_policy(repository_id)
    if remembered is None:
        return DEFAULT_MIGRATIONS
    policy = parse_remembered(remembered[0])
    return policy.migrations if policy else DEFAULT_MIGRATIONS


def _started(run: Run, part: Part) -> datetime | None:
    found = (one for one in run.parts if (one.kind, one.version) == (part.kind, part.version))
    return next(found).started_at


def _applied(done: Applied) -> str:
    if not done.applied:
        return "was applied already"
    tries = f", at try {done.tries}" if done.tries > 1 else ""
    return f"applied in {done.took.total_seconds():.1f} s{tries}"


def _told(status: BackfillStatus) -> str:
    if status.state is BackfillState.PAUSED:
        return f"{_PAUSES}: {status.why}" if status.why else _PAUSES
    return f"{status.visited:,} of about {status.total:,} rows, {status.rate:,.0f} rows/s"
