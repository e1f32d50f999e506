"""A commit by any name that somebody may type, and the deployments made of it."""

import pytest
from github_kit import GitHub

from bot.adapters.github.command_hub import DEPLOYMENT_TASK, GitHubCommandHub
from bot.core.model import Sha
from bot.ports import HubGone, HubRefused, HubUnavailable
from bot.sandbox.faults import Fault
from bot.sandbox.model import Repository

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
COMPARE = "GET /repos/{owner}/{repo}/compare/{basehead}"


def tip(repository: Repository, branch: str = "main") -> str:
    found = repository.branch(branch)
    assert found is not None
    return found


async def test_the_tip_of_the_trunk_costs_one_request(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    found = await commands.fetch_commit(github.ref(shop), "main", trunk="main")
    assert (found.commit.sha, found.on_trunk) == (tip(shop), True)
    assert (found.pull_number, found.tag, found.released) == (0, "", False)
    assert github.seen.routes() == [MINT, GRAPHQL]


@pytest.mark.parametrize("length", [7, 12, 40])
async def test_an_older_commit_by_its_sha(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, length: int
) -> None:
    old = tip(shop)
    github.sandbox.push(shop, "main", "feat: a", "feat: b")
    for name in (old[:length], old[:length].upper()):
        found = await commands.fetch_commit(github.ref(shop), name, trunk="main")
        assert (found.commit.sha, found.on_trunk) == (old, True)
    assert github.seen.routes() == [MINT, *[GRAPHQL, COMPARE] * 2]


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_the_pull_request_that_a_commit_came_by(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, method: str
) -> None:
    mona = github.sandbox.user("mona")
    pull = github.sandbox.open_pull(shop, "feat: search", "feat: search", by=mona)
    github.sandbox.merge(pull, method, by=mona)
    found = await commands.fetch_commit(github.ref(shop), tip(shop), trunk="main")
    assert (found.pull_number, found.on_trunk) == (pull.number, True)
    assert "search" in found.commit.message
    if method == "squash":
        assert found.commit.author.login == "mona"


async def test_a_pull_request_into_another_branch_brought_nothing_to_the_trunk(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.push(shop, "next")
    pull = github.sandbox.open_pull(shop, "feat: search")
    github.sandbox.edit_pull(pull, base="next")
    github.sandbox.merge(pull, "squash")
    found = await commands.fetch_commit(github.ref(shop), "next", trunk="main")
    assert (found.pull_number, found.on_trunk) == (0, False)


@pytest.mark.parametrize("message", ["", "the first release"])
async def test_by_a_tag_of_either_kind(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, message: str
) -> None:
    old = tip(shop)
    github.sandbox.tag(shop, "v1.0.0", message=message)
    github.sandbox.push(shop, "main", "feat: later")
    found = await commands.fetch_commit(github.ref(shop), "v1.0.0", trunk="main")
    assert (found.commit.sha, found.on_trunk) == (old, True)
    assert (found.tag, found.released) == ("v1.0.0", False)
    by_sha = await commands.fetch_commit(github.ref(shop), old, trunk="main")
    assert by_sha.tag == "v1.0.0"


@pytest.mark.parametrize(
    ("kind", "released"), [({}, True), ({"draft": True}, False), ({"prerelease": True}, False)]
)
async def test_a_release_counts_when_it_is_out(
    github: GitHub,
    commands: GitHubCommandHub,
    shop: Repository,
    kind: dict[str, bool],
    released: bool,
) -> None:
    sha = tip(shop)
    github.sandbox.tag(shop, "web@2.0.0")
    github.sandbox.create_release(shop, "web@2.0.0", **kind)
    for name in ("web@2.0.0", sha, "main"):
        found = await commands.fetch_commit(github.ref(shop), name, trunk="main")
        assert (found.commit.sha, found.tag, found.released) == (sha, "web@2.0.0", released)


async def test_a_release_whose_tag_was_moved_is_not_that_commits(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    old = tip(shop)
    github.sandbox.create_release(shop, "v1.0.0")
    github.sandbox.push(shop, "main", "feat: later")
    github.sandbox.tag(shop, "v1.0.0")
    found = await commands.fetch_commit(github.ref(shop), old, trunk="main")
    assert (found.tag, found.released) == ("", False)


async def test_a_commit_that_is_not_on_the_trunk(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.push(shop, "feature", "feat: not reviewed")
    github.sandbox.push(shop, "main", "feat: reviewed")
    ahead = github.sandbox.push(shop, "ahead", "feat: on top")
    for name in ("feature", *ahead):
        found = await commands.fetch_commit(github.ref(shop), name, trunk="main")
        assert found.on_trunk is False


async def test_a_commit_of_a_fork_is_not_on_the_trunk(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    """GitHub keeps the objects of forks together: their commits can be read by the parent."""
    fork = github.sandbox.fork(shop, github.sandbox.user("fan"))
    (foreign,) = github.sandbox.push(fork, "main", "feat: theirs")
    found = await commands.fetch_commit(github.ref(shop), foreign, trunk="main")
    assert (found.commit.sha, found.on_trunk) == (foreign, False)


async def test_a_trunk_that_is_not_there_holds_nothing(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    found = await commands.fetch_commit(github.ref(shop), "main", trunk="gone")
    assert found.on_trunk is False


async def test_a_history_of_its_own_is_not_on_the_trunk(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.push(shop, "apart", "feat: apart")
    github.sandbox.faults.answer("GET *compare*", 404, times=1)
    found = await commands.fetch_commit(github.ref(shop), "apart", trunk="main")
    assert found.on_trunk is False


async def test_a_comparison_that_fails_is_no_answer(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.push(shop, "apart", "feat: apart")
    github.sandbox.faults.answer("GET *compare*", 503, headers={"retry-after": "9"})
    with pytest.raises(HubUnavailable):
        await commands.fetch_commit(github.ref(shop), "apart", trunk="main")


async def test_a_tag_and_a_branch_of_one_name(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.tag(shop, "stable")
    github.sandbox.push(shop, "stable")
    found = await commands.fetch_commit(github.ref(shop), "stable", trunk="main")
    assert found.commit.sha == tip(shop), "both mean the same"
    github.sandbox.push(shop, "stable", "feat: more")
    with pytest.raises(HubGone, match=r"`stable` is ambiguous \(tag, branch\)"):
        await commands.fetch_commit(github.ref(shop), "stable", trunk="main")


async def test_a_branch_named_as_the_beginning_of_a_sha_hides_no_commit(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    good = tip(shop)
    github.sandbox.push(shop, good[:7], "feat: not the commit that was meant")
    with pytest.raises(HubGone, match="ambiguous"):
        await commands.fetch_commit(github.ref(shop), good[:7], trunk="main")
    found = await commands.fetch_commit(github.ref(shop), good, trunk="main")
    assert found.commit.sha == good


async def test_a_tag_on_no_commit(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    blob = shop.git.store.write_object("blob", b"x")
    shop.git.refs["refs/tags/odd"] = blob
    with pytest.raises(HubGone, match="the tag `odd` names no commit"):
        await commands.fetch_commit(github.ref(shop), "odd", trunk="main")
    with pytest.raises(HubGone, match="no one commit's id begins so"):
        await commands.fetch_commit(github.ref(shop), blob, trunk="main")


@pytest.mark.parametrize("name", ["deadbeefdead", "0" * 40, "v9.9.9", "abc123"])
async def test_a_name_of_nothing(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, name: str
) -> None:
    with pytest.raises(HubGone, match=f"`{name}` is no tag and no branch"):
        await commands.fetch_commit(github.ref(shop), name, trunk="main")


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../../v1/user",
        "main/../secret",
        "main..next",
        "HEAD~1",
        "main^{tree}",
        "main@{yesterday}",
        "main:.env",
        ":/fix",
        "--help",
        "a b",
        "main\n",
        "main\x00",
        "m\u0430in",
        "ma\u200bin",
        "x/",
        "x.lock",
        "x" * 201,
        '") { viewer { login } }',
    ],
)
async def test_nothing_odd_is_sent_as_a_name(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, name: str
) -> None:
    with pytest.raises(HubGone) as found:
        await commands.fetch_commit(github.ref(shop), name, trunk="main")
    assert github.seen.exchanges == []
    assert len(name) < 5 or name not in str(found.value)


# deployments


async def test_a_deployment_from_first_to_last(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    repo, sha = github.ref(shop), Sha(tip(shop))
    github.sandbox.set_status(shop, sha, "ci", "failure")
    github.sandbox.push(shop, "main", "feat: later")
    made = await commands.post_deployment(
        repo, sha=sha, environment="production", key="7d1e", description="x " * 200
    )
    (deployment,) = shop.deployments.values()
    assert (deployment.id, deployment.sha, deployment.environment) == (made, sha, "production")
    assert (deployment.task, deployment.payload) == (DEPLOYMENT_TASK, {"lockgate": "7d1e"})
    assert len(deployment.description or "") == 140
    where = {"environment_url": "https://shop.example.com", "log_url": "https://bot.example/op/7"}
    await commands.post_deployment_status(repo, made, state="in_progress", description="d")
    await commands.post_deployment_status(
        repo, made, state="success", description="y" * 141, **where
    )
    states = [(s.state, s.environment_url, s.log_url) for s in deployment.statuses]
    assert states == [("in_progress", "", ""), ("success", *where.values())]
    assert await commands.fetch_deployment(repo, environment="production", key="7d1e") == made
    assert await commands.fetch_deployment(repo, environment="staging", key="7d1e") is None
    assert await commands.fetch_deployment(repo, environment="production", key="7d1") is None


async def test_a_success_retires_the_deployment_before(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    repo, sha = github.ref(shop), Sha(tip(shop))
    for key in ("one", "two"):
        made = await commands.post_deployment(
            repo, sha=sha, environment="production", key=key, description=""
        )
        await commands.post_deployment_status(repo, made, state="success", description="")
    assert [each.state for each in shop.deployments.values()] == ["inactive", "success"]


async def test_a_deployment_of_others_is_not_ours_whatever_it_bears(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    world, repo = github.sandbox, github.ref(shop)
    other = world.create_app("other")
    forged = {"task": DEPLOYMENT_TASK, "payload": {"lockgate": "7d1e"}}
    world.create_deployment(shop, "main", by=world.user("mallory"), **forged)
    world.create_deployment(shop, "main", app=other, **forged)
    world.create_deployment(shop, "main", app=world.app, payload="7d1e", task=DEPLOYMENT_TASK)
    world.create_deployment(shop, "main", app=world.app, payload={"lockgate": "7d1e"})
    assert await commands.fetch_deployment(repo, environment="production", key="7d1e") is None
    ours = world.create_deployment(shop, "main", app=world.app, **forged)
    assert await commands.fetch_deployment(repo, environment="production", key="7d1e") == ours.id


async def test_a_deployment_is_asked_for_once(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    repo, sha = github.ref(shop), Sha(tip(shop))
    fault = github.sandbox.faults.cut("POST *deployments", after=True)
    with pytest.raises(HubUnavailable, match="could not create a deployment"):
        await commands.post_deployment(
            repo, sha=sha, environment="production", key="7d1e", description=""
        )
    assert fault.hits == 1
    (made,) = shop.deployments
    assert await commands.fetch_deployment(repo, environment="production", key="7d1e") == made


async def test_a_merge_in_place_of_a_deployment_is_refused(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    merged = {"message": "Auto-merged main into topic on deployment."}
    github.sandbox.faults.add(Fault("POST *deployments", "answer", 202, merged))
    with pytest.raises(HubRefused, match="GitHub merged branches instead"):
        await commands.post_deployment(
            github.ref(shop), sha=Sha(tip(shop)), environment="p", key="k", description=""
        )


async def test_without_the_permission_nothing_is_deployed(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    del github.sandbox.installation_of(github.sandbox.app, shop).permissions["deployments"]
    repo = github.ref(shop)
    with pytest.raises(HubRefused, match="Resource not accessible"):
        await commands.post_deployment(
            repo, sha=Sha(tip(shop)), environment="p", key="k", description=""
        )
    with pytest.raises(HubRefused, match="Resource not accessible"):
        await commands.fetch_deployment(repo, environment="p", key="k")


async def test_a_deployment_that_is_not_there(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    with pytest.raises(HubGone, match=r"deployment 12"):
        await commands.post_deployment_status(github.ref(shop), 12, state="success", description="")
    with pytest.raises(HubRefused, match="No ref found"):
        await commands.post_deployment(
            github.ref(shop), sha=Sha("0" * 40), environment="p", key="k", description=""
        )
