"""Operations to store, and any operation at all."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from bot.core.hosting import Build, HostTarget
from bot.core.model import Actor, ActorKind, RepoRef, Sha
from bot.core.operations.machine import (
    Kind,
    Operation,
    Plan,
    State,
    Step,
    StepName,
    StepState,
    begin,
    plan_operation,
)

REPO = RepoRef(installation_id=7, id=42, owner="Octo", name="Shop")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TARGET = HostTarget("vercel", "shop", "shop.example")


def build(letter: str = "a", **changes: Any) -> Build:
    return replace(Build(Sha(letter * 40), f"dpl_{letter}", f"v-{letter}", 12, "sh1"), **changes)


def operation(environment: str = "production", **changes: Any) -> Operation:
    kind = changes.pop("kind", Kind.PROMOTE)
    plan = plan_operation(kind, environment, TARGET, build("b"), build("a"))
    given = Operation(
        id=0,
        repo=REPO,
        plan=plan,
        actor=Actor(5, "maria"),
        requested_at=NOW,
        deadline=NOW + timedelta(minutes=15),
    )
    return begin(replace(given, **changes))


_any_text = st.text(st.characters(), max_size=20) | st.just("a\0\ud800\U0001f600")
"""Whatever a Python text can hold: NUL and halves of surrogate pairs included."""
_int = st.integers(-(2**63), 2**63 - 1)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_any_text, inner, max_size=3),
    max_leaves=8,
)
_details = st.dictionaries(_any_text, _json, max_size=3)
_offsets = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_times = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=_offsets | st.just(UTC))
_builds = st.builds(Build, _any_text.map(Sha), _any_text, _any_text, _int, _any_text)
_steps = st.builds(
    Step,
    st.sampled_from(StepName),
    st.sampled_from(StepState),
    st.none() | _times,
    st.none() | _times,
    _any_text,
    _details,
)
any_fields: dict[str, st.SearchStrategy[Any]] = dict(  # noqa: C408 (names, not keys)
    id=st.just(0),
    repo=st.builds(RepoRef, _int, _int, _any_text, _any_text),
    plan=st.builds(
        Plan,
        st.sampled_from(Kind),
        _any_text,
        st.builds(HostTarget, _any_text, _any_text, _any_text),
        _builds,
        st.none() | _builds,
        st.lists(st.sampled_from(StepName)).map(tuple),
    ),
    actor=st.builds(Actor, _int, _any_text, st.sampled_from(ActorKind)),
    requested_at=_times,
    deadline=_times,
    pull_number=_int,
    comment_id=st.just(0),
    progress_id=_int,
    state=st.sampled_from(State),
    steps=st.lists(_steps, max_size=3).map(tuple),
    ending=st.none() | st.sampled_from(State),
    outcome=_any_text,
    remedy=_any_text,
    overrides=st.dictionaries(_any_text, _any_text, max_size=3),
    override_comments=st.dictionaries(_any_text, _int, max_size=3),
    cancel_comment_id=_int,
    when_ready=st.booleans(),
    bound=st.booleans(),
    take_back=st.booleans(),
    version=st.just(0),
    concluded=st.booleans(),
    follows=_int,
    cause=_any_text,
    policy_fault=_any_text,
    untold=_any_text,
)
any_operation = st.builds(Operation, **any_fields)
