"""Promotions that wait: for each other, for gates, and for people who change their minds."""

import psycopg
import pytest
from production import DOMAIN, POLICY, Production

from bot.core.operations.machine import State
from bot.core.policy import POLICY_PATH
from bot.core.render.operation_markers import asked_in
from bot.sandbox.code import CommitSpec

pytestmark = pytest.mark.slow


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


async def test_the_same_build_is_promoted_twice_at_once(production: Production):
    pull = production.merged("feat: add search")
    production.github.set_role(production.repository, production.github.user("bob"), "maintain")
    production.vercel.switch_seconds = None
    one = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    two = production.comment(pull, "/promote", by="bob")
    await production.until_step_finds("holds the environment")
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert production.switches() == [f"promote/{production.build_of(pull).id}"]
    assert {each.state for each in await production.operations()} == {State.SUCCEEDED}
    said = {asked_in(each.body): each.body for each in production.journey.comments_of(pull)}
    sha = pull.merge_commit_sha[:7]
    assert f"**Live: `{sha}` on production in" in said[one.id]
    assert f"**`{sha}` is live on production already, since 20" in said[two.id]
    assert "Live:" not in said[two.id]
    production.answer_to(pull, two)
    assert production.reactions == ["eyes", "rocket"]
    (entry,) = await production.ledger()
    assert entry.actor == "ada"


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


async def test_a_promotion_that_is_typed_during_a_rollback_waits_for_its_end(
    production: Production,
):
    """It was asked for later, and is what is wanted now."""
    await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    mended = production.merged("fix: mend everything")
    await production.journey.rest()
    production.vercel.switch_seconds = None
    rolling = production.comment(bad, "/rollback")
    await production.until_step_finds("the host's job is pending")
    production.comment(mended, "/promote")
    await production.until_step_finds("goes first")
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert "Rolled back" in production.answer_to(bad, rolling)
    assert (await production.newest()).state is State.SUCCEEDED
    assert await production.served() == mended.merge_commit_sha


async def test_two_rollbacks_that_mean_the_same_build_go_back_by_one(production: Production):
    """The second was typed before the first had come to its end, and is read after it."""
    await production.live_build("feat: add search")
    good = await production.live_build("feat: sort by price")
    bad = await production.live_build("feat: break everything")
    await production.journey.rest()
    production.vercel.switch_seconds = None
    production.comment(bad, "/rollback")
    await production.until_step_finds("the host's job is pending")
    production.github.faults.answer("POST */reactions", 502, times=None)
    second = production.comment(bad, "/rollback")
    await production.github.hooks.settled()
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.until(State.SUCCEEDED)
    production.github.faults.clear()
    await production.nothing_left()
    assert await production.served() == good.merge_commit_sha
    said = production.answer_to(bad, second)
    assert f"`{good.merge_commit_sha[:7]}` was put back at" in said
    assert "Rolled back" in await production.say(bad, "/rollback"), "typed again, it is meant"


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_rollback_that_is_typed_again_before_the_first_is_verified(
    production: Production, given_up: bool
):
    """The host serves what is wanted and the ledger does not say so yet: it is wanted all the
    same, and no build further back is recommended."""
    await production.live_build("feat: add search")
    good = await production.live_build("feat: sort by price")
    bad = await production.live_build("feat: break everything")
    await production.journey.rest()
    production.vercel.faults.cut(f"GET //{DOMAIN}/*", times=None)
    production.comment(bad, "/rollback")
    await production.until_step_finds(f"{DOMAIN} did not answer")
    assert production.live is production.build_of(good)
    if given_up:
        await production.run_out_of_time()
        await production.until(State.FAILED, concluded=True)
    second = production.comment(bad, "/rollback")

    async def asked_anew() -> bool:
        return len(await production.operations()) == 5

    await production.journey.until(asked_anew, "the second one is refused", 10)
    production.vercel.faults.clear()
    await production.nothing_left()
    assert "Rolled back" in production.answer_to(bad, second)
    assert await production.served() == good.merge_commit_sha


async def test_a_promotion_waits_for_a_check_that_turns_green(production: Production):
    github = production.github
    pull, check = production.checking("feat: add search")
    await production.journey.rest()
    assert "refused" in await production.say(pull, "/promote")
    await production.until_it_waits(pull)
    comments = production.journey.comments_of
    await production.journey.until(
        lambda: "Waiting to promote" in comments(pull)[-1].body, "nobody is told that it waits"
    )
    assert "`test`" in comments(pull)[-1].body, "nor what for"
    github.update_check(check, conclusion="success")
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha


async def test_a_promotion_that_waits_its_turn_does_not_change_where_a_rollback_leads(
    production: Production,
):
    """It has moved nothing, so what is live is still what is to go."""
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    mended = production.merged("fix: mend everything")
    await production.journey.rest()
    production.vercel.switch_seconds = None
    production.comment(bad, "/rollback")
    await production.until_step_finds("the host's job is pending")
    production.comment(mended, "/promote")
    await production.until_step_finds("goes first")
    second = production.comment(bad, "/rollback")

    async def asked_anew() -> bool:
        return len(await production.operations()) == 5

    await production.journey.until(asked_anew, "the second rollback does not begin", 20)
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert await production.served() == good.merge_commit_sha
    assert "Rolled back" in production.answer_to(bad, second)


async def test_a_rollback_says_that_it_waits_for_a_contract(production: Production):
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    place = (production.repository.id, "production")
    async with await psycopg.AsyncConnection.connect(
        production.journey.bot.database, autocommit=True
    ) as connection:
        await connection.execute(
            "WITH run AS (INSERT INTO lockgate.schema_runs (repository_id, environment, comment_id,"
            " state, revision, content, requested_at)"
            " VALUES (%s, %s, 1, 'succeeded', 0, '{}', now()) RETURNING *)"
            " UPDATE lockgate.environment_holders AS held SET run_id = run.id FROM run"
            " WHERE held.environment = run.environment",
            place,
        )
        comment = production.comment(bad, "/rollback")
        await production.until_step_finds("a contract that is being applied holds the environment")
        await connection.execute("UPDATE lockgate.environment_holders SET run_id = NULL")
    await production.nothing_left()
    assert "Rolled back" in production.answer_to(bad, comment)
    assert await production.served() == good.merge_commit_sha


async def test_a_promotion_waits_for_a_build_that_the_host_has_not_begun(production: Production):
    """Typed right after the merge: the build that its gates judge is the one that goes live."""
    await production.live_build("feat: add search")
    at_vercel = dict(production.vercel.repositories)
    production.vercel.repositories.clear()
    pull = production.merged("feat: sort by price")
    await production.until_it_waits(pull)
    production.vercel.repositories.update(at_vercel)
    production.vercel.build(production.project, pull.merge_commit_sha)
    await production.journey.bot.engine.shipping.operator.wake(await production.newest())
    ended = await production.until(State.SUCCEEDED, State.FAILED, State.REFUSED, concluded=True)
    assert ended.state is State.SUCCEEDED, ended.outcome
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    assert (await production.ledger())[0].build.deployment_id == production.build_of(pull).id


async def test_a_promotion_that_waited_goes_nowhere_else_than_the_policy_says(
    production: Production,
):
    pull = production.opened("feat: add search")
    production.github.merge(pull, "squash", by=production.github.user("ada"))
    production.green(pull, None)
    await production.until_it_waits(pull)
    production.github.push(
        production.repository,
        "main",
        CommitSpec(
            "chore: move", {POLICY_PATH: POLICY.replace("domain: shop", "domain: www.shop")}
        ),
    )
    production.green(pull)
    ended = await production.until(State.SUCCEEDED, State.REFUSED, State.FAILED, concluded=True)
    assert ended.state is State.REFUSED
    assert "elsewhere" in ended.outcome
    await production.nothing_left()
    assert production.switches() == []


@pytest.mark.parametrize("mended", ["build", "policy"])
async def test_a_retry_goes_by_what_was_mended_since(production: Production, mended: str):
    await production.live_build("feat: add search")
    pull = production.merged("feat: sort by price")
    await production.journey.rest()
    if mended == "build":
        production.build_of(pull).state = "ERROR"
        assert "failed" in await production.say(pull, "/promote")
        production.vercel.build(production.project, pull.merge_commit_sha)
    else:
        lost = POLICY.replace("domain: shop", "domain: shup")
        production.github.push(
            production.repository, "main", CommitSpec("chore: move", {POLICY_PATH: lost})
        )
        await production.journey.rest()
        assert "Not rolled back" in await production.say(pull, "/promote")
        production.github.push(
            production.repository, "main", CommitSpec("chore: mend", {POLICY_PATH: POLICY})
        )
    await production.journey.rest()
    said = await production.say(pull, "/retry")
    newest = await production.newest()
    assert newest.state is State.SUCCEEDED, said
    assert await production.served() == newest.plan.build.sha
    await production.nothing_left()


@pytest.mark.parametrize("line", ["/retry", "/override lock the sale begins with it"])
async def test_what_was_to_wait_for_its_gates_waits_for_them_anew(
    production: Production, line: str
):
    pull, check = production.checking("feat: add search")
    await production.say(pull, "/lock the sale begins")
    assert "the sale begins" in await production.say(pull, "/promote --when-ready")
    if line == "/retry":
        await production.say(pull, "/unlock")
    comment = production.comment(pull, line)
    await production.until(State.WAITING)
    production.github.update_check(check, conclusion="success")
    await production.nothing_left()
    assert "Live:" in production.answer_to(pull, comment)
    assert await production.served() == pull.merge_commit_sha


async def test_a_retry_of_what_named_its_plan_goes_by_that_plan_or_not_at_all(
    production: Production,
):
    pull = production.merged("feat: add search")
    await production.journey.rest()
    planned = (await production.say(pull, "/promote --dry-run")).split("--plan=")[1][:12]
    await production.say(pull, "/lock the sale begins")
    assert "the sale begins" in await production.say(pull, f"/promote --plan={planned}")
    assert "the sale begins" in await production.say(pull, "/retry")
    assert (await production.newest()).bound
    await production.say(pull, "/unlock")
    rebuilt = production.vercel.build(production.project, pull.merge_commit_sha)
    said = await production.say(pull, "/retry")
    assert f"by now, not `{planned}`" in said
    assert production.live is None
    assert "Live:" in await production.say(pull, "/promote")
    assert production.live is rebuilt


@pytest.mark.parametrize("unread", [False, True])
async def test_a_promotion_that_waited_asks_again_who_may(production: Production, unread: bool):
    github, bob = production.github, production.github.user("bob")
    github.set_role(production.repository, bob, "maintain")
    pull, check = production.checking("feat: add search")
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


async def test_a_promotion_that_stood_in_the_queue_asks_its_gates_again(production: Production):
    """They had passed. What was locked meanwhile stays as it is."""
    first, second = production.merged("feat: sort by price"), production.merged("feat: pay")
    production.vercel.switch_seconds = None
    production.comment(first, "/promote")
    await production.until_step_finds("the host's job is pending")
    comment = production.comment(second, "/promote")
    await production.until_step_finds("holds the environment")
    production.comment(second, "/lock the sale begins")
    await production.journey.until(
        lambda: any("is locked by" in c.body for c in production.journey.comments_of(second)),
        "the lock is not taken",
    )
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    ended = await production.newest()
    assert ended.state is State.REFUSED
    assert "the sale begins" in production.answer_to(second, comment)
    assert await production.served() == first.merge_commit_sha


async def test_a_promotion_that_stood_in_the_queue_takes_the_place_of_what_is_live_by_then(
    production: Production,
):
    """And not of what was live when it was typed: that is two builds back by now."""
    await production.live_build("feat: add search")
    good, bad = production.merged("feat: sort by price"), production.merged("feat: break it")
    production.vercel.switch_seconds = None
    production.comment(good, "/promote")
    await production.until_step_finds("the host's job is pending")
    production.comment(bad, "/promote")
    await production.until_step_finds("holds the environment")
    production.vercel.plan_job(production.project, "failed")
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert await production.served() == good.merge_commit_sha
    back, failed = (await production.operations())[:2]
    assert (back.follows, back.state) == (failed.id, State.SUCCEEDED)
    assert failed.state is State.FAILED


async def test_a_promotion_that_named_its_plan_is_refused_once_another_went_live(
    production: Production,
):
    """It was planned in place of what was live when it was typed."""
    await production.live_build("feat: add search")
    first, second = production.merged("feat: sort by price"), production.merged("feat: pay")
    planned = (await production.say(second, "/promote --dry-run")).split("--plan=")[1][:12]
    production.vercel.switch_seconds = None
    production.comment(first, "/promote")
    await production.until_step_finds("the host's job is pending")
    comment = production.comment(second, f"/promote --plan={planned}")
    await production.until_step_finds("holds the environment")
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert (await production.newest()).state is State.REFUSED
    assert f"by now, not `{planned}`" in production.answer_to(second, comment)
    assert await production.served() == first.merge_commit_sha


async def test_a_promotion_that_waited_does_not_undo_one_that_was_asked_for_later(
    production: Production,
):
    github = production.github
    older, check = production.checking("feat: add search")
    await production.until_it_waits(older)
    newer = production.merged("feat: sort by price")
    production.comment(newer, "/promote")
    await production.until(State.SUCCEEDED, concluded=True)
    github.update_check(check, conclusion="success")
    await production.nothing_left()
    _, waited = await production.operations()
    assert waited.state is State.SUPERSEDED
    assert "was asked for later" in waited.outcome
    assert await production.served() == newer.merge_commit_sha


async def test_what_waits_can_be_cancelled(production: Production):
    pull, _ = production.checking("feat: add search")
    await production.until_it_waits(pull)
    comment = production.comment(pull, "/cancel")
    await production.until(State.CANCELLED, concluded=True)
    await production.nothing_left()
    assert "cancelled" in production.answer_to(pull, comment)
    assert "refused" in await production.say(pull, "/cancel")
    assert production.live is None


async def test_what_is_cancelled_is_what_was_begun_there(production: Production):
    """And a promotion that waits for its gates is in nobody's way."""
    first, second = production.opened("feat: add search"), production.opened("feat: sort by price")
    for pull in (first, second):
        production.github.merge(pull, "squash", by=production.github.user("ada"))
        production.green(pull, None)
    await production.until_it_waits(first)
    production.comment(second, "/promote --when-ready")

    async def both_wait() -> bool:
        found = await production.operations()
        return [each.state for each in found] == [State.WAITING, State.WAITING]

    await production.journey.until(both_wait, "the second one does not wait too", 20)
    comments = production.journey.comments_of(second)
    assert not any("in the queue" in comment.body for comment in comments)
    for pull in (first, second):
        comment = production.comment(pull, "/cancel")
        await production.journey.until(
            lambda pull=pull, comment=comment: production.answer_to(pull, comment), "no answer"
        )
        sha = pull.merge_commit_sha[:7]
        said = [each.body for each in production.journey.comments_of(pull)]
        assert any(f"promotion of `{sha}` to production is cancelled" in body for body in said)
    await production.nothing_left()


async def test_what_waits_too_long_is_given_up(production: Production):
    pull, _ = production.checking("feat: add search")
    await production.until_it_waits(pull)
    await production.run_out_of_time()
    ended = await production.until(State.FAILED, concluded=True)
    assert "The promotion was given up" in ended.outcome
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
