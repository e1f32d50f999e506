"""What the page of an operation says of the watch over what it put in place."""

from dataclasses import dataclass

from bot.core.decision import Verdict
from bot.core.operations.machine import Operation, State
from bot.core.render.watch import Evidence, evidence_of, healthy, left_out, so_far, unknown, worse
from bot.core.render.words import capitalised, stopped
from bot.core.slo.watching import Watch, WatchState

_STATES: dict[WatchState, Verdict] = {
    WatchState.WATCHING: Verdict.WAIT,
    WatchState.HEALTHY: Verdict.PASS,
    WatchState.WORSE: Verdict.FAIL,
    WatchState.UNKNOWN: Verdict.ERROR,
    WatchState.ENDED: Verdict.SKIP,
}


@dataclass(frozen=True, slots=True)
class WatchView:
    """``rollback`` is the operation that it led to, if any."""

    watch: Watch
    rollback: Operation | None = None

    @property
    def verdict(self) -> Verdict:
        return _STATES[self.watch.state]

    @property
    def goes_on(self) -> bool:
        return self.watch.state is WatchState.WATCHING

    @property
    def found(self) -> str:
        """What was seen, as sentences."""
        watch = self.watch
        match watch.state:
            case WatchState.WATCHING:
                return stopped(capitalised(so_far(watch)))
            case WatchState.HEALTHY:
                said = healthy(watch)
            case WatchState.WORSE:
                said = worse(watch)
            case WatchState.UNKNOWN:
                said = f"Too little was seen to tell whether it is any good: {unknown(watch)}"
            case WatchState.ENDED:
                said = watch.ended_by
        counted_as_nothing = f"{left_out(watch)}." if watch.left_out else ""
        return f"{stopped(capitalised(said))} {capitalised(counted_as_nothing)}".rstrip()

    @property
    def done(self) -> str:
        """What came of a build that is worse, where no operation tells it; else empty."""
        watch = self.watch
        if watch.state is not WatchState.WORSE or self.rollback is not None:
            return ""
        if watch.refused:
            return f"It was not rolled back: {watch.refused} {watch.remedy}".rstrip()
        if not watch.rolls_back:
            back = f"`/rollback {watch.environment}`"
            return f"By the policy it stays until somebody comments {back}."
        return "It is about to be rolled back."

    @property
    def rolled(self) -> str:
        """What the operation did about it, to stand behind its name."""
        if self.rollback is None:
            return ""
        if not self.rollback.ended:
            return "is taking it back"
        done = self.rollback.state is State.SUCCEEDED
        return "took it back" if done else "did not take it back"

    @property
    def evidence(self) -> list[Evidence]:
        return evidence_of(self.watch)
