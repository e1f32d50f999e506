"""What the hub writes, as it stands on the sandbox GitHub afterwards, and what it costs."""

import pytest
from github_kit import GitHub

from bot.adapters.github.hub import GitHubHub
from bot.core.checks import (
    SUMMARY_MARKER,
    Annotation,
    CheckAction,
    CheckOutput,
    Conclusion,
    digest_of,
)
from bot.core.decision import Location
from bot.core.model import Sha
from bot.ports import HubGone, HubUnavailable
from bot.sandbox.model import Repository

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
CREATE_CHECK = "POST /repos/{owner}/{repo}/check-runs"
UPDATE_CHECK = "PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}"
COMMENT = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments"


def output(**changes) -> CheckOutput:
    plain = {
        "name": "lockgate/commits",
        "conclusion": Conclusion.FAILURE,
        "title": "1 of 1 messages needs a type",
        "summary": "what was found",
        "text": "the rule",
        "actions": (CheckAction("fix_title", "Fix title", "Put “feat: x” in its place"),),
        "details_url": "https://bot.example/repos/octo/shop/pulls/1",
    }
    return CheckOutput(**{**plain, **changes})


async def test_a_check_as_it_reads_on_github(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    check = await hub.post_check(github.ref(shop), Sha(pull.head_sha), output())
    (run,) = github.sandbox.checks_of(shop, pull.head_sha)
    assert run.id == check
    assert (run.name, run.status, run.conclusion) == ("lockgate/commits", "completed", "failure")
    assert run.external_id == digest_of(output())
    assert run.details_url == "https://bot.example/repos/octo/shop/pulls/1"
    shown = (await hub.fetch_pull_request(github.pull_ref(pull))).checks
    assert [(each.id, each.digest) for each in shown] == [(check, digest_of(output()))]
    sent = github.seen.exchanges[-2].request
    assert sent["actions"] == [
        {
            "identifier": "fix_title",
            "label": "Fix title",
            "description": "Put “feat: x” in its place",
        }
    ]


async def test_an_updated_check_loses_its_button(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    repo = github.ref(shop)
    check = await hub.post_check(repo, Sha(pull.head_sha), output())
    well = output(conclusion=Conclusion.SUCCESS, title="all well", text="", actions=())
    await hub.update_check(repo, check, well)
    (run,) = github.sandbox.checks_of(shop, pull.head_sha)
    assert (run.id, run.conclusion, run.external_id) == (check, "success", digest_of(well))
    assert github.seen.exchanges[-1].request["actions"] == []


def noted(count: int) -> CheckOutput:
    return output(
        name="lockgate/policy",
        annotations=tuple(
            Annotation(Location(".github/lockgate.yml", line), "unknown key", f"line {line}")
            for line in range(1, count + 1)
        ),
    )


async def test_annotations_beyond_fifty_are_added(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    await hub.post_check(github.ref(shop), Sha(pull.head_sha), noted(120))
    assert github.seen.routes() == [
        MINT,
        "GET /repos/{owner}/{repo}",
        CREATE_CHECK,
        UPDATE_CHECK,
        UPDATE_CHECK,
    ]
    (run,) = github.sandbox.checks_of(shop, pull.head_sha)
    assert [note["start_line"] for note in run.annotations] == list(range(1, 121))
    assert run.external_id == digest_of(noted(120))


async def test_a_check_that_was_cut_short_does_not_bear_the_digest(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    fault = github.sandbox.faults.cut("PATCH *", after=True)
    with pytest.raises(HubUnavailable, match="add annotations"):
        await hub.post_check(github.ref(shop), Sha(pull.head_sha), noted(120))
    assert fault.hits == 1, "what adds is never sent twice"
    (present,) = (await hub.fetch_pull_request(github.pull_ref(pull))).checks
    assert present.digest != digest_of(noted(120))
    assert present.annotated, "so that it is posted anew, not added to"


async def test_a_comment_from_first_to_last(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    ref = github.pull_ref(pull)
    comment = await hub.post_comment(ref, f"{SUMMARY_MARKER}\none")
    (written,) = github.sandbox.comments_of(pull)
    assert (written.id, written.body) == (comment, f"{SUMMARY_MARKER}\none")
    assert written.author is github.sandbox.app.bot
    await hub.update_comment(ref.repo, comment, f"{SUMMARY_MARKER}\ntwo")
    assert written.body == f"{SUMMARY_MARKER}\ntwo"
    await hub.delete_comment(ref.repo, comment)
    assert github.sandbox.comments_of(pull) == []
    with pytest.raises(HubGone, match="could not edit a comment octo/shop"):
        await hub.update_comment(ref.repo, comment, "three")


async def test_a_comment_of_any_length_fits(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    await hub.post_comment(github.pull_ref(pull), "é" * 70_000)
    assert len(github.sandbox.comments_of(pull)[0].body) <= 65_536


@pytest.mark.parametrize("title", ["fix: y", "feat: <b>|</b> @all 日本 🎉", "x" * 256])
async def test_a_title(github: GitHub, hub: GitHubHub, shop: Repository, title: str) -> None:
    pull = github.sandbox.open_pull(shop, "x")
    await hub.update_title(github.pull_ref(pull), title)
    assert pull.title == title


async def test_what_an_event_costs(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    """Opened: at most 6 requests; the title edited: at most 3; nothing changed: at most 2 reads."""
    pull = github.sandbox.open_pull(shop, "add search")
    ref = github.pull_ref(pull)
    await hub.fetch_pull_request(ref)
    check = await hub.post_check(ref.repo, Sha(pull.head_sha), output())
    comment = await hub.post_comment(ref, f"{SUMMARY_MARKER}\nred")
    assert github.seen.routes() == [MINT, GRAPHQL, CREATE_CHECK, COMMENT]
    github.seen.clear()
    await hub.fetch_pull_request(ref)
    await hub.update_check(ref.repo, check, output(title="all well"))
    await hub.update_comment(ref.repo, comment, f"{SUMMARY_MARKER}\ngreen")
    assert len(github.seen.routes()) == 3
    github.seen.clear()
    await hub.fetch_pull_request(ref)
    assert github.seen.routes() == [GRAPHQL]
