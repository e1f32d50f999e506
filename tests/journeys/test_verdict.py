"""A pull request gets its verdict, on every kind of pull request that there is."""

import sys
from pathlib import Path

import pytest
from journey import Journey

from bot.core.render.check import FIX_TITLE
from bot.sandbox.code import CommitSpec

sys.path.insert(0, str(Path(__file__).parents[1] / "render"))
from rendered import render

COMMITS = """\
commits:
  enforce: commits
"""


async def test_a_bad_title_is_refused_with_a_title_to_paste(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    assert await journey.verdict(pull) == "failure"
    check = journey.check_of(pull)
    assert check.title == "the title needs a type"
    assert "feat: add search" in check.summary
    assert [action["identifier"] for action in check.actions] == [FIX_TITLE]
    (comment,) = journey.comments_of(pull)
    assert "feat: add search" in comment.body
    assert check.details_url == f"{journey.bot.settings.public_url}/repos/octo/shop/pulls/1"


async def test_a_good_title_passes_and_says_why_the_title_was_checked(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "feat: add search", "wip", "more wip")
    assert await journey.verdict(pull) == "success"
    assert "only allows squash" in journey.check_of(pull).text


async def test_an_opened_pull_request_costs_at_most_six_requests(journey: Journey):
    repository = journey.shop()
    await journey.rest()
    journey.requests.seen.clear()
    await journey.verdict(journey.github.open_pull(repository, "Add search"))
    assert sum(journey.requests.kinds.values()) <= 6


async def test_a_title_edit_costs_at_most_three_requests(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    journey.requests.seen.clear()
    journey.github.edit_pull(pull, title="feat: add search")
    assert await journey.verdict(pull) == "success"
    assert sum(journey.requests.kinds.values()) <= 3


async def test_an_event_that_changes_nothing_writes_nothing(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "feat: add search")
    await journey.rest()
    journey.requests.seen.clear()
    journey.github.edit_pull(pull, body="Another description.")
    await journey.rest()
    assert journey.requests.kinds["write"] == 0
    assert 1 <= journey.requests.kinds["read"] <= 2


async def test_the_comment_is_edited_in_place_and_the_check_updated(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    (before,) = journey.comments_of(pull)
    check = journey.check_of(pull).id
    journey.github.edit_pull(pull, title="feat: add search")
    await journey.rest()
    assert [comment.id for comment in journey.comments_of(pull)] == [before.id]
    assert journey.check_of(pull).id == check
    head = journey.github.push(pull.repository, pull.head_ref, "more")[-1]
    await journey.rest()
    assert [comment.id for comment in journey.comments_of(pull)] == [before.id]
    assert head[:7] in journey.comments_of(pull)[0].body
    assert journey.check_of(pull, head).conclusion == "success"


async def test_a_comment_that_somebody_deleted_comes_back_with_the_next_event(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    (comment,) = journey.comments_of(pull)
    journey.github.delete_comment(comment, by=journey.github.user("mona"))
    journey.github.edit_pull(pull, title="Add a search")
    await journey.rest()
    assert len(journey.comments_of(pull)) == 1


async def test_a_locked_conversation_takes_no_comment_and_the_rest_is_as_ever(journey: Journey):
    github = journey.github
    pull = github.open_pull(journey.shop(), "Add search")
    pull.locked = True
    assert await journey.verdict(pull) == "failure"
    assert [one.verdict for one in await journey.bot.store.fetch_evaluations()] == ["fail"]
    assert not journey.comments_of(pull)
    pull.locked = False
    github.edit_pull(pull, body="It is unlocked again.")
    await journey.rest()
    assert len(journey.comments_of(pull)) == 1


async def test_an_archived_repository_leaves_no_work_behind(
    journey: Journey, capsys: pytest.CaptureFixture[str]
):
    repository = journey.shop()
    pull = journey.github.open_pull(repository, "Add search")
    repository.archived = True
    await journey.rest()
    assert journey.check_of(pull) is None
    health = await journey.bot.store.queue_health()
    assert (health.dead, health.waiting) == (0, 0)
    told = [line for line in capsys.readouterr().out.splitlines() if "was archived" in line]
    assert sum(": reconcile_pull_request pull:" in line for line in told) == 1


async def test_somebody_elses_comment_with_our_marker_is_left_alone(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    (ours,) = journey.comments_of(pull)
    forged = journey.github.comment(pull, ours.body, by=journey.github.user("mallory"))
    journey.github.edit_pull(pull, title="feat: add search")
    await journey.rest()
    assert "Add search" not in ours.body
    assert "feat: add search" in forged.body
    assert len(journey.comments_of(pull)) == 1


async def test_a_second_summary_comment_is_taken_away(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    (ours,) = journey.comments_of(pull)
    journey.github.comment(pull, ours.body, app=journey.github.app)
    journey.github.edit_pull(pull, title="feat: add search")
    await journey.rest()
    assert [comment.id for comment in journey.comments_of(pull)] == [ours.id]


@pytest.mark.parametrize(("role", "title"), [("write", "feat: add search"), ("read", "Add search")])
async def test_fix_title_is_for_writers(journey: Journey, role: str, title: str):
    repository = journey.shop()
    mona = journey.github.user("mona")
    journey.github.set_role(repository, mona, role)
    pull = journey.github.open_pull(repository, "Add search")
    await journey.rest()
    journey.github.press(journey.check_of(pull), FIX_TITLE, by=mona)
    await journey.rest()
    assert pull.title == title


async def test_fix_title_works_for_a_custom_role_that_may_write(journey: Journey):
    repository = journey.shop()
    mona = journey.github.user("mona")
    journey.github.set_role(repository, mona, "release-captain", "write")
    pull = journey.github.open_pull(repository, "Add search")
    await journey.rest()
    journey.github.press(journey.check_of(pull), FIX_TITLE, by=mona)
    await journey.rest()
    assert pull.title == "feat: add search"


async def test_re_run_makes_a_new_run(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    first = journey.check_of(pull)
    journey.github.rerequest_check(first)
    await journey.rest()
    assert journey.check_of(pull).id != first.id
    assert journey.check_of(pull).conclusion == "failure"


async def test_re_run_of_the_whole_suite_works_on_a_fork(journey: Journey):
    repository = journey.shop()
    fork = journey.github.fork(repository, journey.github.user("mona"))
    pull = journey.github.open_pull(
        repository, "Add search", by=journey.github.user("mona"), fork=fork
    )
    assert await journey.verdict(pull) == "failure"
    first = journey.check_of(pull)
    journey.github.rerequest_suite(first.suite)
    await journey.rest()
    assert journey.check_of(pull).id != first.id


async def test_a_merge_queues_candidate_gets_the_check(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "feat: add search", "wip")
    await journey.rest()
    group = journey.github.request_merge_group([pull], "squash")
    await journey.rest()
    check = journey.check_of(pull, group.head_sha)
    assert check.conclusion == "success"


async def test_what_a_merge_queue_asks_for_meanwhile_is_caught_up_with(journey: Journey):
    """GitHub sends nothing to an App that is suspended, and does not send it afterwards."""
    github, repository = journey.github, journey.shop()
    pull = github.open_pull(repository, "feat: add search", "wip")
    await journey.rest()
    installation = github.installation_of(github.app, repository)
    github.suspend(installation)
    group = github.request_merge_group([pull], "squash")
    await journey.rest()
    assert journey.check_of(pull, group.head_sha) is None
    github.unsuspend(installation)
    await journey.rest()
    check = journey.check_of(pull, group.head_sha)
    assert check is not None
    assert check.conclusion == "success"


async def test_pull_requests_of_one_commit_share_a_check_that_passes_for_all(journey: Journey):
    """GitHub counts it for each of them: one whose title is good would let the other through."""
    github, repository = journey.github, journey.shop()
    github.push(repository, "release", CommitSpec("feat: begin"))
    bad = github.open_pull(repository, "Bad", "work", head="both")
    good = github.open_pull(repository, "feat: good", head="both", base="release")
    assert good.head_sha == bad.head_sha
    await journey.rest()
    for title in ("feat: still good", "feat: good"):
        github.edit_pull(good, title=title)
        assert await journey.verdict(good) == "failure"
    check = journey.check_of(good)
    assert check.title == "of the same commit #1 is held"
    assert "head of #1 into `main`" in check.summary
    (comment,) = journey.comments_of(good)
    held, by_itself = comment.body.split("This pull request by itself:")
    assert "the same commit is the head of #1 into `main`, which is not in order" in held
    assert "All well" in by_itself
    github.edit_pull(bad, title="feat: no longer bad")
    assert await journey.verdict(good) == "success"
    github.edit_pull(bad, title="Bad")
    assert await journey.verdict(good) == "failure"
    github.close(bad)
    assert await journey.verdict(good) == "success"


async def test_what_was_closed_while_the_app_was_suspended_holds_nothing(journey: Journey):
    github, repository = journey.github, journey.shop()
    github.push(repository, "release", CommitSpec("feat: begin"))
    bad = github.open_pull(repository, "Bad", "work", head="both")
    good = github.open_pull(repository, "feat: good", head="both", base="release")
    assert await journey.verdict(good) == "failure"
    installation = github.installation_of(github.app, repository)
    github.suspend(installation)
    github.close(bad)
    github.unsuspend(installation)
    assert await journey.verdict(good) == "success"
    evaluations = await journey.bot.store.fetch_evaluations()
    assert [one.number for one in evaluations] == [good.number]


async def test_commits_are_checked_where_they_land(journey: Journey):
    repository = journey.shop(
        allow_squash_merge=False, allow_rebase_merge=True, allow_merge_commit=False
    )
    pull = journey.github.open_pull(repository, "Add search", "feat: add search", "Fix typo")
    assert await journey.verdict(pull) == "failure"
    assert journey.check_of(pull).title == "1 of 2 messages needs a type"
    assert "fix: typo" in journey.check_of(pull).summary.lower()


async def test_drafts_are_checked_like_any_other(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search", draft=True)
    assert await journey.verdict(pull) == "failure"


async def test_nothing_is_written_on_a_closed_pull_request(journey: Journey):
    pull = journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    journey.github.close(pull)
    await journey.rest()
    journey.requests.seen.clear()
    journey.github.edit_pull(pull, title="feat: add search")
    await journey.rest()
    assert journey.requests.kinds["write"] == 0
    assert await journey.bot.store.fetch_evaluations() == []


async def test_a_fork_that_was_deleted_still_gets_its_verdict(journey: Journey):
    repository = journey.shop()
    mona = journey.github.user("mona")
    fork = journey.github.fork(repository, mona)
    pull = journey.github.open_pull(repository, "Add search", by=mona, fork=fork)
    await journey.rest()
    journey.github.delete_repository(fork)
    journey.github.edit_pull(pull, title="feat: add search")
    assert await journey.verdict(pull) == "success"


async def test_a_deleted_account_is_checked_like_anybody(journey: Journey):
    mona = journey.github.user("mona")
    pull = journey.github.open_pull(journey.shop(), "Add search", by=mona)
    await journey.rest()
    journey.github.delete_account(mona)
    journey.github.edit_pull(pull, title="Add a search", by=journey.github.user("octo"))
    assert await journey.verdict(pull) == "failure"


async def test_more_than_250_commits_are_all_checked(journey: Journey):
    messages = [f"feat: part {number}" for number in range(259)]
    pull = journey.github.open_pull(journey.shop(COMMITS), "Many", "Forgotten type", *messages)
    assert await journey.verdict(pull) == "failure"
    assert journey.check_of(pull).title == "1 of 260 messages needs a type"


async def test_dependabot_is_checked_like_anybody(journey: Journey):
    dependabot = journey.github.bot_user("dependabot[bot]")
    pull = journey.github.open_pull(
        journey.shop(), "Bump left-pad from 1.0.0 to 1.0.1", by=dependabot
    )
    assert await journey.verdict(pull) == "failure"


async def test_policy_may_exempt_an_author(journey: Journey):
    policy = "commits:\n  ignored_authors: ['dependabot[bot]']\n"
    dependabot = journey.github.bot_user("dependabot[bot]")
    pull = journey.github.open_pull(
        journey.shop(policy), "Bump left-pad from 1.0.0 to 1.0.1", by=dependabot
    )
    assert await journey.verdict(pull) == "neutral"


HOSTILE = (
    "@everyone <img src=x onerror=alert(1)> | a | `b` \u202egnp.exe [x](https://evil.example) "
)


@pytest.mark.parametrize("title", [HOSTILE, HOSTILE * 3])
async def test_a_hostile_title_is_shown_harmlessly(journey: Journey, title: str):
    pull = journey.github.open_pull(journey.shop(), title[:256])
    assert await journey.verdict(pull) == "failure"
    (comment,) = journey.comments_of(pull)
    check = journey.check_of(pull)
    for text in (comment.body, check.summary, check.text):
        seen = render(text)
        assert not [html for html in seen.html if "<img" in html]
        assert not [link for link in seen.links if "evil" in link]
        assert "@everyone" not in seen.text
        assert "\u202e" not in text


async def test_a_message_of_65k_is_cut(journey: Journey):
    repository = journey.shop(COMMITS)
    message = "x" * 65_000
    pull = journey.github.open_pull(repository, "Long", CommitSpec(message))
    assert await journey.verdict(pull) == "failure"
    assert len(journey.comments_of(pull)[0].body) < 20_000


async def test_the_bots_own_events_lead_to_no_write(journey: Journey):
    journey.github.open_pull(journey.shop(), "Add search")
    await journey.rest()
    writes = len(journey.requests.writes)
    await journey.rest()
    assert len(journey.requests.writes) == writes == 2
