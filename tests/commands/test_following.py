"""What a terminal believes of what stands on a pull request, and when it takes it for the end."""

from datetime import timedelta

import pytest

from bot.core.checks import SUMMARY_MARKER
from bot.core.commands.following import (
    BotApp,
    Ended,
    Look,
    News,
    Noticed,
    Reaction,
    Remark,
    Stepped,
    StepState,
    TakenBack,
    Told,
    UnderWay,
    Writer,
    apps_of_checks,
    apps_of_remarks,
    decide_news,
    next_wait,
    pick_app,
)
from bot.core.commands.requests import Refusal
from bot.core.promotion import CheckState
from bot.core.render.command import render_answer, render_refusal

APP = BotApp("lockgate-octo", 77)
BOT = Writer("lockgate-octo[bot]", is_bot=True, app_id=77)
MALLORY = Writer("mallory", is_bot=False)
MINE = 99
REFUSAL = render_answer(MINE, [render_refusal(Refusal("`/promote`", "It is locked.", "Wait."))])
LOCKED = render_answer(MINE, ["**Production is locked by ada:** a reason."])
QUEUED = render_answer(MINE, ["<!-- lockgate:queued -->\n**It is number 1 in the queue.** Wait."])


def operation(headline: str, *steps: str, comment: int = MINE, table: str = "") -> str:
    marks = f"<!-- lockgate:operation id=7 -->\n<!-- lockgate:asked comment={comment} -->"
    listed = "\n".join(f"- {step}" for step in steps)
    return f"{marks}\n**{headline}**\n\n{listed}\n\n{table}\n\n<sub>Operation 7</sub>\n"


GATES = "| | gate |\n|---|---|\n| ❌ fail | checks |"
BEGUN = operation("Promoting x", "✅ gates (2 of 2)", "⏳ verifying …", "⬜ write it")
WAITS = operation("Waiting to promote x", "⏳ asking the gates: e2e runs")
LIVE = operation("Live: x", "✅ gates (2 of 2) · 0.7 s", "⚠️ GitHub was not told", table=GATES)
FAILED = operation("Refused. Red.", "❌ gates (1 of 2)", "➖ 8 steps skipped", table=GATES)


def look(*bodies: str, reactions: str = "", writer: Writer = BOT) -> Look:
    return Look(
        tuple(Reaction(writer, content) for content in reactions.split()),
        tuple(Remark(writer, body) for body in bodies),
    )


def news(seen: Look, told: Told = frozenset()) -> tuple[News, ...]:
    return decide_news(MINE, APP, told, seen)[1]


def end(seen: Look) -> Ended | None:
    found = [each for each in news(seen) if isinstance(each, Ended)]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (look(), ()),
        (look("Nice work."), ()),
        (look(reactions="eyes"), (Noticed(),)),
        (look(LOCKED), (Noticed(), Ended(True, ("Production is locked by ada: a reason.",)))),
        (look(REFUSAL), (Noticed(), Ended(False, ("/promote refused. It is locked. Wait.",)))),
        (
            look(REFUSAL, reactions="eyes -1"),
            (Noticed(), Ended(False, ("/promote refused. It is locked. Wait.",))),
        ),
        (
            look(reactions="eyes -1"),
            (Noticed(), Ended(False, ("Refused, and no more was said.",))),
        ),
        (look(reactions="rocket"), (Noticed(), Ended(True, ("Done.",)))),
        (look(QUEUED), (Noticed(), UnderWay("It is number 1 in the queue. Wait."))),
        (
            look(BEGUN, reactions="eyes"),
            (Noticed(), UnderWay("Promoting x"), Stepped(StepState.DONE, "gates (2 of 2)")),
        ),
        (
            look(WAITS),
            (
                Noticed(),
                UnderWay("Waiting to promote x"),
                Stepped(StepState.WAITING, "asking the gates: e2e runs"),
            ),
        ),
        (
            look(QUEUED, LIVE, reactions="eyes rocket"),
            (
                Noticed(),
                Stepped(StepState.DONE, "gates (2 of 2) · 0.7 s"),
                Stepped(StepState.UNKNOWN, "GitHub was not told"),
                Ended(True, ("Live: x", "Operation 7")),
            ),
        ),
        (
            look(FAILED, reactions="-1"),
            (
                Noticed(),
                Stepped(StepState.FAILED, "gates (1 of 2)"),
                Ended(False, ("Refused. Red.", "        gate", "❌ fail  checks", "Operation 7")),
            ),
        ),
    ],
)
def test_what_is_told_of_a_look(seen: Look, found: tuple[News, ...]) -> None:
    assert news(seen) == found


def test_an_operation_that_looks_ended_goes_on_until_the_reaction() -> None:
    """The comment may still be written once more."""
    assert end(look(LIVE, reactions="eyes")) is None


def test_nothing_is_told_twice() -> None:
    told, first = decide_news(MINE, APP, frozenset(), look(BEGUN, reactions="eyes"))
    assert decide_news(MINE, APP, told, look(BEGUN, reactions="eyes"))[1] == ()
    more = operation("Promoting x", "✅ gates (2 of 2)", "✅ lock taken")
    assert decide_news(MINE, APP, told, look(more))[1] == (Stepped(StepState.DONE, "lock taken"),)
    assert first


TAKEN = operation("Not promoted: x.", "❌ domains not moved").replace(
    "comment=99 -->\n", "comment=99 -->\n<!-- lockgate:taken-back -->\n"
)


def back(headline: str, step: str, *, ended: str, of: int = 7) -> str:
    markers = f"id=8 -->\n<!-- lockgate:follows operation={of} ended={ended} -->\n"
    return operation(headline, step).replace(
        "id=7 -->\n<!-- lockgate:asked comment=99 -->\n", markers
    )


BACK = back("Rolling back to y", "⏳ verifying: x is served still", ended="no")
PUT_BACK = back("Rolled back: y is live.", "✅ domains not moved", ended="yes")


def test_a_promotion_that_is_taken_back_is_followed_to_the_end_of_that() -> None:
    told, first = decide_news(MINE, APP, frozenset(), look(TAKEN, reactions="eyes -1"))
    failed = Stepped(StepState.FAILED, "domains not moved")
    assert first == (Noticed(), failed, TakenBack("Not promoted: x."))
    told, more = decide_news(MINE, APP, told, look(TAKEN, BACK, reactions="eyes -1"))
    waits = Stepped(StepState.WAITING, "verifying: x is served still", back=True)
    assert more == (UnderWay("Rolling back to y"), waits)
    _, last = decide_news(MINE, APP, told, look(TAKEN, PUT_BACK, reactions="eyes -1"))
    assert last == (
        Stepped(StepState.DONE, "domains not moved", back=True),
        Ended(False, ("Not promoted: x.", "Rolled back: y is live.", "Operation 7")),
    )


def test_the_way_back_of_another_operation_is_not_taken_for_its_own() -> None:
    other = back("Rolled back: z is live.", "✅ done", ended="yes", of=6)
    assert end(look(TAKEN, other, reactions="-1")) is None
    theirs = Look(look(reactions="-1").reactions, (Remark(BOT, TAKEN), Remark(MALLORY, PUT_BACK)))
    assert end(theirs) is None


IMPOSTORS = {
    "a person": Writer("mallory", is_bot=False),
    "a person by way of the App": Writer("mallory", is_bot=False, app_id=77),
    "a person of the bot's name": Writer("lockgate-octo[bot]", is_bot=False, app_id=77),
    "another App": Writer("other[bot]", is_bot=True, app_id=5),
    "a workflow": Writer("github-actions[bot]", is_bot=True, app_id=15368),
    "an App of another id": Writer("lockgate-octo[bot]", is_bot=True, app_id=5),
    "a deleted account": Writer("", is_bot=False),
    "a name that begins so": Writer("lockgate-octo-2[bot]", is_bot=True),
}


@pytest.mark.parametrize("writer", IMPOSTORS.values(), ids=IMPOSTORS.keys())
def test_nobody_but_the_app_is_believed(writer: Writer) -> None:
    for body in (LOCKED, REFUSAL, QUEUED, LIVE, FAILED):
        assert news(look(body, reactions="eyes rocket -1", writer=writer)) == ()


def test_the_account_is_enough_where_github_names_no_app() -> None:
    nameless = Writer("Lockgate-Octo[bot]", is_bot=True)
    assert news(look(LOCKED, writer=nameless)) == news(look(LOCKED))
    assert decide_news(MINE, BotApp("lockgate-octo"), frozenset(), look(LOCKED))[1]


@pytest.mark.parametrize(
    "body",
    [
        LOCKED.replace("comment=99", "comment=98"),
        LOCKED.replace("comment=99", "comment=999"),
        f"x\n{LOCKED}",
        operation("Live: x", "✅ gates", comment=98),
        LIVE.replace("<!-- lockgate:asked comment=99 -->\n", ""),
        SUMMARY_MARKER,
    ],
)
def test_what_is_about_another_command_is_passed_over(body: str) -> None:
    assert news(look(body)) == ()


def test_what_steers_a_terminal_is_shown_and_does_nothing() -> None:
    hostile = operation("Live: \x1b[2J\u202e", "✅ \x1b]0;x\x07 gates\x9b")
    _, step, ended = news(look(hostile, reactions="rocket"))
    assert step == Stepped(StepState.DONE, r"\u001b]0;x\u0007 gates\u009b")
    assert ended == Ended(True, (r"Live: \u001b[2J\u202e", "Operation 7"))


# who the App is


def check(name: str = "lockgate/commits", app: str = "lockgate", app_id: int | None = 77):
    return CheckState(name, app_id, app, completed=True, conclusion="success")


def summary(login: str, *, is_bot: bool = True, app_id: int = 0, body: str = SUMMARY_MARKER):
    return Remark(Writer(login, is_bot, app_id), body)


@pytest.mark.parametrize(
    ("seen", "app"),
    [
        (apps_of_checks([]), None),
        (apps_of_checks([check()]), BotApp("lockgate", 77)),
        (apps_of_checks([check("lockgate/promotion")]), BotApp("lockgate", 77)),
        (apps_of_checks([check("lockgate/other")]), None),
        (apps_of_checks([check(app_id=None)]), None),
        (apps_of_checks([check(), check(app="other", app_id=5)]), None),
        (apps_of_checks([check(app="github-actions", app_id=15368)]), None),
        (apps_of_checks([check(), check(app="github-actions", app_id=1)]), BotApp("lockgate", 77)),
        (apps_of_remarks([summary("lockgate[bot]")]), BotApp("lockgate")),
        (
            apps_of_remarks([summary("lockgate[bot]"), summary("lockgate[bot]", app_id=77)]),
            BotApp("lockgate", 77),
        ),
        (apps_of_remarks([summary("mallory", is_bot=False, app_id=77)]), None),
        (apps_of_remarks([summary("lockgate[bot]", is_bot=False)]), None),
        (apps_of_remarks([summary("other[bot]", body="hello")]), None),
        (apps_of_remarks([summary("lockgate[bot]"), summary("other[bot]")]), None),
        (apps_of_remarks([summary("github-actions[bot]")]), None),
    ],
)
def test_the_app_is_known_by_what_it_wrote_before_or_not_at_all(
    seen: list[BotApp], app: BotApp | None
) -> None:
    assert pick_app(seen) == app


def test_looks_become_rarer_until_there_is_news() -> None:
    wait, seconds = None, []
    for _ in range(9):
        wait = next_wait(wait, news=False)
        seconds.append(round(wait.total_seconds(), 2))
    assert seconds == [0.5, 0.75, 1.12, 1.69, 2.53, 3.8, 5.0, 5.0, 5.0]
    assert next_wait(wait, news=True) == timedelta(seconds=0.5)
