"""How objectives stand, as ``lockgate slo check`` and ``report`` tell it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime
from fractions import Fraction
from pathlib import Path

from bot.cli.errors import CommandError
from bot.cli.text_files import read_text
from bot.core.phrases import listed
from bot.core.policy import POLICY_PATH, PolicyProblems, parse_policy
from bot.core.policy.slo import NoData, SloPolicy
from bot.core.render.escape import visible
from bot.core.slo.budget import burn_down, returns_at
from bot.core.slo.chart import render_chart
from bot.core.slo.model import BudgetState, Slo, length_text, window_text
from bot.core.slo.phases import Phase, in_budget
from bot.core.slo.windows import Series
from bot.core.slo.words import say_percent

_LONGEST_POLICY = 2 * 1024 * 1024
_PHASES = {
    Phase.PRE: {True: "may come", False: "is held", None: "is held, since this is not known"},
    Phase.POST: {True: "stands", False: "burns its budget", None: "cannot be judged yet"},
}
"""Of a promotion."""


@dataclass(frozen=True, slots=True)
class Told:
    slo: Slo
    state: BudgetState
    series: Series
    """Nothing where it was not asked for."""


def policy_of(environment: str | None) -> SloPolicy:
    """What the policy file of this folder says of an environment's objectives, if there is one.

    Raises CommandError where the file cannot be read or is wrong."""
    path = Path(POLICY_PATH)
    if environment is None or not path.exists():
        return SloPolicy()
    found = parse_policy(read_text(POLICY_PATH, _LONGEST_POLICY))
    if isinstance(found, PolicyProblems):
        raise CommandError(
            f"{path} is not in order, so what it asks of objectives is not known",
            "`lockgate policy check` says what is to be mended",
        )
    known = found.environments.get(environment)
    return known.slo if known else SloPolicy()


def required(slos: Sequence[Slo], policy: SloPolicy) -> list[Slo]:
    """Those that a policy requires, or all where it names none.

    Raises CommandError where one is not defined: nothing can be said of it."""
    missing = sorted(set(policy.require) - {slo.name for slo in slos})
    if missing:
        raise CommandError(
            f"{POLICY_PATH} requires {listed(list(map(visible, missing)))}, and the files define "
            "no such objective for the environment",
            "define it, or take its name out of `slo.require`",
        )
    return [slo for slo in slos if not policy.require or slo.name in policy.require]


def verdict_of(state: BudgetState, phase: Phase, policy: SloPolicy) -> bool | None:
    silence = policy.no_data is NoData.ALLOW
    return in_budget(state, phase, least=policy.least, silence=silence)


def exit_status(told: Sequence[Told], phase: Phase, policy: SloPolicy) -> int:
    """1 where a budget is not in order, 4 where something is not known, 0 where all is well; of
    nothing, nothing is known."""
    verdicts = {verdict_of(one.state, phase, policy) for one in told}
    if False in verdicts:
        return 1
    return 0 if verdicts == {True} else 4


def status_lines(told: Told, phase: Phase, policy: SloPolicy) -> list[str]:
    """One objective for people."""
    slo, state = told.slo, told.state
    over = window_text(slo.window)
    out = [f"{slo.name}: {state.state}", f"  {visible(slo.title)}"]
    if state.reason:
        out.append(f"  {visible(state.reason)}")
    if state.ratio is not None:
        out.append(
            f"  {float(state.ratio * 100):.6g} % good over {over}, of "
            f"{float(slo.objective * 100):.6g} % that are to be"
        )
    if state.budget_remaining is not None:
        out.append(f"  {say_percent(state.budget_remaining)} of the budget is left")
    for alert in state.firing:
        out.append(
            f"  fires: {alert.severity}, burning {_rate(alert.long_burn)} over "
            f"{length_text(alert.long)}, and {_rate(alert.short_burn)} over "
            f"{length_text(alert.short)}"
        )
    if back := state.returns_at or returns_at(slo, told.series, state.at):
        out.append(f"  budget returns about {back:%Y-%m-%d %H:%M UTC}, if nothing more goes wrong")
    elif state.exhausted_at:
        out.append(f"  at this rate it ends about {state.exhausted_at:%Y-%m-%d %H:%M UTC}")
    if words := _PHASES.get(phase):
        out.append(f"  {phase}: a promotion {words[verdict_of(state, phase, policy)]}")
    return out


def chart_of(told: Told) -> str:
    title = f"{told.slo.title} over {window_text(told.slo.window)}"
    return render_chart(title, burn_down(told.slo, told.series, told.state.at))


def _rate(rate: Fraction | None) -> str:
    return "unknown" if rate is None else f"{float(rate):.3g}×"


def moment_of(text: str | None) -> datetime:
    """Now, where there is no text. Raises CommandError where it is no time."""
    if text is None:
        return datetime.now(UTC)
    moment = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
    # Windows reach back from it for a year, and clocks differ: at the ends of time they could not.
    if moment is None or moment.tzinfo is None or not 1970 <= moment.year < MAXYEAR:
        raise CommandError(
            f"{visible(text)} is no time with its zone", "write one such as 2026-12-01T12:00Z"
        )
    return moment.astimezone(UTC)
