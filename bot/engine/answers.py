"""Which command is answered by what."""

from dataclasses import dataclass

from bot.core.commands.requests import (
    CancelRequest,
    ContractRequest,
    FreezeRequest,
    GatesRequest,
    HelpRequest,
    LockRequest,
    MigrateRequest,
    MigrationsRequest,
    OverrideRequest,
    PromoteRequest,
    Refusal,
    ReleaseAsRequest,
    ReleaseNoteRequest,
    ReleasePrereleaseRequest,
    ReleaseResetRequest,
    ReleaseSkipRequest,
    Request,
    RetryRequest,
    RollbackRequest,
    SloRequest,
    StatusRequest,
    ThawRequest,
    UnlockRequest,
    WatchCancelRequest,
)
from bot.core.render.schema_run import render_run_cancelled
from bot.core.render.watch import no_watch, watch_cancelled
from bot.engine.asked import Answer, Asked, refuse
from bot.engine.holds import Holds
from bot.engine.moves import Moves
from bot.engine.objective_questions import ObjectiveQuestions
from bot.engine.questions import Questions
from bot.engine.schema_commands import SchemaCommands
from bot.engine.schema_runs import SchemaRuns
from bot.engine.steering import Steers
from bot.engine.watches import Watches
from bot.ports import HubGone
from bot.ports.host import HostError, HostUnavailable


@dataclass(frozen=True, slots=True)
class Answers:
    moves: Moves
    questions: Questions
    objectives: ObjectiveQuestions
    holds: Holds
    steers: Steers
    schema_commands: SchemaCommands
    schema_runs: SchemaRuns
    watches: Watches

    async def run(self, request: Request, asked: Asked) -> Answer:
        """Do what is asked for by somebody who may.

        Raises:
            HubUnavailable, HostUnavailable, StoreUnavailable: not known; to be run again.
        """
        try:
            return await self._run(request, asked)
        except HostUnavailable:
            raise
        except (HubGone, HostError) as error:
            remedy = getattr(error, "remedy", "") or "mend that, and type it again"
            return refuse(Refusal("This", f"{error}.", remedy))

    async def _run(self, request: Request, asked: Asked) -> Answer:
        match request:
            case PromoteRequest():
                return await self.moves.promote(request, asked)
            case RollbackRequest():
                return await self.moves.roll_back(request, asked)
            case StatusRequest():
                return await self.questions.status(request, asked)
            case GatesRequest():
                return await self.questions.gates(request, asked)
            case SloRequest():
                return await self.objectives.slo(request, asked)
            case LockRequest() | UnlockRequest() | FreezeRequest() | ThawRequest():
                return await self.holds.hold(request, asked)
            case OverrideRequest():
                return await self.moves.override(request, asked)
            case CancelRequest(environment):
                run = await self.schema_runs.cancel(
                    asked.ref.repo.id, environment, asked.actor.login, asked.comment_id
                )
                if run is not None:
                    return Answer(render_run_cancelled(run))
                return await self.moves.cancel(environment, asked)
            case RetryRequest(environment):
                return await self.moves.retry(environment, asked)
            case WatchCancelRequest(environment):
                watch = await self.watches.cancel(asked.ref.repo.id, environment, asked.actor.login)
                return Answer(watch_cancelled(watch)) if watch else refuse(no_watch(environment))
            case (
                ReleaseAsRequest()
                | ReleasePrereleaseRequest()
                | ReleaseSkipRequest()
                | ReleaseNoteRequest()
                | ReleaseResetRequest()
            ):
                return await self.steers.steer(request, asked)
            case MigrateRequest() | ContractRequest() | MigrationsRequest():
                return await self.schema_commands.answer(request, asked)
            case HelpRequest():
                return self.questions.help(request, asked)
