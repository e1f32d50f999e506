"""What the team is told of an objective's alerts. Plain text: each channel escapes it in its own
way."""

from datetime import datetime

from bot.core.hosting import LedgerEntry, Origin
from bot.core.model import RepoRef
from bot.core.phrases import say_duration, say_time
from bot.core.policy.slo import BudgetStep
from bot.core.render import escape
from bot.core.slo.alerts import PAGE, AlertState, News, Rule, Step
from bot.core.slo.kept import KeptState
from bot.core.slo.model import Alert
from bot.core.slo.words import burning, say_budget, say_length, say_percent, say_rate

_MOVES = {Origin.PROMOTION: "promotion", Origin.ROLLBACK: "rollback"}
_STEPS = {
    Step.SECOND_APPROVAL: "Promotions take one more approval",
    Step.FREEZE: "Promotions are frozen",
}
_LONGEST_TITLE = 80


def alert_title(repo: RepoRef, kept: KeptState, rule: Rule, news: News) -> str:
    called = f"{repo.full_name}: {objective_called(kept)}"
    if rule.unknown:
        return f"{called} is {'unknown' if news is News.FIRING else 'known again'}"
    if news is News.RESOLVED:
        return f"{called} no longer burns its error budget too fast"
    return f"{called} burns its error budget {say_rate(burning(kept.state)[1])} too fast"


def alert_text(kept: KeptState, rule: Rule, state: AlertState, cause: LedgerEntry | None) -> str:
    """``cause`` is what most likely led to it, where anything did."""
    lines = []
    if state.untold is News.RESOLVED:
        lines.append(
            f"Nothing of it was seen since {say_time(state.burning or kept.evaluated_at)}."
        )
    elif rule.unknown:
        reason = escape.plain(kept.state.reason, 300) or "nothing was counted"
        lines.append(f"Nobody knows how it stands: {reason}.")
    else:
        lines += [_pair(alert) for alert in rule.pairs(kept.state) if alert.firing]
    lines.append(left_text(kept))
    if cause is not None:
        lines.append(_cause(cause, state.since or kept.evaluated_at))
    return "\n".join(lines)


def step_title(
    repo: RepoRef, kept: KeptState, environment: str, step: BudgetStep, news: News
) -> str:
    place = f"{repo.full_name} {escape.plain(environment, 60)}: {objective_called(kept)}"
    if news is News.RESOLVED:
        return f"{place} is above {say_percent(step.part)} of its error budget again"
    return f"{place} is down to {say_percent(kept.state.budget_remaining)} of its error budget"


def step_text(kept: KeptState, step: BudgetStep, news: News) -> str:
    held = _STEPS.get(step.do)
    if held is None:
        return left_text(kept)
    begins = f" while at most {say_percent(step.part)} is left."
    return f"{held}{begins if news is News.FIRING else ' no more.'}\n{left_text(kept)}"


def objective_called(kept: KeptState) -> str:
    return escape.plain(kept.title, _LONGEST_TITLE) or kept.name


def left_text(kept: KeptState) -> str:
    """``62 % of its 30-day budget is left; all of it is spent about 2026-11-24 05:00 UTC if it goes
    on like this.``"""
    state = kept.state
    if state.budget_remaining is None:
        return "What is left of its budget is not known."
    left = f"{say_percent(state.budget_remaining)} of {say_budget(kept.window)} is left"
    if state.exhausted_at:
        left += f"; all of it is spent about {say_time(state.exhausted_at)} if it goes on like this"
    elif state.returns_at:
        left += f"; it is back about {say_time(state.returns_at)} if nothing more goes wrong"
    return f"{left}."


def _pair(alert: Alert) -> str:
    does = "pages" if alert.severity == PAGE else "opens a ticket"
    return (
        f"{say_rate(alert.long_burn)} over {say_length(alert.long)} and "
        f"{say_rate(alert.short_burn)} over {say_length(alert.short)}; it {does} above "
        f"{say_rate(alert.factor)}."
    )


def _cause(entry: LedgerEntry, began: datetime) -> str:
    """That one followed the other proves nothing: it is said to be likely and no more."""
    what = _MOVES.get(entry.origin, "move past Lockgate")
    before = say_duration(began - entry.live_from)
    return (
        f"Most likely caused by the {what} of {escape.plain(entry.build.called, 60)} to "
        f"{escape.plain(entry.environment, 60)}, {before} before."
    )
