"""The line that a terminal types is read by the grammar as what was meant, or is not typed."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.core.commands.command import Misuse, Surroundings, read_named
from bot.core.commands.grammar import read_comment
from bot.core.commands.line import Typable, plan_line
from bot.core.commands.requests import (
    GatesRequest,
    LockRequest,
    PromoteRequest,
    RollbackRequest,
    ShaPrefix,
    StatusRequest,
    StepsBack,
    TagName,
    UnlockRequest,
)
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.render.escape import visible

NOW = datetime(2026, 3, 2, 12, 4, tzinfo=UTC)
POLICY = {"production": EnvironmentPolicy(), "staging": EnvironmentPolicy()}
UNKNOWN: dict[str, EnvironmentPolicy] = {}
SHA, TAG = ShaPrefix("3f2c1aa"), TagName("v1.5.0")


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (PromoteRequest(""), "/promote production"),
        (PromoteRequest("", TAG, dry_run=True), "/promote production v1.5.0 --dry-run"),
        (PromoteRequest("staging", SHA, when_ready=True), "/promote staging 3f2c1aa --when-ready"),
        (PromoteRequest("", None, True, True), "/promote production --dry-run --when-ready"),
        (PromoteRequest("", TagName("v1_2_3")), "/promote production v1_2_3"),
        (
            PromoteRequest("", TAG, plan="3f2c1aa0b4c5"),
            "/promote production v1.5.0 --plan=3f2c1aa0b4c5",
        ),
        (
            RollbackRequest("", TAG, plan="3f2c1aa0b4c5"),
            "/rollback production v1.5.0 --plan=3f2c1aa0b4c5",
        ),
        (RollbackRequest(""), "/rollback production"),
        (RollbackRequest("staging", StepsBack(2), dry_run=True), "/rollback staging 2 --dry-run"),
        (RollbackRequest("", TAG), "/rollback production v1.5.0"),
        (StatusRequest(""), "/status"),
        (StatusRequest("staging"), "/status staging"),
        (GatesRequest(""), "/gates production"),
        (UnlockRequest("staging"), "/unlock staging"),
        (LockRequest("", "checking db_main"), "/lock production checking db_main"),
        (LockRequest("", "staging is slow"), "/lock production staging is slow"),
        (LockRequest("", "the *db*,\n see `x`"), r"/lock production the \*db\*, see \`x\`"),
        (LockRequest("", "<b>[x](y)</b>"), r"/lock production \<b>\[x\](y)\</b>"),
    ],
)
def test_a_request_as_a_line(request_: Typable, line: str) -> None:
    assert plan_line(request_, POLICY, NOW).text == line


@pytest.mark.parametrize(
    ("request_", "environments", "problem"),
    [
        (PromoteRequest("prod"), POLICY, "There is no environment `prod`"),
        (StatusRequest("prod"), POLICY, "There is no environment `prod`"),
        (PromoteRequest("", TagName("staging")), POLICY, "Two environments are named"),
        (RollbackRequest("", StepsBack(21)), POLICY, "1 to 20 builds"),
        (LockRequest("", "x" * 301), POLICY, "301 characters"),
        (LockRequest("", "hid\u200bden"), POLICY, "ZERO WIDTH SPACE"),
        (LockRequest("", "  "), POLICY, "The reason is missing"),
        (
            GatesRequest(""),
            {"eu": EnvironmentPolicy(), "us": EnvironmentPolicy()},
            "more than one environment",
        ),
        (LockRequest("", "staging is slow"), UNKNOWN, "name the environment"),
        (PromoteRequest("", TAG), UNKNOWN, "name the environment"),
        (RollbackRequest("--dry-run"), UNKNOWN, "read as something else"),
        (RollbackRequest("a b"), UNKNOWN, ""),
        (UnlockRequest("*x*"), UNKNOWN, "plain text"),
    ],
)
def test_what_would_not_be_read_so_is_not_typed(
    request_: Typable, environments: dict[str, EnvironmentPolicy], problem: str
) -> None:
    with pytest.raises(Misuse) as refused:
        plan_line(request_, environments, NOW)
    assert problem in refused.value.problem


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (RollbackRequest(""), "/rollback"),
        (UnlockRequest(""), "/unlock"),
        (PromoteRequest("", None, dry_run=True), "/promote --dry-run"),
        (PromoteRequest("staging", TAG), "/promote staging v1.5.0"),
        (LockRequest("staging", "slow"), "/lock staging slow"),
    ],
)
def test_without_the_policy_the_bot_fills_in_the_environment(request_: Typable, line: str) -> None:
    planned = plan_line(request_, UNKNOWN, NOW)
    assert (planned.text, planned.request) == (line, request_)


def read(line: str) -> object:
    (typed,) = read_comment(line)  # type: ignore[misc]
    return typed.command.read(typed.rest, Surroundings(POLICY, NOW))


environment = st.sampled_from(["", "production", "staging"])
words = st.text("abcdef0123456789v._-/@+ \n*`", min_size=1, max_size=20)
named = st.none() | st.from_regex(r"[0-9a-f]{7,40}", fullmatch=True).map(ShaPrefix)
named |= words.map(read_named)
back_to = named | st.integers(0, 30).map(StepsBack)
reason = st.text(max_size=320)
requests = st.one_of(
    st.builds(PromoteRequest, environment, named, st.booleans(), st.booleans()),
    st.builds(RollbackRequest, environment, back_to, st.booleans()),
    st.builds(StatusRequest, environment),
    st.builds(GatesRequest, environment),
    st.builds(UnlockRequest, environment),
    st.builds(LockRequest, environment, reason),
)


@given(requests)
@example(LockRequest("", "staging"))
@example(LockRequest("", "\\"))
@example(LockRequest("", "[x]: https://x.test"))
@example(PromoteRequest("", TagName("staging")))
def test_the_grammar_reads_back_what_was_meant(request_: Typable) -> None:
    try:
        line = plan_line(request_, POLICY, NOW)
    except Misuse:
        return
    assert read(line.text) == line.request
    default = "" if isinstance(request_, StatusRequest) else "production"
    assert line.request.environment == (request_.environment or default)
    for field in ("target", "dry_run", "when_ready"):
        assert getattr(line.request, field, None) == getattr(request_, field, None)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.just(" "), max_size=90)
)
@example("*a* _b_ `c` [d](e) ![f](g) <h> <https://i.test> &amp; \\ ~~j~~ $k$ #1 @l |")
def test_every_reason_without_hidden_marks_can_be_typed(text: str) -> None:
    text = f"x{text}x"
    if visible(text) != " ".join(text.split()):
        return
    line = plan_line(LockRequest("", text), POLICY, NOW)
    assert read(line.text) == LockRequest("production", " ".join(text.split()))
