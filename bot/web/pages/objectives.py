"""Service level objectives as the pages show them: how they stood when a worker last looked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from urllib.parse import quote

from bot.core.decision import Verdict
from bot.core.hosting import LedgerEntry, Origin
from bot.core.phrases import say_time
from bot.core.slo.alerts import AlertState, Phase, Rule
from bot.core.slo.chart import Mark, describe
from bot.core.slo.forecast import next_alert, say_forecast
from bot.core.slo.kept import BudgetPoint, KeptState
from bot.core.slo.model import Alert, State
from bot.core.slo.probes import Outcome, ProbeAnswer
from bot.core.slo.words import Line, burning, say_length, say_percent, say_rate, say_window
from bot.web.pages.text import count

GAP = timedelta(hours=2)
"""Between points of a history that has one an hour nothing is drawn if they lie further apart."""
_MOST_POINTS = 600
"""As many as the chart has dots from left to right."""
_STANDS = {
    State.OK: (Verdict.PASS, "in budget"),
    State.BURNING: (Verdict.WAIT, "burning"),
    State.EXHAUSTED: (Verdict.FAIL, "exhausted"),
    State.NO_DATA: (Verdict.ERROR, "no data"),
    State.ERROR: (Verdict.ERROR, "could not be read"),
}
_WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.WAIT, Verdict.PASS)
_OUTCOMES = {
    Outcome.OK: "answered",
    Outcome.STATUS: "unexpected status",
    Outcome.REDIRECT: "sent elsewhere",
    Outcome.TIMEOUT: "no answer in time",
    Outcome.TLS: "TLS failed",
    Outcome.DNS: "name not found",
    Outcome.CONNECTION: "no connection",
    Outcome.PRIVATE: "address is not public",
    Outcome.PROTOCOL: "answer is no HTTP",
}


@dataclass(frozen=True, slots=True)
class ObjectiveView:
    """``old`` says that the last look is too long ago for anybody to know how it stands."""

    repository: str
    kept: KeptState
    old: bool

    @property
    def path(self) -> str:
        return objective_path(self.repository, self.kept.name)

    @property
    def title(self) -> str:
        return self.kept.title or self.kept.name

    @property
    def verdict(self) -> Verdict:
        return Verdict.ERROR if self.old else _STANDS[self.kept.state.state][0]

    @property
    def stands(self) -> str:
        return "not evaluated lately" if self.old else _STANDS[self.kept.state.state][1]

    @property
    def promised(self) -> str:
        """``99.9 % over 30 days``"""
        return f"{_rounded(self.kept.objective, 6)} over {say_window(self.kept.window)}"

    @property
    def now(self) -> str:
        ratio = self.kept.state.ratio
        return "unknown" if ratio is None else _rounded(ratio, 4)

    @property
    def left(self) -> str:
        return say_percent(self.kept.state.budget_remaining)

    @property
    def overspent(self) -> str:
        """``12 %`` of the budget more than there was; empty where it was enough."""
        return self.left.removeprefix("−") if self.left.startswith("−") else ""

    @property
    def is_spent(self) -> bool:
        left = self.kept.state.budget_remaining
        return left is not None and left <= 0

    @property
    def filled(self) -> int | None:
        """Of the bar, in per cent, rounded down; None where nobody knows."""
        left = self.kept.state.budget_remaining
        return None if left is None else int(min(max(left, Fraction(0)), Fraction(1)) * 100)

    @property
    def burns(self) -> str:
        """``9.2× over 1 h``"""
        length, rate = burning(self.kept.state)
        return f"{say_rate(rate)} over {say_length(length)}" if rate is not None else "unknown"

    @property
    def fires(self) -> str:
        """``page over 1 h and 6 h``, or nothing."""
        found: dict[str, list[str]] = {}
        for alert in self.kept.state.firing:
            found.setdefault(alert.severity, []).append(say_length(alert.long))
        return ", ".join(f"{name} over {' and '.join(over)}" for name, over in found.items())

    @property
    def environments(self) -> str:
        return ", ".join(self.kept.environments) or "every environment"


@dataclass(frozen=True, slots=True)
class AlertView:
    """One pair of windows; ``state`` is where its alert stands, None where that is not kept."""

    alert: Alert
    old: bool
    state: AlertState | None

    @property
    def verdict(self) -> Verdict:
        if self.old or (not self.alert.firing and self._unknown):
            return Verdict.ERROR
        return Verdict.FAIL if self.alert.firing else Verdict.PASS

    @property
    def word(self) -> str:
        return {Verdict.ERROR: "not known", Verdict.FAIL: "fires"}.get(self.verdict, "quiet")

    @property
    def called(self) -> str:
        policy = f" of {self.alert.policy}" if self.alert.policy else ""
        return f"{self.alert.severity}{policy}"

    @property
    def above(self) -> str:
        return say_rate(self.alert.factor)

    @property
    def windows(self) -> tuple[tuple[str, str], ...]:
        """The long one and the short one, each with its rate now."""
        return (
            (say_length(self.alert.long), say_rate(self.alert.long_burn)),
            (say_length(self.alert.short), say_rate(self.alert.short_burn)),
        )

    @property
    def stands(self) -> str:
        """Of the alert as a whole, which is all pairs of a severity: a flicker neither begins nor
        ends it. Empty where it never fired."""
        if self.state is None or self.state.since is None:
            return ""
        since = say_time(self.state.since)
        match self.state.phase:
            case Phase.PENDING:
                return f"pending since {since}"
            case Phase.FIRING:
                return f"firing since {since}"
            case Phase.RESOLVED:
                return f"resolved {since}"
        return ""

    @property
    def _unknown(self) -> bool:
        return self.alert.long_burn is None or self.alert.short_burn is None


@dataclass(frozen=True, slots=True)
class AnswerView:
    answer: ProbeAnswer

    @property
    def verdict(self) -> Verdict:
        if self.answer.good:
            return Verdict.PASS
        # It was not asked: that says nothing of the endpoint.
        return Verdict.ERROR if self.answer.outcome is Outcome.PRIVATE else Verdict.FAIL

    @property
    def word(self) -> str:
        return _OUTCOMES[self.answer.outcome]


@dataclass(frozen=True, slots=True)
class ChartView:
    """The burn-down, from what is kept of it, and what came live meanwhile, the oldest first."""

    title: str
    line: Line
    marks: tuple[Mark, ...]

    @property
    def told(self) -> str:
        return describe(self.line, self.marks)


@dataclass(frozen=True, slots=True)
class Budgets:
    """Objectives of one repository or of all, the worst first."""

    objectives: tuple[ObjectiveView, ...] = ()

    @property
    def unknown(self) -> int:
        return self._count(Verdict.ERROR)

    @property
    def spent(self) -> int:
        return self._count(Verdict.FAIL)

    @property
    def burning(self) -> int:
        return self._count(Verdict.WAIT)

    @property
    def verdict(self) -> Verdict:
        return self.objectives[0].verdict if self.objectives else Verdict.SKIP

    @property
    def sentence(self) -> str:
        """``1 of 12 objectives is out of budget, 2 are not known.``"""
        if not self.objectives:
            return "No objective is known here."
        of = f" of {count(len(self.objectives), 'objective')}"
        found = (
            (self.spent, "out of budget"),
            (self.unknown, "not known"),
            (self.burning, "burning fast"),
        )
        parts: list[str] = []
        for number, what in found:
            if number:
                verb = "is" if number == 1 else "are"
                parts.append(f"{number}{of if not parts else ''} {verb} {what}")
        if parts:
            return f"{', '.join(parts)}."
        alone = len(self.objectives) == 1
        return "The one objective is in budget." if alone else f"All{of[3:]} are in budget."

    def _count(self, verdict: Verdict) -> int:
        return sum(one.verdict is verdict for one in self.objectives)


@dataclass(frozen=True, slots=True)
class BudgetSummary:
    """What other pages tell of objectives. ``held`` are not in budget, or are leaving it."""

    total: int = 0
    held: int = 0
    verdict: Verdict = Verdict.SKIP
    awaited: bool = False
    """Files define some, and nobody has looked at them yet."""


def objective_path(repository: str, name: str) -> str:
    return f"/repos/{repository}/slo/{quote(name, safe='')}"


def view_objective(repository: str, kept: KeptState, now: datetime) -> ObjectiveView:
    return ObjectiveView(repository, kept, kept.is_old(now))


def view_counts(states: Mapping[State, int], *, defined: bool) -> BudgetSummary:
    """``states`` are how many objectives stand how; ``defined`` says that files define any."""
    verdicts = {_STANDS[state][0] for state in states}
    worst = min(verdicts, key=_WORST_FIRST.index, default=Verdict.SKIP)
    total = sum(states.values())
    return BudgetSummary(total, total - states.get(State.OK, 0), worst, defined and not total)


def view_budgets(objectives: Iterable[ObjectiveView]) -> Budgets:
    """What is spent first, then what nobody knows, then by what is left."""
    return Budgets(
        tuple(
            sorted(
                objectives,
                key=lambda one: (
                    _WORST_FIRST.index(one.verdict),
                    one.kept.state.budget_remaining or Fraction(0),
                    one.repository.lower(),
                    one.kept.name,
                ),
            )
        )
    )


def view_alerts(one: ObjectiveView, states: Mapping[str, AlertState]) -> tuple[AlertView, ...]:
    """``states`` are by ``Rule.name``."""
    return tuple(
        AlertView(
            alert,
            one.old,
            states.get(Rule(alert.severity, alert.policy).name),
        )
        for alert in one.kept.state.alerts
    )


def forecast_of(one: ObjectiveView) -> str:
    """What would fire next, as a sentence; empty where everything does or nobody knows."""
    found = None if one.old else next_alert(one.kept.state)
    return "" if found is None else say_forecast(found)


def view_chart(
    one: ObjectiveView, history: Sequence[BudgetPoint], moves: Sequence[LedgerEntry]
) -> ChartView:
    line = [point.left for point in history]
    left, at = one.kept.state.budget_remaining, one.kept.evaluated_at
    if left is not None and (not line or line[-1][0] < at):
        line.append((at, left))
    title = f"{one.title} over {say_window(one.kept.window)}"
    return ChartView(title, tuple(line), tuple(map(_mark, reversed(moves))))


def thinned(line: Line) -> tuple[Line, timedelta]:
    """At most so many points as can be told apart, the newest among them, and how far two of them
    may lie apart."""
    step = -(-len(line) // _MOST_POINTS) or 1
    return line[::-1][::step][::-1], GAP * step


def _mark(entry: LedgerEntry) -> Mark:
    past = ", past the bot" if entry.origin is Origin.OUTSIDE else ""
    return Mark(
        entry.live_from,
        f"of {entry.build.called} in {entry.environment}{past}",
        entry.holds_releases,
    )


def _rounded(part: Fraction, digits: int) -> str:
    """Rounded down, so that nothing is all that is not: ``99.9967 %``."""
    cut = part * 100 * 10**digits // 1
    return f"{float(cut / Fraction(10**digits)):.{digits}f}".rstrip("0").rstrip(".") + " %"
