"""What differs between two policies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.policy.changes import Change, changes

NESTED = {"environments": {"production": {"approvals": 1, "teams": ["ops", "leads"]}}}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({}, {"release": {"draft": True}}, [Change("release", None, {"draft": True})]),
        ({"release": {"draft": True}}, {}, [Change("release", {"draft": True}, None)]),
        (
            NESTED,
            {"environments": {"production": {"approvals": 2, "teams": ["leads", "ops"]}}},
            [
                Change("environments.production.approvals", 1, 2),
                Change("environments.production.teams", ["ops", "leads"], ["leads", "ops"]),
            ],
        ),
        ({"a": {"b": 1}}, {"a": 1}, [Change("a", {"b": 1}, 1)]),
    ],
)
def test_each_key_that_differs_is_named(before, after, found):
    assert list(changes(before, after)) == found


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.sampled_from("abc"), each),
    max_leaves=6,
)
POLICIES = st.dictionaries(st.sampled_from("abc"), VALUES)


@given(POLICIES, POLICIES)
def test_there_and_back_differ_in_the_same_keys(one, other):
    there = list(changes(one, other))
    assert [Change(each.key, each.after, each.before) for each in there] == list(
        changes(other, one)
    )
    assert list(changes(one, one)) == []
