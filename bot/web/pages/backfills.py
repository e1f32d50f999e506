"""What the pages say of a backfill: how far it is, how fast, and why it does not go on."""

from dataclasses import dataclass

from bot.core.backfills.failures import spelled_out
from bot.core.backfills.model import NEVER_COUNTED, BackfillStatus
from bot.core.decision import Verdict
from bot.core.migrations.builds import BackfillState
from bot.core.migrations.model import Version
from bot.core.phrases import counted, say_duration

_BACKFILLS: dict[BackfillState, tuple[Verdict, str]] = {
    BackfillState.WAITING: (Verdict.SKIP, "to come"),
    BackfillState.RUNNING: (Verdict.WAIT, "running"),
    BackfillState.PAUSED: (Verdict.WAIT, "pauses"),
    BackfillState.FAILED: (Verdict.FAIL, "failed"),
    BackfillState.CANCELED: (Verdict.SKIP, "cancelled"),
    BackfillState.FINISHED: (Verdict.ERROR, "not proven"),
}


@dataclass(frozen=True, slots=True)
class BackfillView:
    status: BackfillStatus
    environment: str
    needed: bool = True
    """Whether promotions wait for it, by the trunk's file; where nobody has seen that, they may."""
    under_way: bool = False
    """Whether a run is at it. Between two turns nobody holds it."""

    @property
    def called(self) -> str:
        return called(self.status.version, self.status.name)

    @property
    def verdict(self) -> Verdict:
        return self._stands[0]

    @property
    def state(self) -> str:
        return self._stands[1]

    @property
    def _stands(self) -> tuple[Verdict, str]:
        if self.status.proven:
            return Verdict.PASS, "proven"
        if self.settled:
            return Verdict.SKIP, "done, not counted"
        if self.status.state is BackfillState.WAITING and self.begun:
            return Verdict.WAIT, "running" if self.under_way else "stands still"
        return _BACKFILLS[self.status.state]

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be done about it."""
        return self.status.progress.settled(needed=self.needed)

    @property
    def begun(self) -> bool:
        return self.status.started_at is not None

    @property
    def percent(self) -> int | None:
        """Rounded down, and 100 at its end alone; None where nobody can tell."""
        return None if self.status.done is None else int(self.status.done * 100)

    @property
    def rows(self) -> str:
        """``312,000 of about 1,000,000``"""
        status = self.status
        if status.state is BackfillState.FINISHED or not status.total:
            return f"{status.visited:,}"
        return f"{status.visited:,} of about {status.total:,}"

    @property
    def speed(self) -> str:
        return f"{self.status.rate:,.0f} rows/s" if self.status.rate else ""

    @property
    def left(self) -> str:
        """How long it will take, where it goes on and somebody can tell."""
        span = self.status.time_left
        moves = self.under_way or self.status.state in (
            BackfillState.RUNNING,
            BackfillState.PAUSED,
        )
        goes_on = moves and not self.status.paused_by
        return f"about {say_duration(span)}" if goes_on and span else ""

    @property
    def why(self) -> str:
        """Why it pauses, what it failed of, or what its end leaves open."""
        status = self.status
        if self.settled and not status.proven:
            return "what is left cannot be counted, and its file says that nothing waits for it"
        if status.why:
            by = f", asked for by {status.paused_by}" if status.paused_by else ""
            return f"{status.why}{by}"
        if status.paused_by:
            return f"{status.paused_by} paused it"
        if status.state is BackfillState.FINISHED and not status.proven:
            if status.left:
                return f"it came to its end, and {counted(status.left, 'row')} are left"
            return "it came to its end, and nobody has proven that no row is left"
        if self.state == "stands still":
            return "nobody works on it at this moment; it goes on where it was"
        return "" if self.begun else "it has not begun"

    @property
    def poison(self) -> str:
        """The key of the row that fails, as PostgreSQL writes it; empty for none."""
        return ", ".join(self.status.poison.key) if self.status.poison else ""

    @property
    def remedy(self) -> str:
        """What to do, in words; a command alone is ``command``."""
        status = self.status
        if status.remedy:
            return spelled_out(status.remedy, status.version, self.environment)
        if status.state is BackfillState.PAUSED and status.paused_by:
            return spelled_out("run `resume`", status.version, self.environment)
        if self.settled:
            return ""
        if status.uncounted:
            return NEVER_COUNTED
        if status.state is BackfillState.FINISHED and not status.proven:
            return f"run `lockgate emc verify {status.version} --environment {self.environment}`"
        return ""

    @property
    def command(self) -> str:
        again = self.status.state in (BackfillState.WAITING, BackfillState.CANCELED)
        return f"/migrate {self.environment}" if again and not self.under_way else ""


def called(version: Version, name: str) -> str:
    """``20260101000000_add_title``, as its file is called."""
    return f"{version}_{name}" if name else version
