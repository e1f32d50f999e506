"""What people type, and what happens meanwhile, as hostile or unlucky as it may be."""

import hashlib
import itertools
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from journey import SQUASH_WITH_TITLE
from production import POLICY, Production

from bot.core.commands.grammar import Silence, read_comment
from bot.core.operations.machine import State, StepName
from bot.core.policy import POLICY_PATH
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull

pytestmark = pytest.mark.slow


async def change_policy(production: Production, more: str) -> None:
    policy = POLICY.replace("requires: [source, checks, deployment, freeze, lock]", more)
    production.github.push(
        production.repository, "main", CommitSpec("chore: change policy", {POLICY_PATH: policy})
    )
    await production.journey.rest()


async def nothing_was_done(production: Production) -> None:
    assert await production.operations() == []
    assert production.switches() == []
    assert production.live is None


# who asks


async def test_who_may_not_is_refused_or_not_heard(production: Production):
    github = production.github
    pull = production.merged("feat: add search")
    github.set_role(production.repository, github.user("eve"), "read")
    said = await production.say(pull, "/promote", by="eve")
    assert "refused" in said
    assert "you have the role `read`" in said
    assert production.reactions == ["eyes", "-1"]
    said = await production.say(pull, "/rollback", by="mona")
    assert "refused" in said
    comment = github.comment(pull, "/promote", app=production.ci)
    await production.journey.rest()
    assert production.answer_to(pull, comment) == ""
    assert production.reactions == [], "two bots must not talk to each other"
    await nothing_was_done(production)
    entries = await production.journey.bot.audit.fetch_entries(kind="command")
    assert [entry.entry.detail["refused"] for entry in entries] == [True, True]


async def test_a_bot_that_the_policy_names_is_heard_and_the_bot_itself_never(
    production: Production,
):
    github, ours, theirs = production.github, production.github.app, production.ci
    await change_policy(
        production,
        "requires: [source, checks, deployment, freeze, lock]\n"
        f"    bots: [{ours.bot.id}, {theirs.bot.id}]",
    )
    for app in (ours, theirs):
        github.set_role(production.repository, app.bot, "admin")
    pull = production.merged("feat: add search")
    comment = github.comment(pull, "/promote", app=ours)
    await production.journey.rest()
    assert production.answer_to(pull, comment) == ""
    assert production.reactions == []
    await nothing_was_done(production)
    comment = github.comment(pull, "/promote", app=theirs)
    await production.nothing_left()
    assert "Live:" in production.answer_to(pull, comment)
    assert await production.served() == pull.merge_commit_sha
    github.set_role(production.repository, theirs.bot, "write")
    comment = github.comment(pull, "/rollback", app=theirs)
    await production.nothing_left()
    assert "you have the role `write`" in production.answer_to(pull, comment)


async def test_a_comment_that_was_edited_is_refused(idle_production: Production):
    production = idle_production
    pull = production.merged("feat: add search")
    comment = production.comment(pull, "/status", by="mona")
    await production.github.hooks.settled()
    production.github.edit_comment(comment, "/promote", by=production.github.user("ada"))
    async with production.journey.working():
        await production.journey.rest()
        said = production.answer_to(pull, comment)
        assert "edited" in said
        production.github.edit_comment(comment, "/rollback", by=production.github.user("ada"))
        await production.journey.rest()
    assert len([c for c in production.journey.comments_of(pull) if c.id > comment.id]) == 1
    await nothing_was_done(production)


async def test_a_fork_is_not_promoted_from(production: Production):
    github = production.github
    fork = github.fork(production.repository, github.user("eve"))
    pull = github.open_pull(
        production.repository, "feat: add search", fork=fork, by=github.user("eve")
    )
    assert "fork" in await production.say(pull, "/promote")
    assert "refused" in await production.say(pull, "/promote", by="eve")
    assert "fork" in await production.say(pull, "/rollback")
    await nothing_was_done(production)


# what is asked for


@pytest.mark.parametrize(
    "body",
    [
        "> /promote",
        "```\n/promote\n```",
        "    /promote",
        "`/promote`",
        "<!-- /promote -->",
        "<!--\n/promote\n-->",
        "Please /promote this",
        "On Monday Ada wrote:\n> /promote\n> /rollback",
        "-- \nSent from my phone\n/promote@example.com",
    ],
)
def test_what_is_no_command_is_silence(body: str):
    assert isinstance(read_comment(body), Silence)


async def test_what_cannot_be_meant_is_refused(production: Production):
    github = production.github
    pull = await production.live_build("feat: add search")
    other = github.create_repository("octo/other", **SQUASH_WITH_TITLE)
    aside = production.opened("feat: not merged yet")
    before = len(await production.operations())
    production.switches()
    unknown, elsewhere = secrets.token_hex(20), other.branch("main")
    short = pull.merge_commit_sha[:4]
    no_target = "is no tag, no commit's id of 7 to 40 hexadecimal digits and no number"
    for line, words in (
        ("/rollback ../../v1/user", f"`../../v1/user` {no_target}"),
        ("/rollback v1/../../user", f"`v1/../../user` {no_target}"),
        ("/promote ../../v1/user", "`../../v1/user` is no tag and no commit's id"),
        ("/promоte", "holds U+043E (CYRILLIC SMALL LETTER O)"),
        ("/rollback 9", "No other build was seen to work on production"),
        ("/rollback 99", "One can go back 1 to 20 builds by counting, not 99"),
        ("/rollback 0", "One can go back 1 to 20 builds by counting, not 0"),
        ("/rollback v9.9.9", "Rollback to `v9.9.9` on production refused.** It was never live"),
        ("/promote Nowhere", "`Nowhere` is no tag and no branch"),
        (f"/promote {unknown}", f"`{unknown}` is no tag and no branch, and no one commit's id"),
        (f"/promote {elsewhere}", f"`{elsewhere}` is no tag and no branch"),
        (f"/promote {aside.head_sha}", "is not on the trunk"),
        (f"/promote {aside.head_sha[:7]}", "is not on the trunk"),
        (f"/promote x{short}", f"`x{short}` is no tag and no branch"),
        ("/promote staging", "`staging` is no tag and no branch"),
        ("/promote\n/rollback", "The comment has 2 commands, `/promote` and `/rollback`"),
    ):
        said = await production.say(pull, line)
        live = production.live
        assert live is not None, line
        assert live.sha == pull.merge_commit_sha, line
        assert "refused" in said or "Not understood, and nothing was done" in said, (line, said)
        assert words in said, (line, said)
    assert production.switches() == []
    started = (await production.operations())[: len(await production.operations()) - before]
    assert {each.state for each in started} <= {State.REFUSED}
    await production.nothing_left()


def twins(production: Production) -> tuple[str, str]:
    """Two commits on the trunk's head whose ids begin alike, found by trying: the first becomes
    the trunk's head, the second a branch's."""
    repository = production.repository
    git, tip = repository.git, repository.branch("main")
    seen: dict[bytes, bytes] = {}
    for number in itertools.count():
        who = b"Mona <mona@example.com> 1700000000 +0000"
        content = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\nfeat: add part %d\n" % (
            git.store.commit(tip).tree.encode(),
            tip.encode(),
            who,
            who,
            number,
        )
        named = hashlib.sha1(b"commit %d\0" % len(content) + content).digest()
        begin = named[:3] + bytes([named[3] & 0xF0])  # 7 hexadecimal digits
        if begin in seen:
            one, two = (git.store.write_object("commit", each) for each in (seen[begin], content))
            production.github.move_refs(
                repository, {"refs/heads/main": one, "refs/heads/aside": two}
            )
            return one, two
        seen[begin] = content
    raise AssertionError("counting has an end")


async def test_an_ambiguous_commit_is_refused(production: Production):
    """Nobody is asked to guess, though only one of the two is on the trunk."""
    pull = production.merged("feat: add search")
    one, two = twins(production)
    production.github.create_check(
        production.repository, production.ci, one, "test", conclusion="success"
    )
    await production.journey.rest()
    assert one[:7] == two[:7]
    said = await production.say(pull, f"/promote {one[:7]}")
    assert f"`{one[:7]}` is no tag and no branch, and no one commit's id begins so." in said
    await nothing_was_done(production)
    assert "Live:" in await production.say(pull, f"/promote {one}")
    assert await production.served() == one


async def test_a_push_after_the_comment_is_refused(idle_production: Production):
    production = idle_production
    policy = POLICY + "    source: approved\n"
    production.github.push(
        production.repository, "main", CommitSpec("chore: change policy", {POLICY_PATH: policy})
    )
    pull = production.opened("feat: add search")
    await production.github.hooks.settled()
    seen = pull.head_sha
    async with production.journey.working():
        await production.journey.rest()
    comment = production.comment(pull, "/promote")
    await production.github.hooks.settled()
    production.github.push(production.repository, pull.head_ref, "one more")
    await production.github.hooks.settled()
    async with production.journey.working():
        await production.journey.rest()
    said = production.answer_to(pull, comment)
    assert "refused" in said
    assert seen[:7] in said
    assert pull.head_sha[:7] in said
    await nothing_was_done(production)


# who asks at the same time


async def test_two_maintainers_promote_at_once(production: Production):
    first, second = production.merged("feat: add search"), production.merged("feat: sort by price")
    production.github.set_role(production.repository, production.github.user("bob"), "maintain")
    production.vercel.switch_seconds = None
    one = production.comment(first, "/promote")
    await production.until_step_finds("the host's job is pending")
    two = production.comment(second, "/promote", by="bob")
    await production.journey.until(
        lambda: (
            "number 1 in the queue" in production.answer_to(second, two)
            or any(
                "number 1 in the queue" in c.body for c in production.journey.comments_of(second)
            )
        ),
        "the second one is not told that it waits",
    )
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.nothing_left()
    assert await production.served() == second.merge_commit_sha
    assert production.switches() == [
        f"promote/{production.build_of(pull).id}" for pull in (first, second)
    ]
    production.answer_to(first, one)
    assert production.reactions == ["eyes", "rocket"]
    ledger = await production.journey.bot.operations.fetch_ledger(
        production.repository.id, "production"
    )
    assert [entry.actor for entry in ledger] == ["bob", "ada"]


@pytest.mark.long
async def test_the_same_build_is_promoted_twice_at_once(production: Production):
    pull = production.merged("feat: add search")
    production.github.set_role(production.repository, production.github.user("bob"), "maintain")
    production.comment(pull, "/promote")
    production.comment(pull, "/promote", by="bob")
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    assert production.build_of(pull).was_live == 1
    assert {each.state for each in await production.operations()} == {State.SUCCEEDED}


async def test_a_rollback_supersedes_a_promotion_that_is_under_way(production: Production):
    """Back to what was live when the promotion began, and not one build further."""
    await production.live_build("feat: add search")
    good = await production.live_build("feat: sort by price")
    bad = production.merged("feat: break everything")
    production.vercel.switch_seconds = None
    promoting = production.comment(bad, "/promote")
    await production.until_step_finds("the host's job is pending")
    rolling = production.comment(bad, "/rollback")
    await production.journey.until(
        lambda: (
            "superseded" in production.answer_to(bad, promoting)
            or any("superseded" in c.body for c in production.journey.comments_of(bad))
        ),
        "the promotion is not superseded",
    )
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.nothing_left()
    back, promotion = (await production.operations())[:2]
    assert (back.state, promotion.state) == (State.SUCCEEDED, State.SUPERSEDED)
    assert await production.served() == good.merge_commit_sha
    assert "Rolled back" in production.answer_to(bad, rolling)
    assert production.reactions == ["eyes", "rocket"]
    production.answer_to(bad, promoting)
    assert production.reactions == ["eyes", "-1"]


# commands about operations and environments


async def until_waiting(production: Production, pull: Pull, line: str) -> None:
    production.comment(pull, line)
    await production.until(State.WAITING)


async def test_a_promotion_waits_for_a_check_that_turns_green(production: Production):
    github = production.github
    pull = production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    check = github.create_check(
        production.repository, production.ci, pull.merge_commit_sha, "test", status="in_progress"
    )
    await production.journey.rest()
    assert "refused" in await production.say(pull, "/promote")
    await until_waiting(production, pull, "/promote --when-ready")
    comments = production.journey.comments_of
    await production.journey.until(
        lambda: "Waiting to promote" in comments(pull)[-1].body, "nobody is told that it waits"
    )
    assert "`test`" in comments(pull)[-1].body, "nor what for"
    github.update_check(check, conclusion="success")
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha


@pytest.mark.parametrize("unread", [False, True])
async def test_a_promotion_that_waited_asks_again_who_may(production: Production, unread: bool):
    github, bob = production.github, production.github.user("bob")
    github.set_role(production.repository, bob, "maintain")
    pull = production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    check = github.create_check(
        production.repository, production.ci, pull.merge_commit_sha, "test", status="in_progress"
    )
    comment = production.comment(pull, "/promote --when-ready", by="bob")
    await production.until(State.WAITING)
    if unread:
        github.faults.answer("GET */collaborators/bob/permission", 403, times=None)
    else:
        github.set_role(production.repository, bob, "write")
    github.update_check(check, conclusion="success")
    ended = await production.until(State.SUCCEEDED, State.REFUSED, State.FAILED, concluded=True)
    assert ended.state is State.REFUSED
    await production.nothing_left()
    said = production.answer_to(pull, comment)
    if unread:
        assert "What role bob has could not be read from GitHub" in said
    else:
        words = "It takes the role `maintain` or `admin`; bob has the role `write` now."
        assert words in said
        assert "Next: ask somebody who has it" in said
    assert "Production is unchanged." in said
    assert production.reactions == ["eyes", "-1"]
    assert production.switches() == []
    assert production.live is None


async def test_a_promotion_that_stood_in_the_queue_asks_again_who_may(production: Production):
    """Its gates had passed. A rollback goes on: it needs no word of GitHub's."""
    good = await production.live_build("feat: add search")
    first, second = production.merged("feat: sort by price"), production.merged("feat: pay")
    github, bob = production.github, production.github.user("bob")
    github.set_role(production.repository, bob, "maintain")
    production.vercel.switch_seconds = None
    production.comment(first, "/promote")
    await production.until_step_finds("the host's job is pending")
    comment = production.comment(second, "/promote", by="bob")
    await production.until_step_finds("holds the environment")
    github.set_role(production.repository, bob, "none")
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert (await production.newest()).state is State.REFUSED
    assert "bob has the role `read` now" in production.answer_to(second, comment)
    assert await production.served() == first.merge_commit_sha
    assert "Rolled back" in await production.say(first, "/rollback")
    assert await production.served() == good.merge_commit_sha


async def test_what_waits_can_be_cancelled(production: Production):
    github = production.github
    pull = production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    github.create_check(
        production.repository, production.ci, pull.merge_commit_sha, "test", status="in_progress"
    )
    await until_waiting(production, pull, "/promote --when-ready")
    comment = production.comment(pull, "/cancel")
    await production.until(State.CANCELLED, concluded=True)
    await production.nothing_left()
    assert "cancelled" in production.answer_to(pull, comment)
    assert "refused" in await production.say(pull, "/cancel")
    assert production.live is None


async def test_what_waits_too_long_is_given_up(production: Production):
    github = production.github
    pull = production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    github.create_check(
        production.repository, production.ci, pull.merge_commit_sha, "test", status="in_progress"
    )
    await until_waiting(production, pull, "/promote --when-ready")
    await production.run_out_of_time()
    ended = await production.until(State.FAILED, concluded=True)
    assert "Production is unchanged" in ended.outcome
    await production.nothing_left()


async def test_what_has_reached_the_host_is_not_cancelled(production: Production):
    pull = production.merged("feat: add search")
    production.vercel.switch_seconds = None
    production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    comment = production.comment(pull, "/cancel")
    await production.journey.until(
        lambda: any("Cancelling" in c.body for c in production.journey.comments_of(pull)),
        "the cancelling is not answered",
    )
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.nothing_left()
    assert "/rollback" in production.answer_to(pull, comment)
    assert await production.served() == pull.merge_commit_sha


async def test_an_override_is_for_few_and_counts_once(production: Production):
    github = production.github
    github.set_role(production.repository, github.user("bob"), "maintain")
    red = production.merged("fix: stop losing carts")
    production.green(red, "failure")
    assert "refused" in await production.say(red, "/override checks production is down")
    assert "refused" in await production.say(red, "/promote")
    said = await production.say(red, "/override checks production is down", by="bob")
    assert "refused" in said
    assert "`admin`" in said
    assert production.live is None
    await production.say(red, "/override checks production is down")
    await production.nothing_left()
    assert await production.served() == red.merge_commit_sha
    newest = await production.newest()
    assert newest.overrides == {"checks": "ada: production is down"}
    bodies = [comment.body for comment in production.journey.comments_of(red)]
    assert any("[!CAUTION]" in body and "set aside by ada" in body for body in bodies)
    entries = await production.journey.bot.audit.fetch_entries(kind="promotion")
    assert any(entry.entry.detail["overrides"] for entry in entries)
    again = production.merged("feat: sort by price")
    production.green(again, "failure")
    assert "refused" in await production.say(again, "/promote"), "it counted for one operation"
    assert await production.served() == red.merge_commit_sha


async def test_an_override_moves_production_to_nothing_that_was_refused_before(
    production: Production,
):
    """Nor to what another pull request is about, until it is asked for on this one."""
    stale = production.merged("feat: add search")
    production.green(stale, "failure")
    assert "refused" in await production.say(stale, "/promote")
    good = await production.live_build("feat: sort by price")
    production.switches()
    said = await production.say(good, "/override checks the runner is down")
    assert "Override of `checks` refused" in said
    assert f"`{good.merge_commit_sha[:7]}` went live since" in said
    assert production.reactions == ["eyes", "-1"]
    assert "refused" in await production.say(stale, "/promote")
    said = await production.say(good, "/override checks the runner is down")
    assert f"was begun on pull request {stale.number}" in said
    await production.nothing_left()
    assert production.switches() == []
    assert await production.served() == good.merge_commit_sha


async def test_a_freeze_holds_until_it_is_thawed(production: Production):
    pull = production.merged("feat: add search")
    until = datetime.now(UTC).date() + timedelta(days=3)
    said = await production.say(pull, f"/freeze until {until} nobody is here")
    assert "frozen by ada until" in said
    assert "refused" in await production.say(pull, "/promote")
    assert production.live is None
    assert "thawed" in await production.say(pull, "/thaw")
    assert "Live:" in await production.say(pull, "/promote")
    assert await production.served() == pull.merge_commit_sha


async def test_a_release_is_promoted_where_the_policy_says_so(production: Production):
    await change_policy(
        production, "requires: [source, deployment, freeze, lock]\n    on_release: promote"
    )
    github, pull = production.github, production.merged("feat: add search")
    await production.journey.rest()
    github.create_release(
        production.repository, "v1.0.0", target=pull.merge_commit_sha, by=github.user("ada")
    )
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    newest = await production.newest()
    assert newest.plan.build.tag == "v1.0.0"
    assert newest.actor.login == "ada"


@pytest.mark.parametrize("by_itself", [pytest.param(False, marks=pytest.mark.long), True])
async def test_a_release_does_not_undo_a_rollback_until_somebody_promotes(
    production: Production, by_itself: bool
):
    await change_policy(
        production, "requires: [source, deployment, freeze, lock]\n    on_release: promote"
    )
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")

    async def release(tag: str) -> str:
        production.github.create_release(
            production.repository,
            tag,
            target=bad.merge_commit_sha,
            by=production.github.user("ada"),
        )
        await production.nothing_left()
        return await production.served()

    if by_itself:
        production.vercel.plan_job(production.project, "failed")
        await production.say(bad, "/promote")
    else:
        await production.say(bad, "/promote")
        assert "Rolled back" in await production.say(bad, "/rollback")
    assert await release("v1.0.0") == good.merge_commit_sha
    assert "held since the rollback" in await production.say(bad, "/status")
    assert "Live:" in await production.say(good, "/promote")
    assert "held since" not in await production.say(bad, "/status")
    assert "already" in await production.say(good, "/promote")
    assert await release("v1.0.1") == bad.merge_commit_sha


@pytest.mark.parametrize("on_failure", ["rollback", pytest.param("hold", marks=pytest.mark.long)])
async def test_what_nobody_knows_holds_releases_until_somebody_promotes(
    production: Production, on_failure: str
):
    """After a way back that failed too, or that nobody was to take. A release that waited meanwhile
    is not promoted either."""
    await change_policy(
        production,
        "requires: [source, deployment, freeze, lock]\n    on_release: promote\n"
        f"    on_failure: {on_failure}",
    )
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")
    await production.journey.rest()

    async def publish(tag: str) -> None:
        production.github.create_release(
            production.repository,
            tag,
            target=bad.merge_commit_sha,
            by=production.github.user("ada"),
        )
        await production.github.hooks.settled()

    production.vercel.plan_job(production.project, "failed", left_behind=["www.shop.example.com"])
    if on_failure == "rollback":
        production.vercel.plan_job(production.project, "failed")
    production.vercel.switch_seconds = None
    production.comment(bad, "/promote")
    await production.until_step_finds("the host's job is pending")
    await publish("v1.0.0")  # it waits its turn

    async def queued() -> bool:
        return len(await production.operations()) == 3

    await production.journey.until(queued, "the release is not promoted", 20)
    released = await production.newest()
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.nothing_left()
    *back, waited, promotion, _ = await production.operations()
    assert [(each.follows, each.state) for each in back] == (
        [(promotion.id, State.FAILED)] if on_failure == "rollback" else []
    )
    assert waited.id == released.id
    [unknown] = back or [promotion]
    doubted = f"since operation {unknown.id}, a {unknown.plan.kind.noun}"
    if back:
        assert waited.state is State.SUPERSEDED
    else:
        assert waited.state is State.REFUSED
        assert doubted in waited.outcome
    await publish("v1.0.1")
    await production.nothing_left()
    assert len(await production.operations()) == 3 + len(back)
    assert doubted in await production.say(bad, "/status")
    assert "Live:" in await production.say(good, "/promote")
    assert "held since" not in await production.say(bad, "/status")
    await publish("v1.0.2")
    await production.nothing_left()
    assert await production.served() == bad.merge_commit_sha


# what happens meanwhile


async def test_a_repository_is_renamed_meanwhile(production: Production):
    pull = production.merged("feat: add search")
    production.vercel.switch_seconds = None
    comment = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    production.github.rename(production.repository, "store")
    production.vercel.repositories["octo/store"] = production.project
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    assert "Live:" in production.answer_to(pull, comment)
    assert production.reactions == ["eyes", "rocket"]
    following = production.merged("feat: sort by price")
    assert "Live:" in await production.say(following, "/promote")
    assert "Rolled back" in await production.say(following, "/rollback")


@pytest.mark.long
async def test_a_pull_request_is_closed_and_reopened(production: Production):
    """What it holds is no part of the trunk at any time; the trunk's own builds go on."""
    await production.live_build("feat: add search")
    pull = production.opened("feat: sort by price")
    github = production.github
    for change in (github.close, github.reopen):
        change(pull)
        await production.journey.rest()
        production.switches()
        said = await production.say(pull, "/promote")
        assert "not on" in said
        assert production.switches() == []
    github.merge(pull, "squash", by=github.user("ada"))
    production.green(pull)
    assert "Live:" in await production.say(pull, "/promote")


async def test_the_app_is_uninstalled_meanwhile(production: Production):
    """Nothing can be told any more; the operation ends, and holds nothing."""
    github, pull = production.github, production.merged("feat: add search")
    production.vercel.switch_seconds = None
    production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    github.uninstall(github.installation_of(github.app, production.repository))
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    ended = await production.until(State.SUCCEEDED, State.FAILED, concluded=True)
    assert await production.served() == pull.merge_commit_sha
    assert ended.state is State.SUCCEEDED
    await production.journey.rest()
    operations = production.journey.bot.operations
    assert await operations.fetch_holder(production.repository.id, "production") is None
    health = await production.journey.bot.store.queue_health()
    assert health.dead == 0


async def test_the_app_is_uninstalled_before_the_gates(production: Production):
    github = production.github
    pull = production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    github.create_check(
        production.repository, production.ci, pull.merge_commit_sha, "test", status="in_progress"
    )
    await until_waiting(production, pull, "/promote --when-ready")
    github.uninstall(github.installation_of(github.app, production.repository))
    operator = production.journey.bot.engine.shipping.operator
    await operator.wake(await production.newest())
    ended = await production.until(State.FAILED, State.REFUSED, concluded=True)
    assert ended.outcome
    await production.journey.rest()
    assert production.live is None


async def test_a_command_whose_job_runs_again_is_written_down_once(production: Production):
    """As after a kill: all is done again, from the reading of the comment."""
    pull = production.opened("feat: add search")
    answers = f"/repos/octo/shop/issues/{pull.number}/comments"
    production.github.faults.answer(f"POST {answers}", 502, times=None)
    comment = production.comment(pull, "/status\n\n/gates")
    asked = production.journey.requests.seen
    await production.journey.until(
        lambda: sum((each.method, each.path) == ("POST", answers) for each in asked) > 1,
        "the answer is not tried again",
    )
    production.github.faults.clear()
    await production.nothing_left()
    assert production.answer_to(pull, comment)
    entries = await production.journey.bot.audit.fetch_entries(kind="command")
    assert sorted(entry.entry.detail["line"] for entry in entries) == ["/gates", "/status"]


async def test_a_rollback_works_while_github_is_down(production: Production):
    """From the moment the command was read: it is told afterwards."""
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    comment = production.comment(bad, "/rollback")
    await production.journey.until(
        lambda: any(each.content == "eyes" for each in comment.reactions), "it is not read"
    )

    async def begun() -> bool:
        return len(await production.operations()) == 3

    await production.journey.until(begun, "nothing is rolled back")
    production.github.faults.answer("*", 502, times=None)
    newest = await production.until(State.SUCCEEDED, concluded=True)
    assert await production.served() == good.merge_commit_sha
    assert newest.step(StepName.RELEASE).ended_at is not None
    took = newest.step(StepName.RELEASE).ended_at - newest.requested_at
    assert took.total_seconds() < 120
    production.github.faults.clear()
    await production.nothing_left()
    assert "Rolled back" in production.answer_to(bad, comment)
    assert production.reactions == ["eyes", "rocket"]


async def test_a_rollback_does_not_wait_for_a_github_that_hangs(
    production: Production, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.engine.steps._TELL_WITHIN", 0.2)
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    production.github.faults.slow("GET */deployments", 10, times=1)
    assert "Rolled back" in await production.say(bad, "/rollback")
    assert await production.served() == good.merge_commit_sha
    newest = await production.newest()
    assert newest.step(StepName.ANNOUNCE).found.startswith("GitHub was not told")
    took = newest.step(StepName.SWITCH).started_at - newest.requested_at
    assert took.total_seconds() < 5


async def test_a_branch_of_somebodys_own_has_no_say_in_who_moves_production(
    production: Production,
):
    await production.live_build("feat: add search")
    github, repository = production.github, production.repository
    following = production.merged("feat: sort by price")
    lax = "environments:\n  production:\n    vercel: {project: shop, domain: shop.example.com}\n"
    lax += "    requires: [source]\n    roles: [write, maintain, admin]\n"
    github.push(repository, "lax", CommitSpec("chore: ask for less", {POLICY_PATH: lax}))
    pull = github.open_pull(repository, "feat: x", base="lax", by=github.user("mona"))
    await production.journey.rest()
    production.switches()
    said = await production.say(pull, f"/promote {following.merge_commit_sha}", by="mona")
    assert "you have the role `write`" in said
    assert production.switches() == []
    remembered = await production.journey.bot.operations.fetch_policy(repository.id)
    assert "write" not in remembered[0]
