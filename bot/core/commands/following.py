"""What became of a command, by what the bot has written: what is new at each look, and the end.

Anybody may write what looks like the bot's word. Only the App's own account counts, which nobody
else can write as: GitHub gives no person a login that ends in ``[bot]``.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TypeAlias

from bot.core.checks import SUMMARY_MARKER
from bot.core.decision import Verdict
from bot.core.promotion import CheckState
from bot.core.render.check import COMMITS_CHECK
from bot.core.render.command import Ending, answered_in, ending_in
from bot.core.render.operation_markers import asked_in, follows_in, is_taken_back_in, operation_in
from bot.core.render.plain import Block, Kind, read_blocks
from bot.core.render.promotion import PROMOTION_CHECK
from bot.core.render.words import MARKS

_ACTIONS = "github-actions"
"""The App that every workflow writes as, and with it whoever may push a branch."""
_SUFFIX = "[bot]"
_OVER = {"rocket", "-1"}
"""The reactions that say that there is nothing more to come."""
_DONE, _REFUSED = "Done.", "Refused, and no more was said."
_FIRST_WAIT = timedelta(milliseconds=500)
_LONGEST_WAIT = timedelta(seconds=5)
_GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class BotApp:
    """The App that answers: its slug, and its id, 0 where that is not known."""

    slug: str
    id: int = 0

    @property
    def login(self) -> str:
        return f"{self.slug}{_SUFFIX}"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote something. ``app_id`` is of the App that GitHub names beside the account, 0 where
    it names none."""

    login: str
    is_bot: bool
    app_id: int = 0


@dataclass(frozen=True, slots=True)
class Reaction:
    writer: Writer
    content: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on the pull request."""

    writer: Writer
    body: str


@dataclass(frozen=True, slots=True)
class Look:
    """What stood there. The reactions were read before the comments: the bot writes what it has to
    say first, and then the reaction that it is over."""

    reactions: tuple[Reaction, ...]
    remarks: tuple[Remark, ...]
    """Oldest first."""


class StepState(StrEnum):
    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"
    UNKNOWN = "unknown"


_STEP_STATES = {
    MARKS[Verdict.PASS]: StepState.DONE,
    MARKS[Verdict.FAIL]: StepState.FAILED,
    MARKS[Verdict.WAIT]: StepState.WAITING,
    MARKS[Verdict.ERROR]: StepState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Noticed:
    """The bot has seen the command."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is being done, in a sentence."""

    text: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """It failed, as the sentence says, and the bot itself puts back what was live before."""

    text: str


@dataclass(frozen=True, slots=True)
class Stepped:
    """A step came to this. ``back`` is for a step of the way back."""

    state: StepState
    text: str
    back: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """``lines`` are what there is to read of it, the first one a sentence that says all."""

    good: bool
    lines: tuple[str, ...]


News: TypeAlias = Noticed | UnderWay | TakenBack | Stepped | Ended


Told: TypeAlias = frozenset[News]
"""What was told before: nothing is told twice."""


def pick_app(seen: Iterable[BotApp]) -> BotApp | None:
    """The one App among those that have written as Lockgate does; None for none or several.

    Workflows are passed over: one of a branch could write so before anybody has looked at it.
    """
    apps: dict[str, BotApp] = {}
    for app in seen:
        slug = app.slug.lower()
        if slug != _ACTIONS and (slug not in apps or app.id):
            apps[slug] = app
    return next(iter(apps.values())) if len(apps) == 1 else None


def apps_of_checks(checks: Iterable[CheckState]) -> list[BotApp]:
    """Those that have posted a check of ours. A status, which any writer can set, has no App."""
    return [
        BotApp(check.app, check.app_id)
        for check in checks
        if check.name in (COMMITS_CHECK, PROMOTION_CHECK) and check.app_id and check.app
    ]


def apps_of_remarks(remarks: Iterable[Remark]) -> list[BotApp]:
    """Those that have written our summary comment."""
    return [
        BotApp(remark.writer.login.removesuffix(_SUFFIX), remark.writer.app_id)
        for remark in remarks
        if remark.writer.is_bot
        and remark.writer.login.endswith(_SUFFIX)
        and remark.body.startswith(SUMMARY_MARKER)
    ]


def is_by(writer: Writer, app: BotApp) -> bool:
    other = app.id and writer.app_id and writer.app_id != app.id
    return writer.is_bot and writer.login.lower() == app.login.lower() and not other


def decide_news(
    comment_id: int, app: BotApp, told: Told, look: Look
) -> tuple[Told, tuple[News, ...]]:
    """What to tell of a look, and what was told then. An ``Ended`` is the last of the news."""
    reactions = {each.content for each in look.reactions if is_by(each.writer, app)}
    bodies = [each.body for each in look.remarks if is_by(each.writer, app)]
    operation = next((body for body in bodies if asked_in(body) == comment_id), "")
    answer = next((body for body in bodies if answered_in(body) == comment_id), "")
    taken_back = is_taken_back_in(operation)
    back = _way_back(operation, bodies) if taken_back else ""
    ended = _ended_back(operation, back) if taken_back else _ended(reactions, operation, answer)
    found: list[News] = []
    if reactions or operation or answer:
        found.append(Noticed())
    if operation:
        blocks = read_blocks(operation)
        found += _of_operation(blocks, ended=ended is not None or taken_back)
        if taken_back:
            found += [TakenBack(line) for line in _text(blocks)[:1]]
        if back:
            found += _of_operation(read_blocks(back), ended=ended is not None, back=True)
    elif answer and ended is None:
        found += [UnderWay(line) for line in _text(read_blocks(answer))[:1]]
    fresh = [each for each in found if each not in told]
    return told.union(fresh), (*fresh, *([ended] if ended else []))


def next_wait(before: timedelta | None, *, news: bool) -> timedelta:
    """How long to wait before the next look; ``before`` is None before the first."""
    if before is None or news:
        return _FIRST_WAIT
    return min(before * _GROWTH, _LONGEST_WAIT)


def _ended(reactions: set[str], operation: str, answer: str) -> Ended | None:
    """The end of an operation is told by the reaction, which comes last. An answer is the end
    unless it announces an operation; and some refusals are a reaction alone."""
    over = reactions & _OVER
    if over:
        good = "-1" not in over
    elif answer and not operation and ending_in(answer) is not Ending.QUEUED:
        good = ending_in(answer) is Ending.DONE
    else:
        return None
    # An operation's steps were told one by one, and its gates stand folded up once they passed.
    told = {Kind.LIST, Kind.TABLE} if good else {Kind.LIST}
    lines = _text(read_blocks(operation), told) if operation else _text(read_blocks(answer))
    return Ended(good, lines or (_DONE if good else _REFUSED,))


def _way_back(operation: str, bodies: list[str]) -> str:
    """The comment of the rollback that takes an operation back; empty before there is one."""
    promotion = operation_in(operation)
    return next((body for body in bodies if follows_in(body)[0] == promotion), "")


def _ended_back(operation: str, back: str) -> Ended | None:
    """A promotion that was taken back has failed, however well that went."""
    if not follows_in(back)[1]:
        return None
    told = {Kind.LIST, Kind.TABLE}
    said = [_text(read_blocks(body), told) for body in (operation, back)]
    return Ended(False, (*said[0][:1], *said[1]))


def _of_operation(blocks: tuple[Block, ...], *, ended: bool, back: bool = False) -> list[News]:
    """What is under way, and each step that has come to something."""
    news: list[News] = []
    if blocks and blocks[0].kind is Kind.TEXT and not ended:
        news.append(UnderWay(blocks[0].lines[0]))
    for line in next((block.lines for block in blocks if block.kind is Kind.LIST), ()):
        mark, _, text = line.partition(" ")
        state = _STEP_STATES.get(mark)
        if state is None or (state is StepState.WAITING and (ended or text.endswith(" …"))):
            continue
        news.append(Stepped(state, text, back))
    return news


def _text(blocks: tuple[Block, ...], leave_out: Collection[Kind] = ()) -> tuple[str, ...]:
    return tuple(line for block in blocks if block.kind not in leave_out for line in block.lines)
