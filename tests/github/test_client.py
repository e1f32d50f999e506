"""How requests are sent: credentials, the cache, redirects, limits, faults, and no secret shown."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
import structlog
from github_kit import GitHub

from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.migration_hub import GitHubMigrationHub
from bot.adapters.github.operations import DOCUMENTS, OPERATIONS
from bot.adapters.github.person import GitHubPerson
from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.core.checks import Annotation, CheckOutput, Conclusion
from bot.core.decision import Location
from bot.core.model import PullRef, RepoRef, Sha
from bot.core.release.model import FileChange
from bot.metrics import REGISTRY
from bot.ports import HubError, HubGone, HubRefused, HubSuspended, HubUnavailable
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull, Repository

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
LIST = "GET /installation/repositories"
OUTPUT = CheckOutput("lockgate/commits", Conclusion.FAILURE, "title", "summary", "text")


async def test_a_hundred_at_once_share_one_token(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    await asyncio.gather(*(hub.fetch_pull_request(ref) for _ in range(100)))
    assert github.seen.routes().count(MINT) == 1
    assert github.seen.routes().count(GRAPHQL) == 100


async def test_one_that_is_cancelled_does_not_take_the_token_from_the_others(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    github.sandbox.faults.slow("* /app/installations/*", 0.2)
    first = asyncio.create_task(hub.fetch_open_pulls(repo))
    second = asyncio.create_task(hub.fetch_open_pulls(repo))
    await asyncio.sleep(0)  # both have asked by now: the first for the token, the second for its
    first.cancel()
    assert await second == []
    assert github.seen.routes().count(MINT) == 1


async def test_a_token_is_renewed_before_it_expires(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    await hub.fetch_open_pulls(repo)
    github.clock.ahead = timedelta(minutes=54)
    await hub.fetch_open_pulls(repo)
    assert github.seen.routes().count(MINT) == 1
    github.clock.ahead = timedelta(minutes=56)
    await hub.fetch_open_pulls(repo)
    assert github.seen.routes().count(MINT) == 2
    assert all(each.status in (200, 201) for each in github.seen.exchanges)


async def test_a_token_that_was_revoked_is_replaced_once(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    await hub.fetch_open_pulls(repo)
    github.sandbox.tokens.revoke_all()
    assert await hub.fetch_open_pulls(repo) == []
    assert github.seen.routes() == [MINT, GRAPHQL, GRAPHQL, MINT, GRAPHQL]


async def test_a_suspended_installation_is_refused(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    github.sandbox.suspend(github.sandbox.installations[repo.installation_id])
    with pytest.raises(HubSuspended, match="suspended"):
        await hub.fetch_open_pulls(repo)
    gone = RepoRef(1, repo.id, repo.owner, repo.name)
    with pytest.raises(HubGone, match="could not get a token for the installation 1"):
        await hub.fetch_open_pulls(gone)


async def test_a_wrong_key_leads_to_the_doctor(github: GitHub, shop: Repository) -> None:
    other = github.sandbox.create_app("other", fresh_key=True)
    hub = github.connect(private_key=other.private_key)
    with pytest.raises(HubRefused, match="run `lockgate doctor`"):
        await hub.fetch_open_pulls(github.ref(shop))


# the cache


async def test_an_unchanged_answer_costs_nothing_of_the_limit(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    first = await hub.fetch_repositories(repo.installation_id)
    limit = hub.rate_limit(repo.installation_id)
    second = await hub.fetch_repositories(repo.installation_id)
    assert first == second == [repo]
    assert [each.status for each in github.seen.exchanges] == [201, 200, 304]
    after = hub.rate_limit(repo.installation_id)
    assert limit is not None
    assert after is not None
    assert after.remaining == limit.remaining
    github.sandbox.create_repository("octo/new")
    assert len(await hub.fetch_repositories(repo.installation_id)) == 2


async def test_an_installation_never_gets_what_another_was_told(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    secret = github.sandbox.create_repository("acme/secret", private=True)
    octo, acme = github.ref(shop), github.ref(secret)
    for _ in range(2):  # the same address each time, the second time from the cache
        assert await hub.fetch_repositories(acme.installation_id) == [acme]
        assert await hub.fetch_repositories(octo.installation_id) == [octo]
    assert [each.status for each in github.seen.exchanges if each.method == "GET"] == [
        200,
        200,
        304,
        304,
    ]


# redirects


async def test_a_credential_goes_to_no_other_host(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    elsewhere = {"location": "http://localhost:1/steal"}
    github.sandbox.faults.answer("* /installation/repositories", 301, headers=elsewhere)
    with pytest.raises(HubRefused, match="another host"):
        await hub.fetch_repositories(github.ref(shop).installation_id)


async def test_a_next_page_on_another_host_is_not_fetched(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    # A page of JSON whose Link leads away.
    fault = github.sandbox.faults.answer(
        "* /app/hook/deliveries", 200, headers={"link": '<http://localhost:1/x>; rel="next"'}
    )
    fault.body = {}
    with pytest.raises(HubRefused, match="another host"):
        [each async for each in hub.fetch_deliveries(since=github.clock.now())]


async def test_redirects_in_a_circle_end(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    here = {"location": f"{github.sandbox.url}/installation/repositories"}
    github.sandbox.faults.answer("* /installation/*", 307, times=None, headers=here)
    with pytest.raises(HubRefused, match="307"):
        await hub.fetch_repositories(github.ref(shop).installation_id)


# faults


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_read_survives_a_server_error(
    github: GitHub, hub: GitHubHub, shop: Repository, status: int
) -> None:
    github.sandbox.faults.answer("* /graphql", status, times=2)
    assert await hub.fetch_open_pulls(github.ref(shop)) == []


async def test_a_read_survives_a_cut_connection(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    fault = github.sandbox.faults.cut("* /graphql", times=2)
    assert await hub.fetch_open_pulls(github.ref(shop)) == []
    assert fault.hits == 2


async def test_a_read_gives_up_in_the_end(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    fault = github.sandbox.faults.answer("* /graphql", 502, times=None)
    with pytest.raises(HubUnavailable, match=r"list the open pull requests octo/shop: .* 502"):
        await hub.fetch_open_pulls(github.ref(shop))
    assert fault.hits == 4


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_post_is_never_sent_twice_blindly(
    github: GitHub, hub: GitHubHub, shop: Repository, after: bool
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    await hub.fetch_pull_request(ref)
    comments = "POST /repos/*/comments"
    cut = github.sandbox.faults.cut(comments, after=after)
    with pytest.raises(HubUnavailable, match="could not post a comment octo/shop#1"):
        await hub.post_comment(ref, "hello")
    failed = github.sandbox.faults.answer(comments, 502, after=after)
    with pytest.raises(HubUnavailable, match="502"):
        await hub.post_comment(ref, "hello")
    assert (cut.hits, failed.hits) == (1, 1)
    assert len(github.sandbox.comments_of(pull)) == (2 if after else 0)


async def test_an_edit_is_sent_again(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    fault = github.sandbox.faults.cut("PATCH *", after=True)
    await hub.update_title(ref, "fix: y")
    assert fault.hits == 1
    assert pull.title == "fix: y"


async def test_nobody_listens(github: GitHub, shop: Repository) -> None:
    hub = github.connect(api_url="http://127.0.0.1:1")
    with pytest.raises(HubUnavailable, match=r"no answer \(ConnectError\)"):
        await hub.fetch_open_pulls(github.ref(shop))


async def test_an_answer_that_takes_too_long(github: GitHub, shop: Repository) -> None:
    async with httpx.AsyncClient(timeout=0.2) as http:
        hub = github.connect(http=http)
        await hub.fetch_open_pulls(github.ref(shop))
        github.sandbox.faults.slow("* /graphql", 0.6)
        assert await hub.fetch_open_pulls(github.ref(shop)) == [], "the second try is in time"
        github.sandbox.faults.slow("POST /repos/*", 0.6)
        pull = github.sandbox.open_pull(shop, "feat: x")
        with pytest.raises(HubUnavailable, match="ReadTimeout"):
            await hub.post_comment(github.pull_ref(pull), "hello")


@pytest.mark.parametrize("body", [{"data": None}, {}, {"data": None, "errors": [{"message": "x"}]}])
async def test_a_graphql_answer_without_data_is_the_servers_trouble(
    github: GitHub, hub: GitHubHub, shop: Repository, body: dict
) -> None:
    fault = github.sandbox.faults.answer("* /graphql", 200, times=1)
    fault.body = body
    assert await hub.fetch_open_pulls(github.ref(shop)) == []
    assert fault.hits == 1


async def test_a_graphql_error_about_the_question_is_not_repeated(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    fault = github.sandbox.faults.answer("* /graphql", 200, times=None)
    fault.body = {
        "errors": [{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}]
    }
    with pytest.raises(HubRefused, match="Field 'x' doesn't exist"):
        await hub.fetch_open_pulls(github.ref(shop))
    assert fault.hits == 1


# limits


@pytest.mark.parametrize("status", [403, 429])
async def test_a_short_secondary_limit_is_waited_for(
    github: GitHub, hub: GitHubHub, shop: Repository, status: int
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    github.sandbox.faults.secondary_limit("POST /repos/*", retry_after=1, status=status)
    await hub.post_comment(ref, "hello")
    assert [comment.body for comment in github.sandbox.comments_of(pull)] == ["hello"]


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(("retry_after", "wait"), [(90, 90), (None, 60)])
async def test_a_long_secondary_limit_lets_the_job_wait_and_all_requests(
    github: GitHub,
    hub: GitHubHub,
    shop: Repository,
    status: int,
    retry_after: int | None,
    wait: int,
) -> None:
    other = github.sandbox.create_repository("acme/other")
    repo = github.ref(shop)
    fault = github.sandbox.faults.secondary_limit(
        "* /graphql", retry_after=retry_after, status=status
    )
    with pytest.raises(HubUnavailable) as caught:
        await hub.fetch_open_pulls(repo)
    assert caught.value.retry_after == timedelta(seconds=wait)
    github.seen.clear()
    with pytest.raises(HubUnavailable) as caught:
        await hub.fetch_repositories(repo.installation_id)
    assert caught.value.retry_after is not None
    assert caught.value.retry_after <= timedelta(seconds=wait)
    assert github.seen.exchanges == [], "nothing was sent during the limit"
    assert await hub.fetch_open_pulls(github.ref(other)) == [], "another installation goes on"
    github.clock.ahead = timedelta(seconds=wait + 1)
    assert await hub.fetch_open_pulls(repo) == []
    assert fault.hits == 1


async def test_a_primary_limit_waits_for_its_reset_and_holds_for_its_resource(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    reset_at = int(github.clock.now().timestamp()) + 600
    github.sandbox.faults.primary_limit("* /graphql", reset_at=reset_at)
    with pytest.raises(HubUnavailable) as caught:
        await hub.fetch_open_pulls(repo)
    assert caught.value.retry_after is not None
    assert timedelta(seconds=590) < caught.value.retry_after < timedelta(seconds=610)
    with pytest.raises(HubUnavailable, match="not been renewed"):
        await hub.fetch_open_pulls(repo)
    assert await hub.fetch_repositories(repo.installation_id) == [repo], "REST has its own limit"


async def test_what_is_left_of_the_limit_is_told_and_measured(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    repo = github.ref(shop)
    assert hub.rate_limit(repo.installation_id) is None
    await hub.fetch_open_pulls(repo)
    limit = hub.rate_limit(repo.installation_id)
    assert limit is not None
    assert (limit.limit, limit.remaining) == (5000, 4999)
    labels = {"installation": str(repo.installation_id), "resource": "graphql"}
    assert REGISTRY.get_sample_value("lockgate_github_rate_limit_remaining", labels) == 4999


async def test_requests_are_counted_by_route_and_status(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    def count(status: str) -> float:
        labels = {"route": "graphql open_pulls", "status": status}
        return REGISTRY.get_sample_value("lockgate_github_requests_total", labels) or 0

    before = count("200"), count("502"), count("cut")
    github.sandbox.faults.answer("* /graphql", 502)
    github.sandbox.faults.cut("* /graphql")
    await hub.fetch_open_pulls(github.ref(shop))
    assert (count("200"), count("502"), count("cut")) == (
        before[0] + 1,
        before[1] + 1,
        before[2] + 1,
    )


# GitHub Enterprise Server


async def test_an_enterprise_servers_addresses(github: GitHub, shop: Repository) -> None:
    hub = github.connect(api_url=f"{github.sandbox.url}/api/v3/")
    pull = github.sandbox.open_pull(shop, "feat: x")
    paths: list[str] = []
    hub._client._http.event_hooks["request"].append(_noted(paths))
    await hub.fetch_pull_request(github.pull_ref(pull))
    await hub.post_comment(github.pull_ref(pull), "hello")
    assert paths == [
        f"/api/v3/app/installations/{github.ref(shop).installation_id}/access_tokens",
        "/api/graphql",
        "/api/v3/repos/octo/shop/issues/1/comments",
    ]
    github.sandbox.rename(shop, "store")
    assert (await hub.fetch_repository("octo", "shop")).name == "store"


def _noted(paths: list[str]) -> Callable:
    async def note(request: httpx.Request) -> None:
        paths.append(request.url.path)

    return note


# secrets


async def test_no_secret_is_logged_or_raised(
    github: GitHub, hub: GitHubHub, shop: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent: list[str] = []

    async def keep(request: httpx.Request) -> None:
        sent.append(request.headers["authorization"].removeprefix("Bearer "))

    hub._client._http.event_hooks["request"].append(keep)
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    shown: list[str] = []
    faults = github.sandbox.faults
    with structlog.testing.capture_logs() as logged:
        for plan in (
            lambda: faults.answer("* /graphql", 502, times=None),
            lambda: faults.cut("* /graphql", times=None),
            lambda: faults.answer("* /graphql", 401, times=None, message="Bad credentials"),
            lambda: faults.answer("* /graphql", 404, times=None),
            lambda: faults.secondary_limit("* /graphql", retry_after=60),
        ):
            faults.clear()
            plan()
            shown += await _told_of_a_failure(hub, ref)
    assert len(shown) > 20
    text = "\n".join([*shown, *(repr(each) for each in logged), caplog.text, repr(hub._client)])
    assert len(set(sent)) > 2
    for secret in set(sent):
        assert secret not in text
    assert "PRIVATE KEY" not in text
    assert {each["event"] for each in logged} >= {"github_request", "github_request_repeated"}


async def _told_of_a_failure(hub: GitHubHub, ref: PullRef) -> list[str]:
    """All that a log could show of an error, down to the variables of every frame."""
    try:
        await hub.fetch_pull_request(ref)
    except HubError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        return [*told.format(), repr(error), str(error)]
    raise AssertionError("it did not fail")


# what is declared is what is used


async def test_github_is_reachable_while_it_gives_any_answer(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    faults = github.sandbox.faults
    assert await hub.is_reachable()
    faults.answer("GET /rate_limit", 503, times=None)
    assert await hub.is_reachable()
    faults.clear()
    faults.primary_limit("GET /rate_limit", reset_at=2**32, times=None)
    assert await hub.is_reachable()
    # A limit on who asks by no name is none of the App's.
    assert await hub.fetch_repositories(github.ref(shop).installation_id)
    faults.clear()
    faults.cut("GET /rate_limit")
    assert not await hub.is_reachable()
    assert github.seen.routes().count("GET /rate_limit") >= 3


async def test_every_declared_operation_is_used_and_no_other(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    from bot.adapters.github.inspection import GitHubInspector, convert_manifest

    sandbox = github.sandbox
    mona = sandbox.user("mona")
    sandbox.set_role(shop, mona, "write")
    pull = sandbox.open_pull(shop, "feat: many", *[f"feat: {n}" for n in range(260)])
    small = sandbox.open_pull(shop, "feat: two pages", *[f"fix: {n}" for n in range(120)])
    for number in range(60):
        sandbox.comment(small, f"comment {number}")
    ref, repo = github.pull_ref(pull), github.ref(shop)
    await hub.fetch_repository("octo", "shop")
    await github.connect().update_title(ref, "feat: other")
    await hub.fetch_pull_request(ref)
    await hub.fetch_pull_request(github.pull_ref(small))
    await hub.fetch_open_pulls(repo)
    await hub.fetch_candidates(repo)
    await hub.fetch_repositories(repo.installation_id)
    await hub.fetch_role(repo, "mona")
    await hub.fetch_merge_group(
        repo, head_sha=Sha(small.head_sha), base_sha=Sha(shop.branch("main")), base_ref="main"
    )
    notes = tuple(Annotation(Location("a.yml", line), "t", "m") for line in range(1, 52))
    annotated = CheckOutput("lockgate/policy", Conclusion.FAILURE, "t", "s", "", notes)
    await hub.post_check(repo, Sha(pull.head_sha), annotated)
    check = await hub.post_check(repo, Sha(pull.head_sha), OUTPUT)
    await hub.update_check(repo, check, OUTPUT)
    comment = await hub.post_comment(ref, "hello")
    await hub.update_comment(repo, comment, "changed")
    await hub.delete_comment(repo, comment)
    sandbox.send_events_to("http://127.0.0.1:1/none", "secret")
    sandbox.hooks.send_raw(sandbox.app, "push", b"{}")
    await sandbox.hooks.settled()
    since = github.clock.now() - timedelta(days=1)
    attempts = [each async for each in hub.fetch_deliveries(since=since)]
    await hub.redeliver(attempts[0].id)
    assert await hub.is_reachable()
    await _command_everything(github, hub, small)
    await _type_everything(github, small)
    await _release_everything(github, hub, shop)
    await GitHubMigrationHub(hub.access).fetch_folders(repo, Sha(pull.head_sha), "a", "b")
    inspector = GitHubInspector(hub._client)
    await inspector.fetch_app()
    await inspector.fetch_hook()
    await inspector.fetch_installations()
    with pytest.raises(HubGone):
        await convert_manifest("no-such-code", api_url=sandbox.url, clock=github.clock)
    used = {(each.method, each.template) for each in github.seen.exchanges if each.template}
    declared = {(operation.method, operation.path) for operation in OPERATIONS}
    assert used - {("POST", "/graphql")} == declared
    asked = {each.request["query"] for each in github.seen.exchanges if each.path == "/graphql"}
    assert asked == {document.text for document in DOCUMENTS}


async def _command_everything(github: GitHub, hub: GitHubHub, pull: Pull) -> None:
    commands = GitHubCommandHub(hub.access)
    ref, repo = github.pull_ref(pull), github.ref(pull.repository)
    comments = github.sandbox.comments_of(pull)
    for comment in (comments[0], comments[-1]):
        await commands.fetch_comment(ref, comment.id)
    await hub.react(repo, comments[0].id, "eyes")
    await commands.fetch_own_comment(ref, "<!-- marker -->")
    await commands.fetch_pull(ref)
    trunk, _ = await commands.fetch_trunk(repo)
    await commands.fetch_trunk_policy(repo)
    found = await commands.fetch_commit(repo, pull.head_ref, trunk=trunk)
    await commands.fetch_checks(repo, found.commit.sha)
    await commands.fetch_required_checks(repo, trunk)
    await commands.fetch_approvals(ref)
    await commands.fetch_teams(repo, "mona", ["sre"])
    sha, where = found.commit.sha, "production"
    assert await commands.fetch_deployment(repo, environment=where, key="7d1e") is None
    deployment = await commands.post_deployment(
        repo, sha=sha, environment=where, key="7d1e", description="d"
    )
    await commands.post_deployment_status(repo, deployment, state="success", description="d")


async def _release_everything(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    """A release from its line to its page, with every way round that there is."""
    releases, repo, branch = GitHubReleaseHub(hub.access), github.ref(shop), "lockgate/release"
    line = await releases.fetch_line(repo)
    [later] = github.sandbox.push(shop, "main", CommitSpec("feat: lock", {"lock": "x" * 600_000}))
    head = Sha(later)
    await releases.fetch_commits(repo, None, head)
    await releases.fetch_commits(repo, line.head, head, paths=True)
    await releases.fetch_files(repo, head, ["lock"])
    change = FileChange("CHANGELOG.md", None, "# Changelog\n")

    async def write(expected: Sha | None, parent: Sha, message: str) -> Sha:
        return await releases.write_branch(
            repo, branch, expected=expected, parent=parent, message=message, changes=[change]
        )

    first = await write(None, line.head, "chore(release): v1.0.0")
    await releases.merge_into(repo, branch, head, message="Merge main")
    found = await releases.fetch_branch(repo, branch, line=head)
    assert found is not None
    assert found.commits[0].sha == first
    await write(found.head, head, "chore(release): v1.0.0")
    pull = await releases.open_pull(repo, branch=branch, base="main", title="v1.0.0", body="")
    assert [each.ref for each in await releases.fetch_pulls(repo, branch)] == [pull.ref]
    await releases.create_tag(repo, "v1.0.0", head)
    assert await releases.find_release(repo, "v1.0.0") is None
    for _ in range(2):
        made = await releases.create_release(repo, tag="v1.0.0", title="", body="", draft=True)
    await releases.edit_release(repo, made.id, draft=False)


async def _type_everything(github: GitHub, pull: Pull) -> None:
    """What a person's own token asks for."""
    token = github.sandbox.tokens.for_user(github.sandbox.user("mona")).value
    person = GitHubPerson.connect(token=token, api_url=github.sandbox.url, clock=github.clock)
    repo = await person.fetch_repository("octo", "shop")
    ref = PullRef(repo, pull.number)
    await person.fetch_look(ref, await person.post_comment(ref, "/status"))
    await person.aclose()
