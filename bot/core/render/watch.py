"""What is told of a watch over a promoted build: in the promotion's comment, and to the team."""

from dataclasses import dataclass
from datetime import UTC, timedelta

from bot.core.commands.requests import Refusal
from bot.core.decision import Json, Verdict
from bot.core.model import Actor
from bot.core.operations.machine import Operation, State
from bot.core.phrases import say_duration
from bot.core.render import escape
from bot.core.render.words import MARKS, capitalised, stopped
from bot.core.slo.watch import Judged, Outcome
from bot.core.slo.watching import Watch, WatchState

_MINUTE = timedelta(minutes=1)
_ROWS = 20
_VERDICTS = {
    Outcome.WATCHING: Verdict.WAIT,
    Outcome.HEALTHY: Verdict.PASS,
    Outcome.WORSE: Verdict.FAIL,
    Outcome.UNKNOWN: Verdict.ERROR,
}
_WORDS = {
    Outcome.WATCHING: "not sure yet",
    Outcome.HEALTHY: "healthy",
    Outcome.WORSE: "worse",
    Outcome.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A watch with the rollback that it led to, if any, and who is to be told: the pull request's
    author."""

    watch: Watch
    rollback: Operation | None = None
    author: Actor | None = None

    @property
    def taken_back(self) -> bool:
        return self.rollback is not None and self.rollback.state is State.SUCCEEDED


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is told of one objective, in plain words."""

    verdict: Verdict
    word: str
    objective: str
    since: str
    """The part that was bad, or why nobody knows it."""
    before: str
    allowed: str
    latency: str


def watch_lines(shown: Shown) -> list[str]:
    """Markdown, to stand below an operation's headline."""
    watch = shown.watch
    lines = [_said(shown)]
    if watch.state is WatchState.WORSE and watch.refused:
        lines = ["> [!CAUTION]", f"> {lines[0]}"]
    if shown.author and watch.state is WatchState.WORSE:
        lines += ["", f"{escape.mention(shown.author.login)}, this is about your pull request."]
    if watch.state in (WatchState.HEALTHY, WatchState.WORSE, WatchState.UNKNOWN):
        if watch.left_out:
            lines += ["", f"{capitalised(left_out(watch))}."]
        if watch.judged:
            lines += ["", *_table(watch)]
    return lines


def _said(shown: Shown) -> str:
    watch = shown.watch
    environment = escape.inline(watch.environment, 60)
    match watch.state:
        case WatchState.WATCHING:
            until = watch.ends.astimezone(UTC).strftime("%H:%M UTC")
            ends = escape.code(f"/watch cancel {watch.environment}")
            return (
                f"{MARKS[Verdict.WAIT]} **Watching for {_length(watch.policy_lasts)}**, until "
                f"{until}. {ends} ends it."
            )
        case WatchState.HEALTHY:
            return f"{MARKS[Verdict.PASS]} **Healthy:** {_safe(healthy(watch))}."
        case WatchState.UNKNOWN:
            return (
                f"{MARKS[Verdict.ERROR]} **Too little was seen to tell** whether it is any good: "
                f"{_safe(unknown(watch))}. Nothing was taken back."
            )
        case WatchState.ENDED:
            by = stopped(capitalised(_safe(watch.ended_by)))
            return f"{MARKS[Verdict.SKIP]} **The watch was ended** before it could tell. {by}"
        case WatchState.WORSE:
            return f"{MARKS[Verdict.FAIL]} {_worse(shown, environment)}"


def _worse(shown: Shown, environment: str) -> str:
    watch, rollback = shown.watch, shown.rollback
    found = stopped(_safe(worse(watch)))
    if watch.refused:
        remedy = f" {_safe(watch.remedy)}" if watch.remedy else ""
        return f"**It is worse, and was not rolled back:** {found} {_safe(watch.refused)}{remedy}"
    if not watch.rolls_back:
        back = escape.code(f"/rollback {watch.environment}")
        return f"**It is worse:** {found} By the policy it stays until somebody types {back}."
    if rollback is None or not rollback.ended:
        return f"**Rolling back:** {found}"
    if rollback.state is not State.SUCCEEDED:
        why = stopped(capitalised(_safe(rollback.outcome)))
        return (
            f"**It is worse, and operation {rollback.id} did not roll it back:** {found} {why} "
            f"{escape.code('/status')} tells what {environment} serves."
        )
    moments = [step.ended_at for step in rollback.steps if step.ended_at]
    after = _after(max(moments, default=watch.begun) - watch.begun)
    called = escape.code(rollback.plan.build.called)
    return f"**Rolled back after {after}:** {found} {called} is live again."


def watch_cancelled(watch: Watch) -> str:
    """What ``/watch cancel`` answers."""
    build, environment = escape.code(watch.build.called), escape.inline(watch.environment, 60)
    return (
        f"**{build} is watched no longer.** It stays live on {environment}; nothing is taken back "
        "by itself."
    )


def no_watch(environment: str) -> Refusal:
    return Refusal(
        f"Ending the watch on {environment}",
        "Nothing is watched there.",
        "`/status` tells what is live.",
    )


def worse(watch: Watch) -> str:
    """Plain, without a full stop: ``error ratio 4.1 % over 1 min against 0.03 % before``."""
    one = watch.worst
    if one is None:
        return "it is worse than before"
    if one.slow:
        before = f" against {_ms(one.quantile_before)} before"
        return _of(watch, one, f"{one.quantile} {_ms(one.quantile_after)}{before}")
    span = min(watch.took or _MINUTE, _MINUTE)
    ratio = one.after if one.lately is None else one.lately
    before = (
        f"against {percent(one.before)} before"
        if one.before is not None
        else "and nothing is known of before"
    )
    return _of(watch, one, f"error ratio {percent(ratio)} over {_after(span)} {before}")


def healthy(watch: Watch) -> str:
    """``error ratio 0.02 % (before: 0.03 %), p95 210 ms``"""
    events = next((one for one in watch.judged if not one.quantile), None)
    slowest = next((one for one in watch.judged if one.quantile), None)
    said = []
    if events:
        before = "unknown" if events.before is None else percent(events.before)
        said.append(f"error ratio {percent(events.after)} (before: {before})")
    if slowest:
        said.append(f"{slowest.quantile} {_ms(slowest.quantile_after)}")
    return ", ".join(said)


def so_far(watch: Watch) -> str:
    """What a watch that has not ended has seen, in a few words: of the objective that comes
    nearest to being worse. Holds words of the objectives' files."""
    counted = [one for one in watch.judged if one.after is not None]
    if counted:
        near = max(counted, key=lambda one: (one.after or 0.0) / max(one.tolerated, 1e-9))
        before = "unknown" if near.before is None else percent(near.before)
        said = _of(watch, near, f"error ratio {percent(near.after)} so far (before: {before})")
    else:
        whys = [f"{one.name}: {one.why}" for one in watch.judged if one.why]
        said = watch.unread or "; ".join(whys[:1]) or "nothing was counted so far"
    return f"{said}; {left_out(watch)}" if watch.left_out else said


def watch_remark(watch: Watch, operation_url: str) -> str:
    """Of a watch that has not ended, as ``/status`` tells it. Markdown."""
    environment = capitalised(escape.inline(watch.environment, 60))
    until = watch.ends.astimezone(UTC).strftime("%H:%M UTC")
    operation = escape.link(f"operation {watch.operation_id}", operation_url)
    ends = escape.code(f"/watch cancel {watch.environment}")
    return (
        f"{environment} is watched until {until}, since {operation}: "
        f"{stopped(_safe(so_far(watch)))} {ends} ends it."
    )


def unknown(watch: Watch) -> str:
    if watch.unread:
        return watch.unread
    said = [
        f"{one.name}: {one.why}"
        for one in watch.judged
        if one.outcome is Outcome.UNKNOWN and one.why
    ]
    return "; ".join(said[:3]) or "nothing was counted"


def left_out(watch: Watch) -> str:
    """Of looks that count as nothing."""
    looks = "1 look counts" if watch.left_out == 1 else f"{watch.left_out} looks count"
    return (
        f"{looks} as nothing: neither a probe nor GitHub gave the bot any answer, so that its own "
        "network was away"
    )


def cause_of(watch: Watch) -> str:
    """Why it is rolled back, to stand behind "because"."""
    return f"the watch over operation {watch.operation_id} found {worse(watch)}"


def watch_notice(watch: Watch) -> tuple[str, str]:
    """Title and text for the team, of a build that is worse."""
    build = watch.build.called
    where = f"{watch.repo.full_name} {watch.environment}"
    if watch.refused:
        text = f"{worse(watch)}. It was not rolled back: {watch.refused} {watch.remedy}"
        return f"{build} on {where} is worse, and could not be rolled back", text.rstrip()
    if watch.back_to is None:
        text = f"{worse(watch)}. By the policy nothing is rolled back."
        return f"{build} on {where} is worse than what was before", text
    text = f"{worse(watch)}. {watch.back_to.called} is put back."
    return f"{build} on {where} is worse: it is rolled back", text


def plain_evidence(watch: Watch) -> dict[str, Json]:
    """What the audit log keeps of an end."""
    return {
        "state": watch.state.value,
        "seconds": watch.took.total_seconds() if watch.took else None,
        "ended_by": watch.ended_by,
        "unread": watch.unread,
        "looks_left_out": watch.left_out,
        "on_fail": watch.on_fail.value,
        "back_to": watch.back_to.called if watch.back_to else "",
        "refused": watch.refused,
        "evidence": [_row(one) for one in watch.judged[:_ROWS]],
    }


def _row(one: Judged) -> dict[str, Json]:
    return {
        "objective": one.name,
        "outcome": one.outcome.value,
        "sure_at": one.at.isoformat() if one.at else None,
        "before": one.before,
        "after": one.after,
        "lately": one.lately,
        "tolerated": one.tolerated,
        "quantile": one.quantile,
        "quantile_before": one.quantile_before,
        "quantile_after": one.quantile_after,
        "why": one.why,
    }


def evidence_of(watch: Watch) -> list[Evidence]:
    """Of the objectives that are shown, those against the build first."""
    found = []
    for one in watch.judged[:_ROWS]:
        counted, slow = one.after is not None, "–"
        if one.quantile and one.quantile_after is not None:
            slow = f"{one.quantile} {_ms(one.quantile_after)} (before: {_ms(one.quantile_before)})"
        found.append(
            Evidence(
                _VERDICTS[one.outcome],
                _WORDS[one.outcome],
                one.name,
                percent(one.after) if counted else one.why or "–",
                percent(one.before),
                percent(one.tolerated) if counted else "–",
                slow,
            )
        )
    return found


def _table(watch: Watch) -> list[str]:
    """The evidence per objective: folded where nothing is to be done."""
    rows = [
        "| | objective | bad since | bad before | may have | latency |",
        "|---|---|---|---|---|---|",
    ]
    for one in evidence_of(watch):
        rows.append(
            f"| {MARKS[one.verdict]} {one.word} | {escape.code(one.objective, 63, cell=True)} "
            f"| {_safe(one.since)} | {one.before} | {one.allowed} | {one.latency} |"
        )
    if watch.state is WatchState.WORSE:
        return rows
    return ["<details>", "<summary>Evidence</summary>", "", *rows, "", "</details>"]


def _of(watch: Watch, one: Judged, said: str) -> str:
    """With the objective's name, where there are several."""
    return f"{one.name} has {said}" if len(watch.judged) > 1 else said


def percent(ratio: float | None) -> str:
    """Two figures: ``0.02 %``, ``4.1 %``; a whole is said only of all."""
    if ratio is None:
        return "unknown"
    part = ratio * 100
    if 0 < part < 0.001:
        return "less than 0.001 %"
    if part >= 10:
        return f"{part:.3g} %" if part < 99.95 or ratio >= 1 else "99.9 %"
    return f"{float(f'{part:.2g}'):.4g} %"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms"


def _after(span: timedelta) -> str:
    seconds = max(round(span.total_seconds()), 1)
    return f"{seconds} s" if seconds < 120 and span != _MINUTE else say_duration(span)


def _length(span: timedelta) -> str:
    minutes = span / _MINUTE
    return (
        f"{minutes:.0f} minutes" if 1 < minutes <= 90 and minutes % 1 == 0 else say_duration(span)
    )


def _safe(text: str) -> str:
    return escape.sentence(text, limit=400)
