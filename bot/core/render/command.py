"""What is answered to a command: what was done, or what was asked, what stands against it and what
can be done."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.core.commands.command import Command
from bot.core.commands.requests import Misread, Refusal
from bot.core.decision import Decision, Verdict
from bot.core.hosting import Build, Freeze, LedgerEntry, Lock, Origin
from bot.core.operations.machine import Kind, Operation, State
from bot.core.operations.rollback_target import call
from bot.core.phrases import counted, say_duration, say_time
from bot.core.render import escape
from bot.core.render.operation import TABLE_BYTES, asked_of, gates_table
from bot.core.render.slo import budget_lines
from bot.core.render.watch import watch_remark
from bot.core.render.words import HOLDING, by_last_good, capitalised, fit, stopped
from bot.core.slo.watching import Watch

_MARKER = re.compile(r"<!-- lockgate:answer comment=([1-9][0-9]{0,18}) -->(?:\r?\n|$)")
_REFUSED, _QUEUED = "<!-- lockgate:refused -->\n", "<!-- lockgate:queued -->\n"
"""What an answer's text begins with that is no good word, or not the last one: for programs."""
_LIMIT = 500


class Ending(StrEnum):
    """What an answer says of what was asked for."""

    DONE = "done"
    REFUSED = "refused"
    QUEUED = "queued"
    """It is still to come, and an operation's comment will tell of it."""


def answer_marker(comment_id: int) -> str:
    """What the answer to a comment is found again by, together with its author."""
    return f"<!-- lockgate:answer comment={comment_id} -->"


def answered_in(body: str) -> int:
    """The comment that a comment answers, 0 if none: only the very first line counts."""
    found = _MARKER.match(body)
    return int(found[1]) if found else 0


def ending_in(body: str) -> Ending:
    """What the first text of an answer says; only the line after the marker counts."""
    marker = _MARKER.match(body)
    text = body[marker.end() :].replace("\r\n", "\n", 1) if marker else ""
    if text.startswith(_REFUSED):
        return Ending.REFUSED
    return Ending.QUEUED if text.startswith(_QUEUED) else Ending.DONE


def render_answer(comment_id: int, texts: Sequence[str]) -> str:
    """One comment for all that is answered to another."""
    return "\n".join([answer_marker(comment_id), "\n\n---\n\n".join(texts), ""])


def render_refusal(refusal: Refusal) -> str:
    said = [f"**{capitalised(_said(refusal.asked))} refused.**", _sentence(refusal.against)]
    if refusal.remedy:
        said.append(_sentence(refusal.remedy))
    return _REFUSED + " ".join(said)


def render_misread(misread: Misread) -> str:
    line = "**Not understood, and nothing was done.** " + _sentence(misread.problem)
    if misread.suggestion:
        line += f" Did you mean {escape.code(misread.suggestion, _LIMIT)}?"
    return f"{_REFUSED}{line} `/help` lists the commands."


def render_already_live(environment: str, build: Build, live: LedgerEntry | None) -> str:
    since = f", since {say_time(live.live_from)}" if live else ""
    return f"**{_build(build)} is live on {_name(environment)} already**{since}. Nothing was done."


def render_queued(operation: Operation, ahead: Sequence[Operation]) -> str:
    """For an operation that waits until others of its environment have ended."""
    first = ahead[0]
    more = f" and {len(ahead) - 1} more" if len(ahead) > 1 else ""
    return (
        f"{_QUEUED}**The {asked_of(operation)} is number {len(ahead)} in the queue.** It waits for "
        f"the {asked_of(first)} that {_whose(first, _login(first.actor.login))}{more}. `/cancel` "
        "takes it out."
    )


def superseded_by(newer: Operation) -> str:
    """The outcome of an operation that a newer one ends; plain."""
    kind = "rollback" if newer.plan.kind is Kind.ROLLBACK else "promotion"
    return (
        f"The {kind} to `{call(newer.plan.build)}` that {_whose(newer, newer.actor.login)} took "
        f"its place, and says what {newer.plan.environment} serves."
    )


def _whose(operation: Operation, login: str) -> str:
    return "the bot began by itself" if operation.follows else f"{login} asked for"


def render_cancelled(operation: Operation) -> str:
    ending = "is cancelled" if operation.state is State.CANCELLED else "is being cancelled"
    return (
        f"**The {asked_of(operation)} {ending}.** {capitalised(_name(operation.plan.environment))} "
        "is unchanged."
    )


def nothing_to_cancel(environment: str, queued: Operation | None) -> Refusal:
    """``queued`` is an operation whose request waits at the host."""
    if queued is None:
        return Refusal(
            f"Cancelling on {environment}",
            "No operation is under way there that has not reached the host yet.",
            "`/rollback` takes back what is live.",
        )
    return Refusal(
        f"Cancelling on {environment}",
        f"The host has taken the promotion of {call(queued.plan.build)} and lets it wait behind a "
        "rolling release. There it cannot be called off: it goes live once that release has ended.",
        "`/rollback` waits for that, and takes it back at once.",
    )


def nothing_to_retry(environment: str, last: Operation | None) -> Refusal | None:
    """Why the newest operation of an environment is not to be tried again; None if it may be."""
    if last is not None and last.ended and last.state is not State.SUCCEEDED:
        return None
    if last is None:
        against = "Nothing has been promoted or rolled back there yet."
    elif last.ended:
        against = "The last operation there did not end badly."
    else:
        against = (
            f"The {last.plan.kind.noun} of `{call(last.plan.build)}` is still under way there."
        )
    return Refusal(f"Retry on {environment}", against, "`/status` tells what is live.")


def render_overridden(operation: Operation, gate: str, reason: str, actor: str) -> str:
    aside = f"> **Gate {escape.code(gate, 40)} is set aside by {_login(actor)}**"
    why = f"for the {asked_of(operation)} alone: {stopped(escape.inline(reason))}"
    return f"> [!CAUTION]\n{aside}, {why} This is written to the audit log, and the team is told."


def render_locked(lock: Lock, before: Lock | None = None) -> str:
    text = (
        f"**{capitalised(_name(lock.environment))} is locked by {_login(lock.actor)}:** "
        f"{stopped(escape.inline(lock.reason))} No promotion starts until somebody types "
        f"{_line('unlock', lock.environment)}; a rollback still works."
    )
    if before:
        text += (
            f" It was locked before by {_login(before.actor)}, since {say_time(before.since)}: "
            f"{stopped(escape.inline(before.reason))}"
        )
    return text


def render_unlocked(environment: str, lock: Lock | None, actor: str, now: datetime) -> str:
    name = capitalised(_name(environment))
    if lock is None:
        return f"**{name} was not locked.** Nothing was done."
    held = say_duration(now - lock.since)
    return (
        f"**{name} is unlocked by {_login(actor)}.** {_login(lock.actor)} had locked it for "
        f"{held}: {stopped(escape.inline(lock.reason))}"
    )


def render_frozen(freeze: Freeze) -> str:
    return (
        f"**{capitalised(_name(freeze.environment))} is frozen by {_login(freeze.actor)} until "
        f"{say_time(freeze.until)}:** {stopped(escape.inline(freeze.reason))} No promotion starts "
        f"before; {_line('thaw', freeze.environment)} ends it, and a rollback still works."
    )


def render_thawed(environment: str, ended: int, actor: str) -> str:
    name = capitalised(_name(environment))
    if not ended:
        return (
            f"**No freeze of {_name(environment)} was begun by a command.** Nothing was done; "
            "freezes of the policy end by the policy."
        )
    return (
        f"**{name} is thawed by {_login(actor)}.** {capitalised(counted(ended, 'freeze'))} ended."
    )


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """What ``/status`` tells of an environment. ``unread`` is why what is served now is not
    known; ``drift`` the deployment that the domain serves if it is not the ledger's."""

    name: str
    domain: str
    live: LedgerEntry | None
    lock: Lock | None = None
    freezes: tuple[Freeze, ...] = ()
    open: tuple[Operation, ...] = ()
    held_by_rollback: bool = False
    unsettled: Operation | None = None
    """The operation since which nobody knows what is served."""
    auto_assigns: bool = False
    drift: str = ""
    unread: str = ""
    watch: Watch | None = None
    """The one that has not ended yet."""
    watch_url: str = ""
    """The page of the operation that it is about."""


def render_status(
    environments: Sequence[EnvironmentStatus], now: datetime, policy_fault: str = ""
) -> str:
    """``policy_fault`` is why the policy in force cannot be used: the environments are then those
    of the last good one."""
    if not environments and policy_fault:
        why = stopped(_said(policy_fault))
        return f"**The policy in force cannot be used**, and no earlier one is known: {why}"
    if not environments:
        return (
            "**The policy names no environment.** Add one under `environments` in "
            "`.github/lockgate.yml`."
        )
    rows = ["| environment | live | since | by | holds |", "|---|---|---|---|---|"]
    rows += [_status_row(each, now) for each in environments]
    table = fit(rows, TABLE_BYTES, fixed=2, details_url="")
    headline = f"**{_status_headline(environments)}**"
    return "\n".join([headline, "", table, *_remarks(environments, policy_fault)])


def _status_headline(environments: Sequence[EnvironmentStatus]) -> str:
    first = environments[0]
    if len(environments) > 1:
        held = sum(bool(each.lock or each.freezes) for each in environments)
        return f"{len(environments)} environments, {held or 'none'} of them locked or frozen."
    live = f"{_build(first.live.build)} is" if first.live else "Nothing is known to be"
    return f"{live} live on {_name(first.name)}."


def _status_row(status: EnvironmentStatus, now: datetime) -> str:
    name = escape.inline(status.name, 60)
    if status.domain:
        name += f"<br>{escape.code(status.domain, 100, cell=True)}"
    entry = status.live
    if entry is None:
        return f"| {name} | nothing yet, by the ledger | – | – | {_holds(status)} |"
    pull = f"<br>pull request {entry.build.pull_number}" if entry.build.pull_number else ""
    schema = (
        f"<br>schema {escape.code(entry.build.schema_hash[:12], cell=True)}"
        if entry.build.schema_hash
        else ""
    )
    seen = "" if entry.verified_at else "<br>never verified"
    since = f"{say_time(entry.live_from)}<br>{say_duration(now - entry.live_from)}"
    how = {
        Origin.PROMOTION: "promoted",
        Origin.ROLLBACK: "rolled back",
        Origin.OUTSIDE: "moved at the host, past Lockgate",
    }[entry.origin]
    by = f"{escape.inline(entry.actor, 60)}<br>{how}" if entry.actor else how
    live = f"{_build(entry.build)}{pull}{schema}{seen}"
    return f"| {name} | {live} | {since} | {by} | {_holds(status)} |"


def _holds(status: EnvironmentStatus) -> str:
    holds = []
    if status.lock:
        lock = status.lock
        holds.append(
            f"locked by {_login(lock.actor)} since {say_time(lock.since)}: "
            f"{escape.inline(lock.reason, 120)}"
        )
    holds += [
        f"frozen until {say_time(freeze.until)}: {escape.inline(freeze.reason, 120)}"
        for freeze in status.freezes
    ]
    if status.held_by_rollback:
        holds.append("held since the rollback, until `/promote`")
    if status.unsettled and status.unsettled.ended:
        holds.append(
            f"held since operation {status.unsettled.id}, a "
            f"{status.unsettled.plan.kind.noun} that was not verified: no release is promoted "
            "until `/promote` or `/rollback`"
        )
    holds += [f"under way: {asked_of(operation)}" for operation in status.open]
    return "<br>".join(holds) or "–"


def _remarks(environments: Sequence[EnvironmentStatus], policy_fault: str) -> list[str]:
    lines = []
    if policy_fault:
        lines.append(
            f"- {by_last_good(policy_fault)} Promotions are refused until that is mended, and a "
            "rollback still works."
        )
    for each in environments:
        name = _name(each.name)
        if each.watch:
            lines.append(f"- {watch_remark(each.watch, each.watch_url)}")
        if each.drift:
            lines.append(
                f"- The domain of {name} serves {escape.code(each.drift, 60)}, which is not what "
                "the ledger has: it was moved past Lockgate."
            )
        if each.unread:
            why = escape.sentence(each.unread, limit=200)
            lines.append(f"- What {name} serves could not be read: {stopped(why)}")
        if each.auto_assigns:
            lines.append(
                f"- The host puts new builds live on {name} by itself, so no gate holds them: set "
                "`autoAssignCustomDomains` to `false` for the project."
            )
    return ["", fit(lines, TABLE_BYTES, fixed=0, details_url="")] if lines else []


def render_gates(environment: str, build: Build, decision: Decision, *, slo_url: str = "") -> str:
    """What ``/gates`` answers. ``slo_url`` is the page of the repository's objectives."""
    name = _name(environment)
    judged = [result for result in decision.results if result.verdict is not Verdict.SKIP]
    holding = [result for result in judged if result.verdict in HOLDING]
    if not judged:
        headline = f"No gate of {name} had anything to judge, so {_build(build)} is not ready."
    elif holding:
        hold = "holds" if len(holding) == 1 else "hold"
        headline = (
            f"Not ready to promote {_build(build)} to {name}: {len(holding)} of "
            f"{counted(len(judged), 'gate')} {hold} it."
        )
    else:
        several = "both" if len(judged) == 2 else f"all {len(judged)}"
        passing = "the gate passes" if len(judged) == 1 else f"{several} gates pass"
        headline = f"Ready to promote {_build(build)} to {name}: {passing}."
    budgets = budget_lines(decision.results, slo_url)
    return "\n".join([f"**{headline}**", "", *gates_table(decision.results), *budgets])


def render_help(
    commands: Sequence[Command], refusals: Mapping[str, Refusal | None], environment: str
) -> str:
    """``refusals`` says by name why the reader may not run a command, None if allowed."""
    allowed = sum(refusals.get(command.name) is None for command in commands)
    on = f" on {_name(environment)}" if environment else ""
    rows = ["| command | what it does | you |", "|---|---|---|"]
    for command in commands:
        may = "may" if refusals.get(command.name) is None else "may not"
        usage = escape.code(command.usage, cell=True)
        rows.append(f"| {usage} | {escape.sentence(command.summary, cell=True)} | {may} |")
    headline = f"**You may run {allowed} of {len(commands)} commands{on}.**"
    how = "A command stands alone at the start of a line; `/help promote` tells more of one."
    return "\n".join([f"{headline} {how}", "", *rows])


def render_command_help(command: Command, refusal: Refusal | None) -> str:
    lines = [f"**{escape.code(command.usage)}**", "", escape.sentence(command.summary), ""]
    lines += [
        f"- {escape.code(argument.form)}: {escape.sentence(argument.description, limit=_LIMIT)}"
        for argument in command.arguments
    ]
    lines += ["", "| for example | |", "|---|---|"]
    for example in command.examples:
        meaning = escape.sentence(example.meaning, cell=True)
        lines.append(f"| {escape.code(example.line, cell=True)} | {meaning} |")
    may = (
        "You may run it."
        if refusal is None
        else f"You may not run it. {_sentence(refusal.against)}"
    )
    return "\n".join([*lines, "", may])


def unknown_command(name: str, meant: str) -> Refusal:
    return Refusal(
        "Help",
        f"There is no command `/{name}`.",
        f"Try `/help {meant}`." if meant else "`/help` lists them all.",
    )


def _build(build: Build) -> str:
    sha = escape.code(build.sha[:7] or build.called)
    return f"{escape.inline(build.tag, 60)} ({sha})" if build.tag else sha


def _name(environment: str) -> str:
    return escape.inline(environment, 60)


def _login(login: str) -> str:
    return escape.inline(login, 60)


def _line(command: str, environment: str) -> str:
    return escape.code(f"/{command} {environment}", 100)


def _said(text: str) -> str:
    return escape.sentence(text, limit=_LIMIT)


def _sentence(text: str) -> str:
    return stopped(capitalised(_said(text)))
