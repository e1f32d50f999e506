"""What holds promotions, by policy, by word and after a rollback, and who may set it aside."""

from datetime import UTC, datetime, timedelta

import pytest
from production import POLICY, Production

from bot.core.operations.machine import State

pytestmark = pytest.mark.slow
RELEASING = f"{POLICY.replace('checks, ', '')}    on_release: promote\n"


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


async def test_the_trunk_s_check_says_what_is_held_and_what_is_let_go(production: Production):
    """Whoever waits goes on at once; the gates are asked by the clock much later."""
    pull = production.merged("feat: add search")
    await production.journey.rest()

    def title() -> str:
        (check,) = production.github.latest_checks(
            production.repository, pull.merge_commit_sha, name="lockgate/promotion"
        )
        return str(check.title)

    free = title()
    await production.say(pull, "/lock the sale begins")
    assert title() == "production: lock holds it"
    await production.say(pull, "/unlock")
    assert title() == free
    until = datetime.now(UTC).date() + timedelta(days=3)
    await production.say(pull, f"/freeze until {until} nobody is here")
    assert title() == "production: freeze holds it"
    await production.until_it_waits(pull)
    production.comment(pull, "/thaw")
    await production.until(State.SUCCEEDED)
    assert await production.served() == pull.merge_commit_sha


async def test_a_release_is_promoted_where_the_policy_says_so(production: Production):
    await production.change_policy(RELEASING)
    pull = production.merged("feat: add search")
    await production.journey.rest()
    production.release("v1.0.0", pull)
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    newest = await production.newest()
    assert newest.plan.build.tag == "v1.0.0"
    assert newest.actor.login == "ada"


async def test_a_release_waits_for_the_checks_and_the_build_of_its_commit(production: Production):
    """It is published right after the merge, and nobody sits by to type it again."""
    await production.change_policy(f"{POLICY}    on_release: promote\n")
    github, pull = production.github, production.opened("feat: add search")
    github.merge(pull, "squash", by=github.user("ada"))
    production.green(pull, None)
    await production.journey.rest()
    production.release("v1.0.0", pull)
    await production.until(State.WAITING, State.REFUSED)
    production.green(pull)
    ended = await production.until(State.SUCCEEDED, State.REFUSED, concluded=True)
    assert ended.state is State.SUCCEEDED, ended.outcome
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha


@pytest.mark.parametrize("by_itself", [pytest.param(False, marks=pytest.mark.long), True])
async def test_a_release_does_not_undo_a_rollback_until_somebody_promotes(
    production: Production, by_itself: bool
):
    await production.change_policy(RELEASING)
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")

    async def release(tag: str) -> str:
        production.release(tag, bad)
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
    await production.change_policy(f"{RELEASING}    on_failure: {on_failure}\n")
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")
    await production.journey.rest()

    async def publish(tag: str) -> None:
        production.release(tag, bad)
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
