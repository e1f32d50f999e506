"""Words, numbers and times as the pages show them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from served_pages import evaluation

from bot.core.decision import Decision, GateResult, Verdict
from bot.core.hosting import Lock
from bot.core.work.kinds import KINDS
from bot.ports import Job, JobStatus, QueueHealth
from bot.web.pages.dashboard import DashboardView
from bot.web.pages.objectives import BudgetSummary
from bot.web.pages.operations import _WORKS, SLOW_SECONDS, OperationsView, view_job
from bot.web.pages.pulls import view_pull
from bot.web.pages.shipping import EnvironmentView, Shipped
from bot.web.pages.text import count, cut, duration, encodable, exact, iso, relative

AT = datetime(2026, 3, 1, 12, 4, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (1.9, "just now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (200_000, "2 d ago"),
        (-30, "in 30 s"),
        (-1, "just now"),
    ],
)
def test_relative_times(seconds: float, words: str) -> None:
    assert relative(AT, AT + timedelta(seconds=seconds)) == words


def test_times_are_told_in_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=9)))
    assert exact(there) == "2026-03-01 12:04:10 UTC"
    assert iso(there) == "2026-03-01T12:04:10.000Z"


def test_counts_and_durations() -> None:
    assert [count(n, "job") for n in (0, 1, 2_000)] == ["0 jobs", "1 job", "2,000 jobs"]
    assert [duration(s) for s in (0.9, 61, 90_000)] == ["0 s", "1 min", "1 d"]


def test_cut_says_how_long_the_text_was() -> None:
    assert cut(" short ", 5) == "short"
    assert cut("longer text", 7) == "longer… (11 characters)"
    assert cut("a\u202eb\nc\x00", 20) == "a\\u202eb\nc\\u0000"


def test_lone_surrogates_can_be_sent() -> None:
    assert encodable("a\ud800b").encode() == b"a?b"


def test_every_kind_of_work_has_words() -> None:
    assert set(_WORKS) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "args", "told"),
    [
        ("advance_watch", {"watch_id": 3}, "go on with watch 3"),
        ("advance_schema_run", {"run_id": 2}, "change a database, run 2"),
        ("tell_operation", {"operation_id": 7}, "report on operation 7"),
        ("reconcile_installation", {"installation_id": 9}, "check installation 9"),
        (
            "advance_environment",
            {"repository_id": 5, "environment": "production"},
            "move environment production",
        ),
        (
            "observe_environment",
            {"installation_id": 9, "owner": "octo", "name": "shop", "environment": "preview"},
            "look at what is served by octo/shop preview",
        ),
        (
            "run_command",
            {"installation_id": 9, "owner": "octo", "name": "shop", "number": 12},
            "run the command on octo/shop#12",
        ),
        ("prune_store", {}, "delete what is past its retention"),
    ],
)
def test_a_job_says_what_it_is_about(kind: str, args: dict[str, Any], told: str) -> None:
    shown = view_job(Job(1, kind, "key", args, JobStatus.WAITING, 0, "", AT, None))
    assert f"{shown.work} {shown.subject}".rstrip() == told


def operations(oldest_due_seconds: int) -> OperationsView:
    queue = QueueHealth(3, 0, 0, 0)
    return OperationsView(queue, oldest_due_seconds, (), False, (), False, (), False)


def test_a_queue_that_nobody_works_on_is_the_headline() -> None:
    slow = DashboardView("", (), False, operations(SLOW_SECONDS))
    assert slow.headline == (
        "Work is stuck: a job that is due has waited 30 s, and no worker took it."
    )
    assert slow.next_step == "lockgate doctor"
    quick = DashboardView("", (), False, operations(SLOW_SECONDS - 1))
    assert quick.headline == "No open pull request has been evaluated."
    assert quick.next_step == ""


@pytest.mark.parametrize(
    ("stopped", "budgets", "besides"),
    [
        (0, BudgetSummary(3, 0, Verdict.PASS), ""),
        (1, BudgetSummary(), " 1 environment is locked, frozen or held."),
        (0, BudgetSummary(3, 1, Verdict.FAIL), " 1 of 3 objectives is to look at."),
        (
            2,
            BudgetSummary(3, 2, Verdict.FAIL),
            " 2 environments are locked, frozen or held, and 2 of 3 objectives are to look at.",
        ),
    ],
)
def test_the_headline_keeps_back_nothing(
    stopped: int, budgets: BudgetSummary, besides: str
) -> None:
    locked = EnvironmentView("octo/shop", 1, "e2e", None, Lock("e2e", "ada", "", AT), (), None)
    view = DashboardView("", (), False, None, Shipped((locked,) * stopped), budgets=budgets)
    assert view.headline == f"No open pull request has been evaluated.{besides}"


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ([], "No gate applies, so nothing is known."),
        (["pass", "skip"], "Nothing holds it: 1 of 2 gates passed."),
        (["skip"], "Every gate was skipped, so nothing holds it and nothing vouches for it."),
        (["pass", "wait", "error"], "Held by 2 of 3 gates."),
    ],
)
def test_the_sentence_of_a_pull_request(verdicts: list[str], sentence: str) -> None:
    results = tuple(GateResult(f"gate{n}", Verdict(v), "") for n, v in enumerate(verdicts))
    assert view_pull(evaluation(decision=Decision(results))).sentence == sentence


def test_the_next_step_is_the_remedy_of_the_worst_gate() -> None:
    results = (
        GateResult("a", Verdict.WAIT, "", "wait for it"),
        GateResult("b", Verdict.FAIL, "", "mend it"),
        GateResult("c", Verdict.ERROR, ""),
    )
    assert view_pull(evaluation(decision=Decision(results))).next_step == "mend it"
