"""What people type, as hostile or unlucky as it may be."""

import hashlib
import itertools
import secrets

import pytest
from journey import SQUASH_WITH_TITLE
from production import POLICY, Production

from bot.core.commands.grammar import Silence, read_comment
from bot.core.operations.machine import State
from bot.core.policy import POLICY_PATH
from bot.sandbox.code import CommitSpec

pytestmark = pytest.mark.slow


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
    await production.change_policy(f"{POLICY}    bots: [{ours.bot.id}, {theirs.bot.id}]\n")
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
