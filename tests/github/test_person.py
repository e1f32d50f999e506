"""What is asked with a person's own token: as that person, and with no other credential."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from github_kit import GitHub

from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.person import GitHubPerson
from bot.core.commands.following import BotApp, Writer
from bot.core.commands.requests import ShaPrefix, TagName
from bot.core.model import FoundFile, PullRef
from bot.core.policy import POLICY_PATH
from bot.engine.remote import NowhereToType, Remote
from bot.ports import HubGone, HubRefused, HubUnavailable
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull, Repository

FINE_GRAINED = {"contents": "read", "issues": "write", "pull_requests": "write"}


Connect = Callable[..., Remote]


@pytest.fixture
async def connect(github: GitHub) -> AsyncIterator[Connect]:
    """Somebody at GitHub, by a token of their own unless one is given."""
    opened: list[GitHubPerson] = []

    def connect(token: str = "", **bounds: object) -> Remote:
        mona = github.sandbox.user("mona")
        token = token or github.sandbox.tokens.for_user(mona, **bounds).value
        person = GitHubPerson.connect(token=token, api_url=github.sandbox.url, clock=github.clock)
        opened.append(person)
        return Remote(person, GitHubCommandHub(person.access))

    yield connect
    for person in opened:
        await person.aclose()


@pytest.fixture
def mona(github: GitHub, shop: Repository, connect: Connect) -> Remote:
    github.sandbox.set_role(shop, github.sandbox.user("mona"), "write")
    return connect()


def merged(github: GitHub, shop: Repository, title: str, *, checked: bool = True) -> Pull:
    pull = github.sandbox.open_pull(shop, title)
    if checked:
        github.sandbox.create_check(
            shop, github.sandbox.app, pull.head_sha, "lockgate/commits", conclusion="success"
        )
    github.sandbox.merge(pull, "squash")
    return pull


async def test_a_comment_is_the_person_s_own(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = PullRef(await mona.person.fetch_repository("octo", "shop"), pull.number)
    posted = await mona.person.post_comment(ref, "/status")
    (comment,) = github.sandbox.comments_of(pull)
    assert (comment.author.login, comment.app) == ("mona", None)
    assert (posted.id, posted.login) == (comment.id, "mona")
    assert posted.url.endswith(f"/octo/shop/pull/{pull.number}#issuecomment-{comment.id}")
    assert github.seen.routes() == [
        "GET /repos/{owner}/{repo}",
        "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    ], "no token was minted"


async def test_a_look_shows_who_wrote_what_and_costs_nothing_the_second_time(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    sandbox = github.sandbox
    pull = sandbox.open_pull(shop, "feat: x")
    sandbox.comment(pull, "long ago", by=sandbox.user("ada"))
    github.clock.ahead = timedelta(minutes=5)
    ref = PullRef(await mona.person.fetch_repository("octo", "shop"), pull.number)
    posted = await mona.person.post_comment(ref, "/status")
    said = sandbox.comment(pull, "answer", app=sandbox.app)
    sandbox.react(sandbox.comments_of(pull)[1].reactions, "eyes", sandbox.app.bot)
    look = await mona.person.fetch_look(ref, posted)
    app = sandbox.app.id
    assert [(each.writer, each.content) for each in look.reactions] == [
        (Writer("lockgate[bot]", is_bot=True), "eyes")
    ]
    assert [(each.writer, each.body) for each in look.remarks] == [
        (Writer("mona", is_bot=False), "/status"),
        (Writer("lockgate[bot]", is_bot=True, app_id=app), said.body),
    ]
    github.seen.clear()
    assert await mona.person.fetch_look(ref, posted) == look
    assert [each.status for each in github.seen.exchanges] == [304, 304]


async def test_more_comments_than_a_page_are_all_seen(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = PullRef(await mona.person.fetch_repository("octo", "shop"), pull.number)
    posted = await mona.person.post_comment(ref, "/status")
    for number in range(120):
        github.sandbox.comment(pull, f"comment {number}", by=github.sandbox.user("ada"))
    assert len((await mona.person.fetch_look(ref, posted)).remarks) == 121
    assert len(await mona.person.fetch_remarks(ref)) == 100, "the first page is enough"


async def test_a_renamed_repository_is_found_and_written_to_by_its_name(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    pull = merged(github, shop, "feat: x")
    github.sandbox.rename(shop, "store")
    facts = await mona.find_pull("octo", "shop", number=0, named=None)
    assert str(facts.ref) == f"octo/store#{pull.number}"
    await mona.post(facts, "/status")
    assert [each.status for each in github.seen.exchanges if each.method == "POST"][-1] == 201


@pytest.mark.parametrize("permissions", [{"contents": "read"}, {"pull_requests": "read"}])
async def test_a_token_that_may_not_comment_is_refused(
    github: GitHub, shop: Repository, connect: Connect, permissions: dict[str, str]
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    hand = connect(permissions=permissions)
    ref = PullRef(await hand.person.fetch_repository("octo", "shop"), pull.number)
    with pytest.raises(HubRefused, match="Resource not accessible by personal access token"):
        await hand.person.post_comment(ref, "/status")
    assert github.sandbox.comments_of(pull) == []


async def test_a_bad_token_is_refused_once_and_shown_nowhere(
    github: GitHub, shop: Repository, connect: Connect
) -> None:
    person = connect("ghp_thisIsNoToken").person
    with pytest.raises(HubRefused, match="401: Bad credentials") as refused:
        await person.fetch_repository("octo", "shop")
    assert "ghp_" not in repr(refused.value.__cause__) + str(refused.value) + repr(vars(person))
    assert len(github.seen.exchanges) == 1


async def test_a_comment_that_may_have_been_posted_is_not_posted_again(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    ref = PullRef(await mona.person.fetch_repository("octo", "shop"), pull.number)
    github.sandbox.faults.cut("POST /repos/*/comments", after=True)
    with pytest.raises(HubUnavailable):
        await mona.person.post_comment(ref, "/promote")
    assert len(github.sandbox.comments_of(pull)) == 1


async def test_the_policy_is_that_of_the_default_branch(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    for branch, text in (("main", "commits: {enforce: title}"), ("next", "commits: {}")):
        policy = CommitSpec("chore: policy", {POLICY_PATH: text})
        github.sandbox.push(shop, branch, policy)
    repo = await mona.person.fetch_repository("octo", "shop")
    files = await mona.commands.fetch_trunk_policy(repo)
    assert files.repository == FoundFile("octo/shop", POLICY_PATH, "commits: {enforce: title}")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("environments: {eu: {vercel: {project: a, domain: a.example.com}}}", ["eu"]),
        ("environments: [1", []),
        ("commits: {enforce: title}", []),
    ],
)
async def test_environments_are_known_only_from_a_policy_that_can_be_used(
    github: GitHub, shop: Repository, mona: Remote, text: str, names: list[str]
) -> None:
    pull = github.sandbox.open_pull(shop, "feat: x")
    github.sandbox.push(shop, "main", CommitSpec("chore: policy", {POLICY_PATH: text}))
    facts = await mona.find_pull("octo", "shop", number=pull.number, named=None)
    assert list(await mona.fetch_environments(facts.ref.repo)) == names


# where to type


async def test_the_pull_request_that_brought_a_commit_to_the_trunk(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    first, second = merged(github, shop, "feat: x"), merged(github, shop, "feat: y")
    github.sandbox.create_release(shop, "v1.0.0", target=first.merge_commit_sha)
    for number, named, found in (
        (0, None, second),
        (0, ShaPrefix(first.merge_commit_sha[:7]), first),
        (0, TagName("v1.0.0"), first),
        (first.number, ShaPrefix(second.merge_commit_sha), first),
    ):
        facts = await mona.find_pull("octo", "shop", number=number, named=named)
        assert facts.ref.number == found.number


async def test_where_there_is_none_one_has_to_be_named(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    github.sandbox.push(shop, "main", CommitSpec("feat: straight to the trunk"))
    with pytest.raises(NowhereToType, match="newest commit of `main`") as nowhere:
        await mona.find_pull("octo", "shop", number=0, named=None)
    assert "--pull N" in nowhere.value.remedy
    for owner, number, named in (
        ("octo", 99, None),
        ("octo", 0, TagName("v9")),
        ("nobody", 0, None),
    ):
        with pytest.raises(HubGone):
            await mona.find_pull(owner, "shop", number=number, named=named)


# who answers


async def test_the_app_that_has_checked_the_head_or_what_was_merged(
    github: GitHub, shop: Repository, mona: Remote
) -> None:
    app = BotApp("lockgate", github.sandbox.app.id)
    checked = merged(github, shop, "feat: x")
    bare = merged(github, shop, "feat: y", checked=False)
    facts = await mona.find_pull("octo", "shop", number=checked.number, named=None)
    assert await mona.find_app(facts) == app
    facts = await mona.find_pull("octo", "shop", number=bare.number, named=None)
    with pytest.raises(NowhereToType) as nowhere:
        await mona.find_app(facts)
    assert "--app SLUG" in nowhere.value.remedy
    github.sandbox.create_check(
        shop, github.sandbox.app, bare.merge_commit_sha, "lockgate/promotion", conclusion="success"
    )
    assert await mona.find_app(facts) == app
    other = github.sandbox.create_app("other", permissions={"checks": "write"})
    github.sandbox.install(other, shop.owner)
    github.sandbox.create_check(
        shop, other, bare.merge_commit_sha, "lockgate/commits", conclusion="success"
    )
    with pytest.raises(NowhereToType, match="more than one App"):
        await mona.find_app(facts)


async def test_a_token_that_is_shown_no_checks_knows_the_app_by_its_comment(
    github: GitHub, shop: Repository, connect: Connect
) -> None:
    sandbox = github.sandbox
    pull = merged(github, shop, "feat: x")
    shop.private = True
    sandbox.set_role(shop, sandbox.user("mona"), "read")
    hand = connect(permissions=FINE_GRAINED)
    facts = await hand.find_pull("octo", "shop", number=0, named=None)
    with pytest.raises(HubRefused):
        await hand.commands.fetch_checks(facts.ref.repo, facts.head_sha)
    sandbox.comment(pull, "<!-- lockgate:summary -->", by=sandbox.user("mallory"))
    with pytest.raises(NowhereToType):
        await hand.find_app(facts)
    sandbox.comment(pull, "<!-- lockgate:summary -->", app=sandbox.app)
    assert await hand.find_app(facts) == BotApp("lockgate", sandbox.app.id)
    assert set(await hand.fetch_environments(facts.ref.repo)) == set()
    assert (await hand.post(facts, "/status")).login == "mona"
