"""What commands read of GitHub, as it stands on the sandbox, and what each reading costs."""

from datetime import timedelta

import pytest
import structlog
from github_kit import GitHub

from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.hub import GitHubHub
from bot.core.model import GHOST, Actor, ActorKind, PullRef, Sha
from bot.core.promotion import RequiredCheck
from bot.ports import HubGone, HubRefused, HubUnavailable
from bot.ports.operations import OwnComment
from bot.sandbox.faults import Fault
from bot.sandbox.model import Pull, Repository

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
COMPARE = "GET /repos/{owner}/{repo}/compare/{basehead}"
GET_COMMENT = "GET /repos/{owner}/{repo}/issues/comments/{comment_id}"


@pytest.fixture
def pull(github: GitHub, shop: Repository) -> Pull:
    mona = github.sandbox.user("mona")
    return github.sandbox.open_pull(shop, "feat: add search", by=mona)


# comments


async def test_a_comment_as_it_stands(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    octo = github.sandbox.user("octo-maintainer")
    comment = github.sandbox.comment(pull, "/promote", by=octo)
    ref = github.pull_ref(pull)
    found = await commands.fetch_comment(ref, comment.id)
    assert (found.id, found.ref, found.body) == (comment.id, ref, "/promote")
    assert found.author == Actor(octo.id, "octo-maintainer")
    assert found.created_at == comment.created_at
    assert found.edited is False
    assert github.seen.routes() == [MINT, GRAPHQL]


async def test_an_edit_within_the_same_second_is_seen(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    comment = github.sandbox.comment(pull, "/promote")
    github.sandbox.edit_comment(comment, "/promote", by=github.sandbox.user("mallory"))
    comment.updated_at = comment.created_at
    assert (await commands.fetch_comment(github.pull_ref(pull), comment.id)).edited is True


async def test_a_reaction_is_no_edit(
    github: GitHub, commands: GitHubCommandHub, hub: GitHubHub, pull: Pull
) -> None:
    comment = github.sandbox.comment(pull, "/promote")
    ref = github.pull_ref(pull)
    await hub.react(ref.repo, comment.id, "eyes")
    assert (await commands.fetch_comment(ref, comment.id)).edited is False


@pytest.mark.parametrize(
    ("login", "kind"), [("renovate[bot]", ActorKind.BOT), ("mona", ActorKind.USER)]
)
@pytest.mark.parametrize("later", [0, 60])
async def test_who_wrote_a_comment_however_far_back_it_stands(
    github: GitHub,
    commands: GitHubCommandHub,
    pull: Pull,
    login: str,
    kind: ActorKind,
    later: int,
) -> None:
    world = github.sandbox
    author = world.bot_user(login) if kind is ActorKind.BOT else world.user(login)
    comment = world.comment(pull, "/promote", by=author)
    for number in range(later):
        world.comment(pull, f"comment {number}")
    found = await commands.fetch_comment(github.pull_ref(pull), comment.id)
    assert found.author == Actor(author.id, login, kind)
    assert (found.body, found.edited) == ("/promote", False)
    assert (GET_COMMENT in github.seen.routes()) is bool(later)


@pytest.mark.parametrize("later", [0, 60])
async def test_the_app_s_own_comments_are_known_and_not_those_of_people_signed_in_by_it(
    github: GitHub, commands: GitHubCommandHub, pull: Pull, later: int
) -> None:
    world = github.sandbox
    other = world.create_app("ci", permissions={}, events=())
    ours = world.comment(pull, "/promote", app=world.app)
    theirs = world.comment(pull, "/promote", app=other)
    person = world.comment(pull, "/promote", by=world.user("mona"))
    person.app = world.app
    for number in range(later):
        world.comment(pull, f"comment {number}")
    ref = github.pull_ref(pull)
    found = [await commands.fetch_comment(ref, each.id) for each in (ours, theirs, person)]
    assert [each.own for each in found] == [True, False, False]


async def test_an_old_comment_that_changed_counts_as_edited(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    comment = github.sandbox.comment(pull, "/promote")
    for number in range(60):
        github.sandbox.comment(pull, f"comment {number}")
    github.clock.ahead = timedelta(seconds=5)
    github.sandbox.edit_comment(comment, "/promote now")
    assert (await commands.fetch_comment(github.pull_ref(pull), comment.id)).edited is True


@pytest.mark.parametrize("later", [0, 60])
async def test_the_comment_of_a_deleted_account(
    github: GitHub, commands: GitHubCommandHub, pull: Pull, later: int
) -> None:
    gone = github.sandbox.user("soon-gone")
    comment = github.sandbox.comment(pull, "/promote", by=gone)
    for number in range(later):
        github.sandbox.comment(pull, f"comment {number}")
    github.sandbox.delete_account(gone)
    assert (await commands.fetch_comment(github.pull_ref(pull), comment.id)).author == GHOST


async def test_a_deleted_comment_is_gone(
    github: GitHub, commands: GitHubCommandHub, hub: GitHubHub, pull: Pull
) -> None:
    comment = github.sandbox.comment(pull, "/promote")
    github.sandbox.delete_comment(comment)
    with pytest.raises(HubGone, match="could not read the comment octo/shop#1"):
        await commands.fetch_comment(github.pull_ref(pull), comment.id)
    with pytest.raises(HubGone):
        await hub.react(github.ref(pull.repository), comment.id, "eyes")


async def test_a_comment_of_another_pull_request_is_gone(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    other = github.sandbox.open_pull(pull.repository, "feat: other")
    comment = github.sandbox.comment(other, "/promote")
    with pytest.raises(HubGone, match="does not stand on octo/shop#1"):
        await commands.fetch_comment(github.pull_ref(pull), comment.id)


async def test_our_comment_is_found_by_its_marker(
    github: GitHub, commands: GitHubCommandHub, hub: GitHubHub, pull: Pull
) -> None:
    ref = github.pull_ref(pull)
    marker = "<!-- lockgate:operation id=7d1e -->"
    github.sandbox.comment(pull, f"{marker} forged")
    assert await commands.fetch_own_comment(ref, marker) is None
    body = f"{marker}\n**Promoting**"
    ours = await hub.post_comment(ref, body)
    await hub.post_comment(ref, f"quoting {marker}")
    for number in range(120):
        github.sandbox.comment(pull, f"comment {number}")
    github.seen.clear()
    assert await commands.fetch_own_comment(ref, marker) == OwnComment(ours, body)
    assert github.seen.routes() == [GRAPHQL] * 3
    assert await commands.fetch_own_comment(ref, "<!-- lockgate:operation id=7d1 -->") is None


async def test_a_reaction_twice_is_one(
    github: GitHub, commands: GitHubCommandHub, hub: GitHubHub, pull: Pull
) -> None:
    comment = github.sandbox.comment(pull, "/promote")
    repo = github.ref(pull.repository)
    fault = github.sandbox.faults.cut("POST *reactions", after=True)
    await hub.react(repo, comment.id, "eyes")
    await hub.react(repo, comment.id, "rocket")
    assert fault.hits == 1
    assert [each.content for each in comment.reactions] == ["eyes", "rocket"]
    assert {each.author for each in comment.reactions} == {github.sandbox.app.bot}


# pull requests


async def test_an_open_pull_request(github: GitHub, commands: GitHubCommandHub, pull: Pull) -> None:
    mona = github.sandbox.user("mona")
    found = await commands.fetch_pull(github.pull_ref(pull))
    assert (found.title, found.author) == ("feat: add search", Actor(mona.id, "mona"))
    assert (found.head_sha, found.base_ref) == (pull.head_sha, "main")
    assert (found.open, found.merged, found.merge_sha) == (True, False, None)
    assert (found.from_fork, found.private) == (False, False)


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
async def test_a_merged_pull_request(
    github: GitHub, commands: GitHubCommandHub, pull: Pull, method: str
) -> None:
    github.sandbox.merge(pull, method)
    found = await commands.fetch_pull(github.pull_ref(pull))
    assert (found.open, found.merged) == (False, True)
    assert found.merge_sha == pull.repository.branch("main")


async def test_one_that_was_closed_without_merging(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    github.sandbox.close(pull)
    found = await commands.fetch_pull(github.pull_ref(pull))
    assert (found.open, found.merged, found.merge_sha) == (False, False, None)


async def test_a_fork_stays_one_when_it_is_deleted(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    fork = github.sandbox.fork(shop, github.sandbox.user("fan"))
    pull = github.sandbox.open_pull(shop, "fix: y", "fix: y", head="y", fork=fork)
    assert (await commands.fetch_pull(github.pull_ref(pull))).from_fork is True
    github.sandbox.delete_repository(fork)
    assert (await commands.fetch_pull(github.pull_ref(pull))).from_fork is True


async def test_no_such_pull_request(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    with pytest.raises(HubGone, match="octo/shop#99"):
        await commands.fetch_pull(PullRef(github.ref(shop), 99))


async def test_the_trunk(github: GitHub, commands: GitHubCommandHub, shop: Repository) -> None:
    assert await commands.fetch_trunk(github.ref(shop)) == ("main", shop.branch("main"))
    shop.default_branch = "gone"
    with pytest.raises(HubGone, match="no commit on its default branch"):
        await commands.fetch_trunk(github.ref(shop))


# checks


async def test_checks_and_statuses_newest_of_each_name_and_source(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    world, sha = github.sandbox, shop.branch("main")
    ci = world.create_app("ci")
    world.install(ci, shop.owner)
    world.create_check(shop, ci, sha, "build", conclusion="failure")
    world.create_check(shop, ci, sha, "build", conclusion="success")
    world.create_check(shop, ci, sha, "e2e", status="in_progress")
    world.create_check(shop, world.app, sha, "build", conclusion="timed_out")
    world.set_status(shop, sha, "build", "failure")
    world.set_status(shop, sha, "build", "success", target_url="https://ci.example/7")
    world.set_status(shop, sha, "cov", "pending", by=world.user("mona"))
    found = await commands.fetch_checks(github.ref(shop), Sha(sha))
    assert {(c.name, c.app_id): (c.app, c.completed, c.conclusion) for c in found} == {
        ("build", ci.id): ("ci", True, "success"),
        ("e2e", ci.id): ("ci", False, ""),
        ("build", world.app.id): ("lockgate", True, "timed_out"),
        ("build", None): ("octo-owner", True, "success"),
        ("cov", None): ("mona", False, ""),
    }
    (status,) = [c for c in found if (c.name, c.app_id) == ("build", None)]
    assert status.url == "https://ci.example/7"
    (run,) = [c for c in found if c.name == "e2e"]
    assert run.started_at is not None
    assert run.url.startswith("http")
    assert github.seen.routes() == [MINT, GRAPHQL]


async def test_a_run_that_starts_over_counts_as_running(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    world, sha = github.sandbox, shop.branch("main")
    world.create_check(shop, world.app, sha, "build", conclusion="success")
    world.create_check(shop, world.app, sha, "build", status="queued")
    (check,) = await commands.fetch_checks(github.ref(shop), Sha(sha))
    assert (check.completed, check.conclusion) == (False, "")


async def test_all_pages_of_checks_are_read(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    world, sha = github.sandbox, shop.branch("main")
    for number in range(230):
        world.create_check(shop, world.app, sha, f"check {number}", conclusion="success")
    world.set_status(shop, sha, "last", "error")
    found = await commands.fetch_checks(github.ref(shop), Sha(sha))
    assert len(found) == 231
    assert {c.conclusion for c in found if c.app_id is None} == {"error"}
    assert github.seen.routes() == [MINT, *[GRAPHQL] * 3]


async def test_a_commit_without_checks_and_one_that_is_not_there(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    assert await commands.fetch_checks(github.ref(shop), Sha(shop.branch("main"))) == ()
    with pytest.raises(HubGone, match="there is no such commit"):
        await commands.fetch_checks(github.ref(shop), Sha("0" * 40))


@pytest.mark.parametrize("missing", ["checks", "statuses"])
async def test_checks_that_may_not_be_read_are_refused_not_empty(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, missing: str
) -> None:
    installation = github.sandbox.installation_of(github.sandbox.app, shop)
    del installation.permissions[missing]
    with pytest.raises(HubRefused, match="could not read the checks of the commit"):
        await commands.fetch_checks(github.ref(shop), Sha(shop.branch("main")))


# what a branch requires


async def test_required_checks_of_rulesets_and_protection(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    world = github.sandbox
    assert await commands.fetch_required_checks(github.ref(shop), "main") == ()
    world.require_checks(shop, "build", ("e2e", 15368))
    world.require_checks(shop, "build", ("lint", world.app.id))
    world.require_checks(shop, "elsewhere", branch="next")
    world.require_checks(shop, "cov", ("e2e", 15368), classic=True)
    assert await commands.fetch_required_checks(github.ref(shop), "main") == (
        RequiredCheck("build"),
        RequiredCheck("cov"),
        RequiredCheck("e2e", 15368),
        RequiredCheck("lint", world.app.id),
    )


async def test_a_plan_without_rulesets_has_none_and_any_other_refusal_counts(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.require_checks(shop, "cov", classic=True)
    plan = "Upgrade to GitHub Pro or make this repository public to enable this feature."
    github.sandbox.faults.answer("GET *rules/branches*", 403, message=plan)
    assert await commands.fetch_required_checks(github.ref(shop), "main") == (RequiredCheck("cov"),)
    github.sandbox.faults.answer("GET *rules/branches*", 403, message="Forbidden")
    with pytest.raises(HubRefused, match="could not read the rules of the branch octo/shop@main"):
        await commands.fetch_required_checks(github.ref(shop), "main")


async def test_required_checks_of_a_branch_with_a_slash(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    github.sandbox.push(shop, "release/1.x")
    github.sandbox.require_checks(shop, "build", branch="release/1.x")
    found = await commands.fetch_required_checks(github.ref(shop), "release/1.x")
    assert found == (RequiredCheck("build"),)


async def test_a_protection_that_github_keeps_to_itself_is_refused(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    found = {"name": "main", "protected": True, "protection_url": "https://x.example"}
    github.sandbox.faults.add(Fault("GET *repos/octo/shop/branches/main", "answer", 200, found))
    with pytest.raises(HubRefused, match="does not say which checks the branch main requires"):
        await commands.fetch_required_checks(github.ref(shop), "main")


@pytest.mark.parametrize("branch", ["../../user", "a/../b", "", "a b", "-x", "x.lock", "a//b", "ä"])
async def test_no_odd_branch_reaches_an_address(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, branch: str
) -> None:
    with pytest.raises(HubGone):
        await commands.fetch_required_checks(github.ref(shop), branch)
    assert github.seen.exchanges == []


async def test_a_branch_that_is_not_there(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    with pytest.raises(HubGone, match="octo/shop@gone"):
        await commands.fetch_required_checks(github.ref(shop), "gone")


# approvals and teams


async def test_approvals_newest_of_each_person(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    world, shop = github.sandbox, pull.repository
    rosa, max_, fan = (world.user(login) for login in ("rosa", "max", "fan"))
    world.set_role(shop, rosa, "maintain")
    world.set_role(shop, max_, "write")
    old = pull.head_sha
    world.review(pull, "CHANGES_REQUESTED", by=rosa)
    world.review(pull, "APPROVED", by=max_)
    world.review(pull, "APPROVED", by=fan)
    world.push(shop, pull.head_ref, "feat: more")
    world.review(pull, "APPROVED", by=rosa)
    world.review(pull, "COMMENTED", by=rosa, body="by the way")
    world.dismiss_review(pull.reviews[1])
    found = await commands.fetch_approvals(github.pull_ref(pull))
    assert {a.actor.login: (a.role_may_write, a.state, a.sha) for a in found} == {
        "rosa": (True, "approved", pull.head_sha),
        "max": (True, "dismissed", old),
        "fan": (False, "approved", old),
    }


async def test_all_pages_of_reviews_are_read_and_ghosts_say_nothing(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    world = github.sandbox
    for number in range(120):
        world.review(pull, "APPROVED", by=world.user(f"reader-{number}"))
    world.review(pull, "CHANGES_REQUESTED", by=world.user("reader-0"))
    ghost = world.review(pull, "APPROVED", by=world.user("soon-gone"))
    ghost.author = None
    found = await commands.fetch_approvals(github.pull_ref(pull))
    assert len(found) == 120
    assert {a.actor.login for a in found if a.state != "approved"} == {"reader-0"}
    assert github.seen.routes() == [MINT, GRAPHQL, GRAPHQL]


async def test_teams_that_somebody_is_active_in(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    world, mona = github.sandbox, github.sandbox.user("mona")
    world.team(shop.owner, "sre", mona)
    world.team(shop.owner, "invited", pending=[mona])
    world.team(shop.owner, "others", world.user("rosa"))
    world.team(world.organization("elsewhere"), "foreign", mona)
    slugs = ["sre", "invited", "others", "foreign", "no-such", "sre"]
    assert await commands.fetch_teams(github.ref(shop), "mona", slugs) == {"sre"}
    assert await commands.fetch_teams(github.ref(shop), "mona", []) == frozenset()


@pytest.mark.parametrize("slug", ["..", "../../../user", "sre/memberships/mona?x=", "sré"])
async def test_no_odd_team_leads_elsewhere(
    github: GitHub, commands: GitHubCommandHub, shop: Repository, slug: str
) -> None:
    github.sandbox.team(shop.owner, "sre", github.sandbox.user("mona"))
    assert await commands.fetch_teams(github.ref(shop), "mona", [slug]) == frozenset()
    assert await commands.fetch_teams(github.ref(shop), "../mona", ["sre"]) == frozenset()


async def test_teams_that_may_not_be_read_are_refused(
    github: GitHub, commands: GitHubCommandHub, shop: Repository
) -> None:
    del github.sandbox.installation_of(github.sandbox.app, shop).permissions["members"]
    with pytest.raises(HubRefused, match=r"team octo/sre: .*403.* Members: Read-only"):
        await commands.fetch_teams(github.ref(shop), "mona", ["sre"])


async def test_a_personal_repository_has_no_teams(
    github: GitHub, commands: GitHubCommandHub
) -> None:
    github.sandbox.user("mona")
    own = github.sandbox.create_repository("mona/own")
    assert await commands.fetch_teams(github.ref(own), "mona", ["sre"]) == frozenset()


# failures that all readings share


@pytest.mark.parametrize(
    "read",
    [
        lambda c, ref, sha: c.fetch_comment(ref, 1),
        lambda c, ref, sha: c.fetch_pull(ref),
        lambda c, ref, sha: c.fetch_commit(ref.repo, "main", trunk="main"),
        lambda c, ref, sha: c.fetch_trunk(ref.repo),
        lambda c, ref, sha: c.fetch_checks(ref.repo, sha),
        lambda c, ref, sha: c.fetch_required_checks(ref.repo, "main"),
        lambda c, ref, sha: c.fetch_approvals(ref),
        lambda c, ref, sha: c.fetch_teams(ref.repo, "mona", ["sre"]),
        lambda c, ref, sha: c.fetch_own_comment(ref, "m"),
        lambda c, ref, sha: c.fetch_deployment(ref.repo, environment="production", key="k"),
        lambda c, ref, sha: c.post_deployment(
            ref.repo, sha=sha, environment="production", key="k", description=""
        ),
        lambda c, ref, sha: c.post_deployment_status(ref.repo, 1, state="success", description=""),
    ],
)
async def test_an_outage_is_told_as_one(
    github: GitHub, commands: GitHubCommandHub, pull: Pull, read
) -> None:
    ref = github.pull_ref(pull)
    github.sandbox.faults.answer("*", 503, headers={"retry-after": "30"})
    with pytest.raises(HubUnavailable) as found:
        await read(commands, ref, Sha(pull.head_sha))
    assert found.value.retry_after == timedelta(seconds=30)


async def test_no_secret_is_told_or_logged(
    github: GitHub, commands: GitHubCommandHub, pull: Pull, caplog: pytest.LogCaptureFixture
) -> None:
    ref = github.pull_ref(pull)
    github.sandbox.faults.answer("*", 403, times=None, message="no: ghs_0123456789abcdef0123")
    with structlog.testing.capture_logs() as logged:
        for asked in (
            commands.fetch_comment(ref, 1),
            commands.fetch_commit(ref.repo, "main", trunk="main"),
            commands.fetch_teams(ref.repo, "mona", ["sre"]),
        ):
            with pytest.raises(HubRefused) as found:
                await asked
            assert "ghs_" not in str(found.value)
    assert "ghs_" not in str(logged) + caplog.text
    assert "PRIVATE KEY" not in str(logged) + repr(commands) + repr(vars(commands))


async def test_what_a_promotion_with_thirty_checks_asks_of_github(
    github: GitHub, commands: GitHubCommandHub, hub: GitHubHub, pull: Pull
) -> None:
    world, shop = github.sandbox, pull.repository
    world.review(pull, "APPROVED", by=world.user("rosa"))
    world.merge(pull, "squash")
    world.require_checks(shop, "check 1")
    comment = world.comment(pull, "/promote")
    for number in range(30):
        sha = shop.branch("main")
        world.create_check(shop, world.app, sha, f"check {number}", conclusion="success")
    ref = github.pull_ref(pull)
    github.seen.clear()
    await hub.react(ref.repo, comment.id, "eyes")
    await commands.fetch_comment(ref, comment.id)
    found = await commands.fetch_pull(ref)
    trunk, _ = await commands.fetch_trunk(ref.repo)
    commit = await commands.fetch_commit(ref.repo, found.merge_sha, trunk=trunk)
    assert len(await commands.fetch_checks(ref.repo, commit.commit.sha)) == 30
    await commands.fetch_required_checks(ref.repo, trunk)
    await commands.fetch_approvals(ref)
    assert commit.pull_number == pull.number
    reads = [route for route in github.seen.routes() if route != MINT]
    assert reads.count(GRAPHQL) == 6
    assert len(reads) == 6 + 4, "the name, the reaction, the rules and the branch"


async def test_a_repository_that_was_renamed_is_followed(
    github: GitHub, commands: GitHubCommandHub, hub: GitHubHub, pull: Pull
) -> None:
    ref, shop = github.pull_ref(pull), pull.repository
    comment = github.sandbox.comment(pull, "/promote")
    github.sandbox.rename(shop, "octo/store")
    assert (await commands.fetch_comment(ref, comment.id)).ref.repo.name == "store"
    assert (await commands.fetch_pull(ref)).ref.repo.name == "store"
    await hub.react(ref.repo, comment.id, "eyes")
    assert len(comment.reactions) == 1
    assert (await commands.fetch_trunk(ref.repo))[1] == shop.branch("main")


async def test_a_name_that_another_repository_took_over_is_gone(
    github: GitHub, commands: GitHubCommandHub, pull: Pull
) -> None:
    ref = github.pull_ref(pull)
    github.sandbox.rename(pull.repository, "octo/store")
    other = github.sandbox.create_repository("octo/shop")
    github.sandbox.open_pull(other, "feat: hers")
    for asked in (
        commands.fetch_pull(ref),
        commands.fetch_trunk(ref.repo),
        commands.fetch_approvals(ref),
        commands.fetch_checks(ref.repo, Sha(other.branch("main"))),
        commands.fetch_commit(ref.repo, "main", trunk="main"),
        commands.post_deployment(
            ref.repo, sha=Sha(other.branch("main")), environment="p", key="k", description=""
        ),
    ):
        with pytest.raises(HubGone, match="another repository now"):
            await asked
    assert other.deployments == {}
