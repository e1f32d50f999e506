"""Which build a rollback puts back, and which it refuses to."""

from dataclasses import replace
from datetime import timedelta

import operation_cases as cases
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.commands.requests import Refusal, RollbackTo, ShaPrefix, StepsBack, TagName
from bot.core.hosting import Build, LedgerEntry, Origin, join_tags
from bot.core.operations.rollback_target import (
    AlreadyLive,
    Choice,
    Chosen,
    choose_target,
    taken_back_since,
)
from bot.core.promotion import Read, Unread

NEW, OLD, OLDER, OLDEST = cases.NEW, cases.OLD, cases.OLDER, cases.OLDEST
LEDGER = (
    cases.entry(4, NEW, until=None),
    cases.entry(3, OLD),
    cases.entry(2, OLDER),
    cases.entry(1, OLDEST),
)
ALL = frozenset(each.build.deployment_id for each in LEDGER)


def choose(
    wanted: RollbackTo | None = None,
    *,
    ledger: tuple[LedgerEntry, ...] = LEDGER,
    live: Build | None = NEW,
    candidates: Read[frozenset[str]] = ALL,
    clashing: tuple[Build, ...] = (),
    passed_over: tuple[Build, ...] = (),
) -> Choice:
    def incompatible(build: Build) -> str:
        return "That build reads `recipes.title`, which is gone." if build in clashing else ""

    over = [build.deployment_id for build in passed_over]
    return choose_target(ledger, "production", wanted, live, candidates, incompatible, over)


def refused(choice: Choice) -> Refusal:
    assert isinstance(choice, Refusal), choice
    return choice


@pytest.mark.parametrize(
    ("wanted", "after", "origin", "early"),
    [
        (None, 1, Origin.ROLLBACK, True),
        (StepsBack(2), 1, Origin.ROLLBACK, True),
        (None, 0, Origin.ROLLBACK, False),
        (None, 1, Origin.PROMOTION, False),  # the build before what is live by now
        (ShaPrefix(OLD.sha), 1, Origin.ROLLBACK, False),
        (TagName("v1.4.1"), 1, Origin.ROLLBACK, False),
    ],
)
def test_a_rollback_typed_before_another_was_through_goes_no_further_back(
    wanted: RollbackTo | None, after: int, origin: Origin, early: bool
) -> None:
    live = replace(LEDGER[0], origin=origin)
    typed_at = live.live_from - timedelta(seconds=after)
    found = taken_back_since((live, *LEDGER[1:]), wanted, typed_at)
    assert found == (live if early else None)


def test_a_build_of_several_releases_is_meant_by_each_of_them() -> None:
    both = replace(OLD, tag=join_tags(["web-v2.0.0", "api-v1.0.0"]))
    ledger = (LEDGER[0], replace(LEDGER[1], build=both), *LEDGER[2:])
    for tag in ("api-v1.0.0", "web-v2.0.0"):
        choice = choose(TagName(tag), ledger=ledger)
        assert isinstance(choice, Chosen)
        assert choice.build == both
    assert both.called == "api-v1.0.0, web-v2.0.0"
    refused(choose(TagName("api-v1.0.0, web-v2.0.0"), ledger=ledger))


@pytest.mark.parametrize(
    ("wanted", "build"),
    [
        (None, OLD),
        (StepsBack(1), OLD),
        (StepsBack(3), OLDEST),
        (TagName("v1.4.1"), OLDER),
        (ShaPrefix("77aa001"), OLDEST),
        (ShaPrefix(OLD.sha), OLD),
    ],
)
def test_the_build_that_was_asked_for(wanted: RollbackTo | None, build: Build) -> None:
    choice = choose(wanted)
    assert isinstance(choice, Chosen)
    assert choice.build == build


@pytest.mark.parametrize("wanted", [TagName("v1.5.0"), ShaPrefix("3f2c1aa")])
def test_what_is_live_already_is_no_rollback(wanted: RollbackTo) -> None:
    assert choose(wanted) == AlreadyLive(NEW)


@pytest.mark.parametrize(
    ("wanted", "what", "against"),
    [
        (TagName("v9"), "`v9`", "It was never live on production, by the ledger."),
        (ShaPrefix("fffffff"), "`fffffff`", "It was never live on production, by the ledger."),
        (StepsBack(4), "4 builds back", "Only 3 good builds stand before what is live"),
    ],
)
def test_what_was_never_live_is_refused_and_the_nearest_is_named(
    wanted: RollbackTo, what: str, against: str
) -> None:
    refusal = refused(choose(wanted))
    assert refusal.asked == f"Rollback to {what} on production"
    assert against in refusal.against
    assert refusal.remedy == "Nearest safe target: `/rollback v1.4.2`."


def test_an_ambiguous_commit_is_refused() -> None:
    twin = replace(OLDER, sha=cases.sha("a91b77c0"), deployment_id="dpl_twin")
    ledger = (*LEDGER, cases.entry(0, twin))
    refusal = refused(choose(ShaPrefix("a91b77c"), ledger=ledger))
    assert refusal.against == "The ids of 2 commits that were live on production begin so."


def test_a_build_that_was_never_seen_to_work_is_not_offered() -> None:
    ledger = (LEDGER[0], replace(LEDGER[1], verified_at=None), *LEDGER[2:])
    choice = choose(ledger=ledger)
    assert isinstance(choice, Chosen)
    assert choice.build == OLDER
    refusal = refused(choose(TagName("v1.4.2"), ledger=ledger))
    assert refusal.against == "`v1.4.2` was live on production, and was never seen to work."
    assert refusal.remedy == "Nearest safe target: `/rollback v1.4.1`."


def test_a_build_that_the_host_no_longer_offers_is_refused() -> None:
    refusal = refused(choose(candidates=ALL - {OLD.deployment_id}))
    assert refusal.asked == "Rollback to `v1.4.2` on production"
    assert refusal.against == "The host no longer offers `v1.4.2` for a rollback."
    assert refusal.remedy == "Nearest safe target: `/rollback v1.4.1`."


def test_a_build_that_does_not_go_with_the_schema_is_refused() -> None:
    refusal = refused(choose(clashing=(OLD, OLDER)))
    assert refusal.against == "That build reads `recipes.title`, which is gone."
    assert refusal.remedy == "Nearest safe target: `/rollback 77aa001`."


def test_when_none_is_safe_that_is_said() -> None:
    refusal = refused(choose(clashing=(OLD, OLDER, OLDEST)))
    assert "No safe target is left on production" in refusal.remedy


def test_what_the_host_offers_and_could_not_be_read_is_a_refusal() -> None:
    refusal = refused(choose(candidates=Unread("Vercel answered 502")))
    assert "could not be read: Vercel answered 502." in refusal.against
    assert "Try again" in refusal.remedy


def test_with_an_empty_ledger_there_is_nothing_to_go_back_to() -> None:
    refusal = refused(choose(ledger=(), live=None))
    assert refusal.against == "No other build was seen to work on production, by the ledger."


BACK = (
    cases.entry(5, OLD, origin=Origin.ROLLBACK, until=None),
    cases.entry(4, NEW),
    *LEDGER[1:],
)


def test_a_second_rollback_does_not_go_to_what_the_first_one_left() -> None:
    choice = choose(ledger=BACK, live=OLD)
    assert isinstance(choice, Chosen)
    assert choice.build == OLDER


def test_what_is_passed_over_can_still_be_named() -> None:
    before = choose(passed_over=(OLD,))
    assert isinstance(before, Chosen)
    assert before.build == OLDER
    named = choose(ShaPrefix(OLD.sha[:7]), passed_over=(OLD,))
    assert isinstance(named, Chosen)
    assert named.build == OLD
    assert "No other build was seen" in refused(choose(passed_over=(OLD, OLDER, OLDEST))).against


def test_what_a_rollback_left_can_still_be_named() -> None:
    choice = choose(TagName("v1.5.0"), ledger=BACK, live=OLD)
    assert isinstance(choice, Chosen)
    assert choice.build == NEW


def test_what_was_promoted_again_after_a_rollback_is_good_again() -> None:
    newest = replace(OLD, sha=cases.sha("c0ffee1"), deployment_id="dpl_c0ffee1", tag="v1.6.0")
    ledger = (cases.entry(7, newest, until=None), cases.entry(6, NEW), *BACK)
    choice = choose(ledger=ledger, live=newest, candidates=ALL)
    assert isinstance(choice, Chosen)
    assert choice.build == NEW


def test_when_production_was_moved_past_the_ledger_the_newest_entry_is_the_build_before() -> None:
    outside = Build(cases.sha("d00d001"), "dpl_d00d001")
    choice = choose(live=outside)
    assert isinstance(choice, Chosen)
    assert choice.build == NEW


OUTSIDE = Build(cases.sha("d00d001"), "dpl_d00d001")
"""Somebody put it live at the host: it was seen there, and no gate was asked."""


def moved_outside(number: int, build: Build, *, went_back: bool = False) -> LedgerEntry:
    entry = cases.entry(number, build, origin=Origin.OUTSIDE, verified=False)
    return replace(entry, went_back=went_back)


@pytest.mark.parametrize("wanted", [None, StepsBack(1)])
def test_what_was_moved_outside_is_no_build_to_go_back_to(wanted: RollbackTo | None) -> None:
    newest = replace(OLD, sha=cases.sha("c0ffee1"), deployment_id="dpl_c0ffee1", tag="v1.6.0")
    ledger = (cases.entry(6, newest, until=None), moved_outside(5, OUTSIDE), *LEDGER)
    choice = choose(wanted, ledger=ledger, live=newest, candidates=ALL | {OUTSIDE.deployment_id})
    assert isinstance(choice, Chosen)
    assert choice.build == NEW


def test_what_was_moved_outside_is_refused_by_name_too() -> None:
    ledger = (LEDGER[0], moved_outside(3, OUTSIDE), *LEDGER[1:])
    candidates = ALL | {OUTSIDE.deployment_id}
    refusal = refused(choose(ShaPrefix("d00d001"), ledger=ledger, candidates=candidates))
    assert refusal.against == "`d00d001` was live on production, and was never seen to work."
    assert refusal.remedy == "Nearest safe target: `/rollback v1.4.2`."


def test_a_good_build_that_was_moved_back_outside_is_as_good_as_before() -> None:
    ledger = (LEDGER[0], moved_outside(3, OLDER), *LEDGER[1:])
    choice = choose(TagName("v1.4.1"), ledger=ledger)
    assert isinstance(choice, Chosen)
    assert (choice.build, choice.entry.verified_at is not None) == (OLDER, True)


@pytest.mark.parametrize(("went_back", "build"), [(True, OLDER), (False, NEW)])
def test_a_rollback_at_the_host_leaves_its_build_behind_like_one_of_ours(
    went_back: bool, build: Build
) -> None:
    ledger = (moved_outside(5, OLD, went_back=went_back), *LEDGER)
    choice = choose(ledger=ledger, live=OLD)
    assert isinstance(choice, Chosen)
    assert choice.build == build


def test_of_two_builds_of_a_commit_the_one_that_can_be_put_back_is_chosen() -> None:
    again = replace(OLD, deployment_id="dpl_again")
    ledger = (LEDGER[0], cases.entry(3, again), *LEDGER[1:])
    choice = choose(TagName("v1.4.2"), ledger=ledger, candidates=ALL)
    assert isinstance(choice, Chosen)
    assert choice.build == OLD


def test_an_earlier_build_of_the_same_commit_is_another_build() -> None:
    again = replace(OLD, deployment_id="dpl_again")
    ledger = (cases.entry(4, again, until=None), *LEDGER[1:])
    choice = choose(ledger=ledger, live=again)
    assert isinstance(choice, Chosen)
    assert choice.build == OLD


def test_another_environment_is_named_in_the_line_to_type() -> None:
    refusal = refused(choose_target(LEDGER, "staging", TagName("v9"), NEW, ALL, lambda build: ""))
    assert refusal.remedy == "Nearest safe target: `/rollback staging v1.4.2`."


BUILDS = [NEW, OLD, OLDER, OLDEST]
WANTED = st.one_of(
    st.none(),
    st.integers(1, 5).map(StepsBack),
    st.sampled_from(["v1.5.0", "v1.4.2", "v9"]).map(TagName),
    st.sampled_from(["3f2c1aa", "a91b77c", "77aa001", "0000000"]).map(ShaPrefix),
)


@given(
    st.lists(
        st.builds(
            cases.entry,
            st.integers(1, 9),
            st.sampled_from(BUILDS),
            origin=st.sampled_from(Origin),
            verified=st.booleans(),
        ),
        max_size=8,
    ),
    WANTED,
    st.sampled_from([None, *BUILDS]),
    st.sets(st.sampled_from(BUILDS)),
    st.sets(st.sampled_from(BUILDS)),
)
def test_whatever_is_chosen_is_safe(
    entries: list[LedgerEntry],
    wanted: RollbackTo | None,
    live: Build | None,
    offered: set[Build],
    clashing: set[Build],
) -> None:
    ledger = tuple(entries)
    choice = choose(
        wanted,
        ledger=ledger,
        live=live,
        candidates=frozenset(build.deployment_id for build in offered),
        clashing=tuple(clashing),
    )
    if isinstance(choice, AlreadyLive):
        assert choice.build == live
    elif isinstance(choice, Chosen):
        assert choice.entry in ledger
        assert choice.entry.verified_at is not None
        assert choice.build in offered - clashing
        assert choice.build != live
    else:
        assert choice.against
        assert choice.remedy
