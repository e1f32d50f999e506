"""The progress comment and the answers do nothing but what they say, whatever they quote."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import operation_cases as cases
import pytest
from hypothesis import given

from bot.core.commands.requests import Misread, Refusal
from bot.core.decision import Decision, GateResult, Verdict
from bot.core.hosting import Build, Freeze, HostTarget, Lock
from bot.core.model import Actor
from bot.core.operations.machine import Again, Done, Failed, StepName, plan_operation
from bot.core.render import command as answers
from bot.core.render.json import to_json
from bot.core.render.operation import render_operation, render_plan
from bot.core.render.operation_markers import (
    asked_in,
    asked_marker,
    operation_in,
    operation_marker,
)

sys.path.append(str(Path(__file__).parents[1] / "render"))
from hostile import texts
from rendered import render

OURS = {"<br>", "<code>", "</code>", "<sub>", "</sub>"}


def foreign(markdown: str) -> list[str]:
    """The HTML in a text that is not ours, and its links."""
    seen = render(markdown)
    html = [
        piece
        for piece in seen.html
        if piece not in OURS
        and not piece.startswith(("<!-- lockgate:", "<details>\n<summary>2 gates", "</details>"))
    ]
    return html + [link for link in seen.links if link != cases.URL]


@given(texts, texts, texts)
def test_hostile_texts_do_nothing_in_the_progress_comment(one: str, two: str, three: str) -> None:
    build = replace(cases.NEW, tag=one, deployment_id=two)
    start = cases.operation()
    start = replace(
        start,
        plan=plan_operation(
            start.plan.kind, two, HostTarget("vercel", one, three), build, replace(build, tag=three)
        ),
        actor=Actor(5, one),
        overrides={two: three},
    )
    decision = Decision(
        (GateResult(two, Verdict.PASS, one, three), GateResult(one, Verdict.FAIL, two, three))
    )
    gates = cases.then(start, StepName.GATES, Done(one, {"decision": to_json(decision)}))
    for each in (
        gates,
        cases.then(gates, StepName.LOCK, Again(timedelta(seconds=1), two)),
        cases.out(cases.then(gates, StepName.LOCK, Failed(one, two))),
    ):
        body = render_operation(each, details_url=cases.URL)
        assert operation_in(body) == 7
        assert foreign(body) == []
        assert all(len(row) == 4 for row in render(body).rows)
        assert foreign(render_operation(replace(each, policy_fault=three))) == []
    assert foreign(render_plan(start.plan, decision, policy_fault=one)) == []


@given(texts, texts, texts)
def test_hostile_texts_do_nothing_in_the_answers(one: str, two: str, three: str) -> None:
    lock = Lock(one, two, three, cases.AT)
    freeze = Freeze(one, two, three, cases.AT, cases.AT)
    live = replace(cases.entry(1, Build(cases.sha("a"), two, three)), actor=one)
    status = answers.EnvironmentStatus(
        one, two, live, lock, (freeze,), drift=three, unread=two, auto_assigns=True
    )
    results = (GateResult(one, Verdict.FAIL, two, three),)
    for text in (
        answers.render_refusal(Refusal(one, two, three)),
        answers.render_misread(Misread(one, two)),
        answers.render_locked(lock, lock),
        answers.render_unlocked(one, lock, two, cases.AT),
        answers.render_frozen(freeze),
        answers.render_thawed(one, 1, two),
        answers.render_status([status, status], cases.AT, three),
        answers.render_status([], cases.AT, two),
        answers.render_gates(one, live.build, Decision(results)),
        answers.render_already_live(one, live.build, live),
        answers.render_overridden(cases.operation(), one, two, three),
        answers.render_refusal(answers.unknown_command(one, two)),
    ):
        assert foreign(text) == []
        assert all(len(row) in (4, 5) for row in render(text).rows)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        f"x {operation_marker(7)}",
        f"\n{operation_marker(7)}",
        f"{operation_marker(7)} x",
        "<!-- lockgate:operation id=0 -->",
        "<!-- lockgate:operation id=7x -->",
        "<!-- lockgate:operation id=٧ -->",
    ],
)
def test_what_is_no_progress_comment_belongs_to_no_operation(body: str) -> None:
    assert operation_in(body) == 0
    assert answers.answered_in(body) == 0


def test_the_markers_are_read_as_they_are_written() -> None:
    assert operation_in(f"{operation_marker(7)}\r\nx") == 7
    assert answers.answered_in(answers.render_answer(99, ["x"])) == 99
    asked = render_operation(cases.operation())
    assert (asked_in(asked), asked_in(asked.replace("\n", "\r\n"))) == (99, 99)
    by_itself = replace(cases.operation(), comment_id=-6, follows=6)
    assert asked_in(render_operation(by_itself)) == 0


@pytest.mark.parametrize(
    "body",
    [asked_marker(7), f"{operation_marker(7)}\nx\n{asked_marker(7)}", f"x\n{asked_marker(7)}"],
)
def test_only_the_second_line_of_a_progress_comment_says_who_asked(body: str) -> None:
    assert asked_in(body) == 0


def test_an_answer_says_how_it_ends() -> None:
    hostile = Lock("production", "octo", "<!-- lockgate:refused -->", cases.AT)
    start = cases.operation()
    for text, ending in (
        (answers.render_refusal(Refusal("a", "b")), answers.Ending.REFUSED),
        (answers.render_misread(Misread("a")), answers.Ending.REFUSED),
        (answers.render_queued(start, [start]), answers.Ending.QUEUED),
        (answers.render_locked(hostile), answers.Ending.DONE),
        ("", answers.Ending.DONE),
    ):
        body = answers.render_answer(99, [text])
        assert answers.ending_in(body) is ending
        assert answers.ending_in(body.replace("\n", "\r\n")) is ending
        assert answers.ending_in(text) is answers.Ending.DONE, "it is no answer without its marker"


@pytest.mark.parametrize("text", ["x" * 65_000, "@a|" * 20_000, "é" * 65_000, "`" * 65_000])
def test_the_comments_stay_within_github_s_limit(text: str) -> None:
    decision = Decision(tuple(GateResult(f"gate {n}", Verdict.FAIL, text, text) for n in range(30)))
    failed = Failed(text, text, detail={"decision": to_json(decision)})
    body = render_operation(cases.then(cases.operation(), StepName.GATES, failed))
    assert len(body.encode()) < 65_536
    assert len(answers.render_refusal(Refusal(text, text, text)).encode()) < 65_536
    lock = Lock(text, text, text, cases.AT)
    status = answers.EnvironmentStatus(
        text, text, None, lock, drift=text, unread=text, auto_assigns=True
    )
    assert len(answers.render_status([status] * 20, cases.AT).encode()) < 65_536
