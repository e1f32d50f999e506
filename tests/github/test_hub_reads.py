"""What the hub reads, from a sandbox GitHub over HTTP."""

from datetime import timedelta

import pytest
from github_kit import GitHub

from bot.adapters.github.hub import GitHubHub
from bot.core.checks import SUMMARY_MARKER, CheckOutput, Conclusion, digest_of
from bot.core.merge_queue import Candidate
from bot.core.model import (
    GHOST,
    AbsentFile,
    ActorKind,
    FoundFile,
    MergeTitle,
    PullRef,
    PullState,
    Role,
    Sha,
    SquashTitle,
    UnreadableFile,
)
from bot.ports import HubGone, HubRefused, HubUnavailable
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Repository

POLICY = ".github/lockgate.yml"
MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"
OUTPUT = CheckOutput("lockgate/commits", Conclusion.SUCCESS, "all well", "summary", "")


async def test_an_ordinary_pull_request_is_one_request(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    author = github.sandbox.user("mona")
    pull = github.sandbox.open_pull(
        shop, "feat: add search", "feat: one", "fix: two\n\nbody", by=author, body="Why"
    )
    snapshot = await hub.fetch_pull_request(github.pull_ref(pull))
    assert github.seen.routes() == [MINT, GRAPHQL]
    found = snapshot.pull
    assert found.ref == github.pull_ref(pull)
    assert (found.title, found.body, found.state, found.draft) == (
        "feat: add search",
        "Why",
        PullState.OPEN,
        False,
    )
    assert (found.author.id, found.author.login, found.author.kind) == (
        author.id,
        "mona",
        ActorKind.USER,
    )
    assert [commit.message.rstrip() for commit in found.commits] == [
        "feat: one",
        "fix: two\n\nbody",
    ]
    assert [commit.author.login for commit in found.commits] == ["mona", "mona"]
    assert found.commits[-1].sha == found.head_sha == pull.head_sha
    assert found.commits[0].parents == 1
    assert (found.base_ref, found.base_sha) == ("main", shop.branch("main"))
    assert (found.head_repo, found.from_fork, found.private) == ("octo/shop", False, False)
    assert snapshot.checks == ()
    assert snapshot.comments == ()
    assert snapshot.policy_files.repository == AbsentFile()
    assert snapshot.policy_files.organisation == AbsentFile()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, (True, True, True, SquashTitle.COMMIT_OR_PR_TITLE, MergeTitle.MERGE_MESSAGE)),
        (
            {
                "allow_merge_commit": False,
                "allow_rebase_merge": False,
                "squash_merge_commit_title": "PR_TITLE",
                "merge_commit_title": "PR_TITLE",
            },
            (True, False, False, SquashTitle.PR_TITLE, MergeTitle.PR_TITLE),
        ),
    ],
)
async def test_how_the_repository_merges(
    github: GitHub, hub: GitHubHub, settings: dict, expected: tuple
) -> None:
    repository = github.sandbox.create_repository("octo/shop", private=True, **settings)
    pull = github.sandbox.open_pull(repository, "feat: x")
    found = (await hub.fetch_pull_request(github.pull_ref(pull))).pull
    merging = found.merge_settings
    assert (
        merging.squash,
        merging.merge,
        merging.rebase,
        merging.squash_title,
        merging.merge_title,
    ) == expected
    assert found.private


async def test_drafts_closed_and_merged(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    draft = github.sandbox.open_pull(shop, "feat: a", draft=True)
    closed = github.sandbox.open_pull(shop, "feat: b")
    github.sandbox.close(closed)
    merged = github.sandbox.open_pull(shop, "feat: c")
    github.sandbox.merge(merged, "merge")
    found = [
        (await hub.fetch_pull_request(github.pull_ref(pull))).pull
        for pull in (draft, closed, merged)
    ]
    assert [pull.state for pull in found] == [
        PullState.OPEN,
        PullState.CLOSED,
        PullState.MERGED,
    ]
    assert [pull.draft for pull in found] == [True, False, False]


async def test_a_deleted_fork_a_ghost_and_no_body(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    mona = github.sandbox.user("mona")
    fork = github.sandbox.fork(shop, mona)
    pull = github.sandbox.open_pull(shop, "feat: x", by=mona, fork=fork)
    before = (await hub.fetch_pull_request(github.pull_ref(pull))).pull
    assert (before.head_repo, before.from_fork) == ("mona/shop", True)
    github.sandbox.delete_repository(fork)
    github.sandbox.delete_account(mona)
    after = (await hub.fetch_pull_request(github.pull_ref(pull))).pull
    assert after.head_repo is None
    assert after.from_fork
    assert after.author == GHOST
    assert after.body == ""
    assert after.commits[0].author == GHOST


async def test_a_bot_by_its_login_in_rest_and_webhooks(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    dependabot = github.sandbox.bot_user("dependabot[bot]")
    pull = github.sandbox.open_pull(shop, "Bump a from 1 to 2", by=dependabot)
    found = (await hub.fetch_pull_request(github.pull_ref(pull))).pull
    for actor in (found.author, found.commits[0].author):
        assert (actor.id, actor.login, actor.kind) == (
            dependabot.id,
            "dependabot[bot]",
            ActorKind.BOT,
        )


@pytest.mark.parametrize(("count", "reads"), [(100, 1), (130, 2), (249, 3)])
async def test_more_commits_than_a_page(
    github: GitHub, hub: GitHubHub, shop: Repository, count: int, reads: int
) -> None:
    messages = [f"feat: {number}" for number in range(count)]
    pull = github.sandbox.open_pull(shop, "feat: many", *messages)
    found = (await hub.fetch_pull_request(github.pull_ref(pull))).pull
    assert [commit.message.rstrip() for commit in found.commits] == messages
    assert github.seen.routes() == [MINT, *[GRAPHQL] * reads]


async def test_more_commits_than_github_lists(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    messages = [f"feat: {number}" for number in range(320)]
    pull = github.sandbox.open_pull(shop, "feat: many", *messages)
    ref = github.pull_ref(pull)
    await hub.post_check(ref.repo, Sha(pull.head_sha), OUTPUT)
    snapshot = await hub.fetch_pull_request(ref)
    assert [commit.message.rstrip() for commit in snapshot.pull.commits] == messages
    assert snapshot.pull.commits[-1].sha == pull.head_sha
    assert "GET /repos/{owner}/{repo}/compare/{basehead}" in github.seen.routes()
    assert [check.name for check in snapshot.checks] == ["lockgate/commits"]


@pytest.mark.parametrize(
    "title",
    [
        "@everyone <script>alert(1)</script> | `x` |",
        "‮txt.exe",
        "feat: \x00 nul",
        "日本語 🎉",
        "x" * 65_000,
        '"; DROP TABLE pulls; --',
    ],
)
async def test_hostile_titles_pass_through(
    github: GitHub, hub: GitHubHub, shop: Repository, title: str
) -> None:
    pull = github.sandbox.open_pull(shop, title, "feat: x")
    assert (await hub.fetch_pull_request(github.pull_ref(pull))).pull.title == title


async def test_what_is_not_there(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    with pytest.raises(HubGone, match="octo/shop#9"):
        await hub.fetch_pull_request(PullRef(github.ref(shop), 9))
    reference = github.ref(shop)
    github.sandbox.delete_repository(shop)
    with pytest.raises(HubGone, match="octo/shop#1"):
        await hub.fetch_pull_request(PullRef(reference, 1))


# the policy files


async def test_the_policy_is_the_base_branchs(github: GitHub, hub: GitHubHub) -> None:
    shop = github.sandbox.create_repository("octo/shop", files={POLICY: "version: 1\n"})
    pull = github.sandbox.open_pull(
        shop, "feat: x", CommitSpec("feat: x", files={POLICY: "version: 2\n"})
    )
    files = (await hub.fetch_pull_request(github.pull_ref(pull))).policy_files
    assert files.repository == FoundFile("octo/shop", POLICY, "version: 1\n")
    github.sandbox.push(shop, "main", CommitSpec("feat: y", files={POLICY: "version: 3\n"}))
    files = (await hub.fetch_pull_request(github.pull_ref(pull))).policy_files
    assert files.repository == FoundFile("octo/shop", POLICY, "version: 3\n")


async def test_the_organisations_policy(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    github.sandbox.create_repository("octo/.github", files={POLICY: "version: 1\n"})
    pull = github.sandbox.open_pull(shop, "feat: x")
    files = (await hub.fetch_pull_request(github.pull_ref(pull))).policy_files
    assert files.repository == AbsentFile()
    assert files.organisation == FoundFile("octo/.github", POLICY, "version: 1\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x" * 1_000_001, "too large"),
        (b"\x00\x01\x02" * 50, "not a text file"),
    ],
)
async def test_a_policy_that_cannot_be_read_is_no_absent_one(
    github: GitHub, hub: GitHubHub, content: bytes, reason: str
) -> None:
    shop = github.sandbox.create_repository("octo/shop", files={POLICY: content})
    pull = github.sandbox.open_pull(shop, "feat: x")
    found = (await hub.fetch_pull_request(github.pull_ref(pull))).policy_files.repository
    assert isinstance(found, UnreadableFile)
    assert reason in found.reason


async def test_a_folder_in_the_policys_place(github: GitHub, hub: GitHubHub) -> None:
    shop = github.sandbox.create_repository("octo/shop", files={f"{POLICY}/x": "y"})
    pull = github.sandbox.open_pull(shop, "feat: x")
    found = (await hub.fetch_pull_request(github.pull_ref(pull))).policy_files.repository
    assert found == UnreadableFile("octo/shop", POLICY, "it is not a file")


# our own checks and comments


async def test_our_newest_check_of_each_name(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    other = github.sandbox.create_app("other")
    github.sandbox.create_check(
        shop, other, pull.head_sha, "lockgate/commits", conclusion="failure"
    )
    await hub.post_check(ref.repo, Sha(pull.head_sha), OUTPUT)
    newest = await hub.post_check(ref.repo, Sha(pull.head_sha), OUTPUT)
    checks = (await hub.fetch_pull_request(ref)).checks
    assert [(check.id, check.name, check.digest, check.completed) for check in checks] == [
        (newest, "lockgate/commits", digest_of(OUTPUT), True)
    ]


@pytest.mark.parametrize("before", [0, 49, 50, 170])
async def test_our_comment_wherever_it_stands(
    github: GitHub, hub: GitHubHub, shop: Repository, before: int
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = github.pull_ref(pull)
    for number in range(before):
        github.sandbox.comment(pull, f"{SUMMARY_MARKER} not ours {number}")
    ours = await hub.post_comment(ref, f"{SUMMARY_MARKER}\nours")
    github.sandbox.comment(pull, f"{SUMMARY_MARKER} another's")
    await hub.post_comment(ref, "ours without the marker")
    comments = (await hub.fetch_pull_request(ref)).comments
    assert [(comment.id, comment.body) for comment in comments] == [
        (ours, f"{SUMMARY_MARKER}\nours")
    ]


# renames


async def test_a_renamed_repository_is_followed(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    stale = github.pull_ref(pull)
    github.sandbox.rename(shop, "store")
    snapshot = await hub.fetch_pull_request(stale)
    assert str(snapshot.pull.ref) == "octo/store#1"
    assert snapshot.pull.from_fork is False
    await hub.post_check(stale.repo, Sha(pull.head_sha), OUTPUT)
    await hub.post_comment(stale, "hello")
    assert len(github.sandbox.checks_of(shop, pull.head_sha)) == 1
    assert [comment.body for comment in github.sandbox.comments_of(pull)] == ["hello"]


async def test_a_write_by_a_stale_name_finds_the_repository(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    stale = github.pull_ref(pull)
    github.sandbox.rename(shop, "store")
    await hub.update_title(stale, "fix: y")
    assert pull.title == "fix: y"


async def test_a_moved_repository_takes_its_new_owners_policy(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    for owner in ("octo", "acme"):
        github.sandbox.create_repository(f"{owner}/.github", files={POLICY: f"# {owner}\n"})
    pull = github.sandbox.open_pull(shop, "feat: x")
    installation = github.sandbox.installation_of(github.sandbox.app, shop)
    stale = github.pull_ref(pull)
    github.sandbox.rename(shop, "acme/shop")
    moved_to = github.ref(shop).installation_id
    assert installation is not None
    assert moved_to != installation.id
    known = PullRef(type(stale.repo)(moved_to, shop.id, "octo", "shop"), 1)
    files = (await hub.fetch_pull_request(known)).policy_files
    assert files.organisation == FoundFile("acme/.github", POLICY, "# acme\n")


async def test_nothing_is_done_to_a_repository_that_took_the_name(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    stale = github.pull_ref(pull)
    github.sandbox.rename(shop, "store")
    usurper = github.sandbox.create_repository("octo/shop")
    taken = github.sandbox.open_pull(usurper, "feat: y")
    with pytest.raises(HubGone, match="another repository"):
        await hub.fetch_pull_request(stale)
    for write in (
        hub.post_check(stale.repo, Sha(taken.head_sha), OUTPUT),
        hub.post_comment(stale, "hello"),
        hub.update_title(stale, "fix: z"),
    ):
        with pytest.raises(HubGone, match="another repository"):
            await write
    assert github.sandbox.checks_of(usurper, taken.head_sha) == []
    assert github.sandbox.comments_of(taken) == []
    assert taken.title == "feat: y"


# lists and people


async def test_open_pull_requests(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    pulls = github.sandbox.open_pulls(shop, [f"feat: {number}" for number in range(120)])
    github.sandbox.close(pulls[3])
    github.sandbox.push(shop, "stable")
    onto_stable = github.sandbox.open_pull(shop, "fix: old", base="stable")
    everything = await hub.fetch_open_pulls(github.ref(shop))
    assert sorted(everything) == [n for n in range(1, 122) if n != pulls[3].number]
    assert await hub.fetch_open_pulls(github.ref(shop), base_ref="stable") == [onto_stable.number]
    assert await hub.fetch_open_pulls(github.ref(shop), base_ref="gone") == []


async def test_pull_requests_by_their_head_also_from_forks(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    mona = github.sandbox.user("mona")
    fork = github.sandbox.fork(shop, mona)
    pull = github.sandbox.open_pull(shop, "feat: x", by=mona, fork=fork)
    github.sandbox.open_pull(shop, "feat: other")
    found = await hub.fetch_pulls_with_head(github.ref(shop), Sha(pull.head_sha))
    assert found == [pull.number]
    assert await hub.fetch_pulls_with_head(github.ref(shop), Sha("0" * 40)) == []


async def test_repositories_of_an_installation(github: GitHub, hub: GitHubHub) -> None:
    made = [github.sandbox.create_repository(f"octo/r{number}") for number in range(103)]
    github.sandbox.create_repository("acme/other")
    found = await hub.fetch_repositories(github.ref(made[0]).installation_id)
    assert sorted(found, key=lambda repo: repo.id) == [github.ref(each) for each in made]


async def test_a_repository_by_the_name_that_a_person_types(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    assert await hub.fetch_repository("Octo", "Shop") == github.ref(shop)
    github.sandbox.rename(shop, "store")
    assert await hub.fetch_repository("octo", "shop") == github.ref(shop)
    for owner, name in (("octo", "none"), ("..", "x"), ("octo", "")):
        with pytest.raises(HubGone):
            await hub.fetch_repository(owner, name)


@pytest.mark.parametrize(
    ("role", "base", "expected"),
    [
        ("maintain", "", Role("maintain", "write")),
        ("triage", "", Role("triage", "read")),
        ("write", "", Role("write", "write")),
        ("releaser", "write", Role("releaser", "write")),
        ("reader-plus", "read", Role("reader-plus", "read")),
    ],
)
async def test_a_persons_role(
    github: GitHub, hub: GitHubHub, shop: Repository, role: str, base: str, expected: Role
) -> None:
    mona = github.sandbox.user("mona")
    github.sandbox.set_role(shop, mona, role, base)
    assert await hub.fetch_role(github.ref(shop), "mona") == expected


async def test_a_role_of_nobody(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    with pytest.raises(HubGone):
        await hub.fetch_role(github.ref(shop), "nobody")


# merge groups


async def test_a_merge_group(github: GitHub, hub: GitHubHub) -> None:
    shop = github.sandbox.create_repository("octo/shop", files={POLICY: "version: 1\n"})
    pull = github.sandbox.open_pull(shop, "feat: x", "feat: x", "fix: y")
    base_sha = Sha(shop.branch("main"))
    await hub.post_check(github.ref(shop), Sha(pull.head_sha), OUTPUT)
    snapshot = await hub.fetch_merge_group(
        github.ref(shop), head_sha=Sha(pull.head_sha), base_sha=base_sha, base_ref="main"
    )
    assert [commit.message.rstrip() for commit in snapshot.group.commits] == ["feat: x", "fix: y"]
    assert snapshot.group.repo == github.ref(shop)
    assert snapshot.policy_files.repository == FoundFile("octo/shop", POLICY, "version: 1\n")
    assert [check.name for check in snapshot.checks] == ["lockgate/commits"]
    assert snapshot.changed
    same = await hub.fetch_merge_group(
        github.ref(shop), head_sha=base_sha, base_sha=base_sha, base_ref="main"
    )
    assert not same.changed


async def test_the_merge_groups_there_are(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    assert await hub.fetch_candidates(github.ref(shop)) == []
    base = Sha(shop.branch("main"))
    github.sandbox.push(shop, "stable/1.x")
    groups = []
    for branch in ("main", "stable/1.x"):
        pull = github.sandbox.open_pull(shop, f"feat: onto {branch}", base=branch)
        groups.append(github.sandbox.request_merge_group([pull], "squash"))
    github.sandbox.push(shop, "not-gh-readonly-queue/main")
    found = await hub.fetch_candidates(github.ref(shop))
    assert found == [
        Candidate(Sha(groups[0].head_sha), base, "main"),
        Candidate(Sha(groups[1].head_sha), Sha(shop.branch("stable/1.x")), "stable/1.x"),
    ]
    github.sandbox.end_merge_group(shop, groups[0])
    assert await hub.fetch_candidates(github.ref(shop)) == found[1:]


async def test_a_merge_group_that_is_gone(github: GitHub, hub: GitHubHub, shop: Repository) -> None:
    with pytest.raises(HubGone, match="no such commit"):
        await hub.fetch_merge_group(
            github.ref(shop),
            head_sha=Sha("1" * 40),
            base_sha=Sha(shop.branch("main")),
            base_ref="main",
        )


# deliveries


async def test_deliveries_newest_first_and_asked_for_again(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    github.sandbox.send_events_to("http://127.0.0.1:1/none", "secret")
    for _ in range(120):
        github.sandbox.hooks.send_raw(github.sandbox.app, "push", b"{}")
    await github.sandbox.hooks.settled()
    since = github.clock.now() - timedelta(hours=1)
    found = [delivery async for delivery in hub.fetch_deliveries(since=since)]
    assert len(found) >= 120
    assert len({delivery.id for delivery in found}) == len(found)
    assert not any(delivery.ok for delivery in found)
    await hub.redeliver(found[0].id)
    assert "POST /app/hook/deliveries/{delivery_id}/attempts" in github.seen.routes()
    later = [d async for d in hub.fetch_deliveries(since=github.clock.now() + timedelta(hours=1))]
    assert later == []


async def test_errors_name_what_was_asked_and_of_whom(
    github: GitHub, hub: GitHubHub, shop: Repository
) -> None:
    github.sandbox.app.permissions["checks"] = "read"
    github.sandbox.accept_permissions(github.sandbox.installation_of(github.sandbox.app, shop))
    pull = github.sandbox.open_pull(shop, "feat: x")
    with pytest.raises(HubRefused, match=r"could not create a check run octo/shop@.*403"):
        await hub.post_check(github.ref(shop), Sha(pull.head_sha), OUTPUT)
    github.sandbox.faults.answer("* /graphql", 502, times=None)
    with pytest.raises(HubUnavailable, match=r"could not read the pull request octo/shop#1.*502"):
        await hub.fetch_pull_request(github.pull_ref(pull))
