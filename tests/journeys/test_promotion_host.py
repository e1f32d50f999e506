"""Whatever the host does, a promotion ends in a named state, says what is next, and holds nothing.

Time passes by moving an operation's deadline, not by waiting for it.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from production import DOMAIN, POLICY, Production

from bot.core.decision import Verdict
from bot.core.hosting import Build, Origin
from bot.core.operations.machine import State, StepName
from bot.core.policy import POLICY_PATH
from bot.core.render.operation_markers import asked_in
from bot.engine.doctor import examine
from bot.engine.examined import Check
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Comment, Pull
from bot.sandbox.vercel.model import Deployment
from bot.settings import Secret, Settings
from bot.wiring.doctor import open_doctor

pytestmark = pytest.mark.slow

PROMOTE, ROLLBACK = "POST /v10/projects/*", "POST /v1/projects/*"


async def a_good_build_and_the_next(production: Production) -> tuple[Pull, Pull]:
    """One is live, another is to be."""
    good = await production.live_build("feat: add search")
    following = production.merged("feat: sort by price")
    await production.journey.rest()
    production.switches()
    return good, following


def promoted(build: Deployment) -> str:
    return f"promote/{build.id}"


def rolled_back(build: Deployment) -> str:
    return f"rollback/{build.id}"


async def hold(production: Production) -> None:
    """A promotion that cannot be verified is left for a person from now on."""
    policy = f"{POLICY}    on_failure: hold\n"
    production.github.push(
        production.repository, "main", CommitSpec("chore: hold", {POLICY_PATH: policy})
    )
    await production.journey.rest()


# the host takes its time


async def test_a_promotion_waits_behind_a_rolling_release(production: Production):
    pull = production.merged("feat: add search")
    production.project.rolling_release = True
    comment = production.comment(pull, "/promote")
    waiting = await production.until_step_finds("the host's job waits")
    assert waiting.step(StepName.SWITCH).detail == {"queued": True}
    assert waiting.deadline - waiting.requested_at > timedelta(hours=23)
    production.vercel.complete_rolling_release(production.project)
    await production.nothing_left()
    assert "Live:" in production.answer_to(pull, comment)
    assert await production.served() == pull.merge_commit_sha
    assert production.switches() == [promoted(production.build_of(pull))]


@pytest.mark.long
async def test_a_rolling_release_that_does_not_end_is_told(production: Production):
    """What waits at the host cannot be called off there, so nothing is claimed."""
    good, following = await a_good_build_and_the_next(production)
    comment = await behind_a_rolling_release(production, following)
    await production.run_out_of_time()
    await production.until_step_finds("cannot be called off there")
    await production.run_out_of_time()
    back = await production.until(State.FAILED, concluded=True)
    await production.nothing_left()
    promotion = (await production.operations())[1]
    assert promotion.state is State.FAILED
    assert "not known" in promotion.outcome
    assert back.follows == promotion.id
    assert "waits at the host behind a rolling release" in back.outcome
    assert back.remedy
    assert await production.served() == good.merge_commit_sha
    assert production.answer_to(following, comment)
    assert production.reactions == ["eyes", "-1"]


async def behind_a_rolling_release(production: Production, pull: Pull) -> Comment:
    production.project.rolling_release = True
    comment = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job waits")
    return comment


async def told(production: Production, pull: Pull, words: str) -> None:
    """Once a comment of the bot's says so."""
    await production.journey.until(
        lambda: any(words in each.body for each in production.journey.comments_of(pull)),
        f"nobody is told {words!r}",
    )


async def test_what_waits_at_the_host_is_taken_back_once_it_went_live(
    production: Production, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.engine.switching._NOW_AND_THEN", timedelta(milliseconds=50))
    good, following = await a_good_build_and_the_next(production)
    promoting = await behind_a_rolling_release(production, following)
    production.comment(following, "/cancel")
    await told(production, following, "There it cannot be called off")
    await told(production, following, "`/rollback` waits for that")
    rolling = production.comment(following, "/rollback")
    waiting = await production.until_step_finds("cannot be called off there")
    assert waiting.deadline - waiting.requested_at > timedelta(hours=23)
    assert await production.served() == good.merge_commit_sha
    production.vercel.complete_rolling_release(production.project)
    await production.nothing_left()
    back, promotion = (await production.operations())[:2]
    assert (back.state, promotion.state) == (State.SUCCEEDED, State.SUPERSEDED)
    assert production.build_of(following).was_live == 1
    assert await production.served() == good.merge_commit_sha
    assert "Rolled back" in production.answer_to(following, rolling)
    production.answer_to(following, promoting)
    assert production.reactions == ["eyes", "-1"]


@pytest.mark.long
async def test_a_rollback_that_waits_gives_way_to_a_newer_one(production: Production):
    """To an older build the host goes at once, and drops what waited."""
    older = await production.live_build("feat: list products")
    good, following = await a_good_build_and_the_next(production)
    await behind_a_rolling_release(production, following)
    waiting = production.comment(following, "/rollback")
    await production.until_step_finds("cannot be called off there")
    said = await production.say(following, f"/rollback {older.merge_commit_sha[:7]}")
    await production.nothing_left()
    assert "Rolled back" in said
    newest, before = (await production.operations())[:2]
    assert (newest.state, before.state) == (State.SUCCEEDED, State.SUPERSEDED)
    assert before.plan.build.sha == good.merge_commit_sha
    production.vercel.complete_rolling_release(production.project)
    assert await production.served() == older.merge_commit_sha
    production.answer_to(following, waiting)
    assert production.reactions == ["eyes", "-1"]


async def test_a_rollback_that_waits_can_be_cancelled(production: Production):
    good, following = await a_good_build_and_the_next(production)
    await behind_a_rolling_release(production, following)
    production.comment(following, "/rollback")
    await production.until_step_finds("cannot be called off there")
    said = await production.say(following, "/cancel")
    await production.nothing_left()
    assert "Production is unchanged" in said
    assert (await production.newest()).state is State.CANCELLED
    assert await production.served() == good.merge_commit_sha


@pytest.mark.long
async def test_a_promotion_that_waits_for_another_can_be_cancelled(production: Production):
    """The host turned it down, so it is not asked for again, nor taken back."""
    _, following = await a_good_build_and_the_next(production)
    other = production.vercel.build(production.project, "f" * 40)
    production.vercel.switch_seconds = None
    production.vercel.promote(production.project, other)
    comment = production.comment(following, "/promote")
    await production.until_step_finds("promotion or rollback is in progress")
    await production.say(following, "/cancel")
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.nothing_left()
    assert (await production.newest()).state is State.CANCELLED
    assert await production.served() == other.sha
    production.answer_to(following, comment)
    assert production.reactions == ["eyes", "-1"]


async def test_a_promotion_waits_for_another_at_the_host(production: Production):
    """409: somebody else's is under way. It is asked for once that has ended."""
    _, following = await a_good_build_and_the_next(production)
    other = production.vercel.build(production.project, "f" * 40)
    production.vercel.switch_seconds = None
    production.vercel.promote(production.project, other)
    comment = production.comment(following, "/promote")
    await production.until_step_finds("promotion or rollback is in progress")
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    production.vercel.switch_seconds = 0
    await production.nothing_left()
    assert "Live:" in production.answer_to(following, comment)
    assert await production.served() == following.merge_commit_sha


# its job dies


async def test_an_operation_whose_job_died_is_found_by_the_sweep(production: Production):
    pull = production.merged("feat: add search")
    production.vercel.switch_seconds = None
    comment = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    await production.job_dies("advance_environment")
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    await production.journey.rest()
    assert (await production.newest()).state is State.RUNNING, "nobody works on it"
    await production.journey.sweep()
    assert (await production.newest()).state is State.SUCCEEDED
    assert "Live:" in production.answer_to(pull, comment)
    assert production.switches() == [promoted(production.build_of(pull))]
    holder = await production.journey.bot.operations.fetch_holder(
        production.repository.id, "production"
    )
    assert holder is None


# the host refuses


@pytest.mark.parametrize(
    "status",
    [422, *(pytest.param(one, marks=pytest.mark.long) for one in (400, 402, 403, 404, 410))],
)
async def test_what_the_host_refuses_changes_nothing(production: Production, status: int):
    good, following = await a_good_build_and_the_next(production)
    production.vercel.faults.answer(PROMOTE, status, message="Not today")
    said = await production.say(following, "/promote")
    await production.nothing_left()
    newest = await production.newest()
    assert newest.state is State.FAILED
    assert newest.remedy
    assert str(status) in said
    assert "Not promoted" in said
    assert "Production is unchanged" in said
    assert "Next: " in said
    assert await production.served() == good.merge_commit_sha
    assert len(await production.operations()) == 2, "nothing was there to take back"
    assert production.reactions == ["eyes", "-1"]


@pytest.mark.long
async def test_a_refused_promotion_can_be_tried_again(production: Production):
    _, following = await a_good_build_and_the_next(production)
    production.vercel.faults.answer(PROMOTE, 422, message="Not today")
    await production.say(following, "/promote")
    said = await production.say(following, "/retry")
    assert "Live:" in said
    assert await production.served() == following.merge_commit_sha
    await production.nothing_left()


@pytest.mark.parametrize("after", [pytest.param(0, marks=pytest.mark.long), 2])
async def test_a_token_that_has_expired_is_said(production: Production, after: int):
    """Before anything was begun, or with the gates half asked."""
    good, following = await a_good_build_and_the_next(production)
    production.vercel.faults.expire_token(skip=after)
    said = await production.say(following, "/promote")
    await production.nothing_left()
    assert "refused" in said
    assert "token" in said
    assert "VERCEL" in said
    assert await production.served() == good.merge_commit_sha
    assert production.reactions == ["eyes", "-1"]


@pytest.mark.long
async def test_a_token_that_expires_after_the_switch_is_said(production: Production):
    good, following = await a_good_build_and_the_next(production)
    production.vercel.switch_seconds = None
    comment = production.comment(following, "/promote")
    await production.until_step_finds("the host's job is pending")
    production.vercel.faults.expire_token()
    await production.until(State.FAILED, concluded=True)
    await production.nothing_left()
    said = production.answer_to(following, comment)
    assert "make a new token" in said.lower()
    assert await production.served() == good.merge_commit_sha


# the host is away


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param("503", marks=pytest.mark.long),
        pytest.param("cut", marks=pytest.mark.long),
        "cut after",
        pytest.param("429", marks=pytest.mark.long),
    ],
)
async def test_a_request_whose_answer_is_lost_is_not_repeated_blindly(
    production: Production, trouble: str
):
    _, following = await a_good_build_and_the_next(production)
    match trouble:
        case "503":
            production.vercel.faults.answer(PROMOTE, 503)
        case "cut":
            production.vercel.faults.cut(PROMOTE)
        case "cut after":
            production.vercel.faults.cut(PROMOTE, after=True)
        case "429":
            production.vercel.faults.answer(PROMOTE, 429, headers={"retry-after": "1"})
    said = await production.say(following, "/promote")
    await production.nothing_left()
    assert "Live:" in said
    assert await production.served() == following.merge_commit_sha
    build = production.build_of(following)
    # the request that was cut after its effect is not among those that were answered
    assert production.switches() == ([] if trouble == "cut after" else [promoted(build)])
    assert build.was_live == 1


@pytest.mark.parametrize("carried_out", [True, False])
async def test_a_rollback_is_not_overtaken_by_a_promotion_that_the_host_did_not_answer(
    production: Production, monkeypatch: pytest.MonkeyPatch, carried_out: bool
):
    """What is to be put back is served still: it would be moved away from afterwards."""
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")
    await production.journey.rest()
    monkeypatch.setattr("bot.adapters.vercel.client._WHOLE_REQUEST", 0.3)
    held = production.vercel.faults.hold("POST */promote/*")
    promoting = production.comment(bad, "/promote")
    await production.journey.until(lambda: held.hits, "the host is not asked")
    rolling = production.comment(bad, "/rollback")
    await production.until_step_finds("may yet carry it out")
    if carried_out:
        held.released.set()
    else:
        monkeypatch.setattr("bot.engine.switching._LATE", timedelta(0))
    await production.nothing_left()
    said = {asked_in(each.body): each.body for each in production.journey.comments_of(bad)}
    assert "superseded" in said[promoting.id]
    assert "Rolled back" in said[rolling.id]
    assert await production.served() == good.merge_commit_sha
    assert production.build_of(bad).was_live == carried_out
    held.released.set()


@pytest.mark.long
async def test_a_host_that_stays_away_before_the_switch_is_given_up(
    production: Production, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.engine.switching._LATE", timedelta(0))
    good, following = await a_good_build_and_the_next(production)
    production.vercel.faults.cut(PROMOTE, times=None)
    comment = production.comment(following, "/promote")
    await production.until_step_finds("Vercel gave no answer")
    await production.run_out_of_time()
    await production.until(State.SUCCEEDED, State.FAILED, concluded=True)
    await production.nothing_left()
    operations = await production.operations()
    assert State.FAILED in {each.state for each in operations}
    assert production.answer_to(following, comment)
    assert await production.served() == good.merge_commit_sha


async def test_a_host_that_goes_away_after_the_switch_and_stays_away(production: Production):
    """What production serves is not known, and is not claimed to be."""
    _, following = await a_good_build_and_the_next(production)
    production.vercel.switch_seconds = None
    comment = production.comment(following, "/promote")
    await production.until_step_finds("the host's job is pending")
    production.vercel.faults.cut("* /v*", times=None)
    await production.run_out_of_time()

    async def taking_back() -> bool:
        return (await production.newest()).follows > 0

    await production.journey.until(taking_back, "nothing is taken back", 20)
    await production.run_out_of_time()
    back = await production.until(State.FAILED, concluded=True)
    await production.nothing_left()
    assert "not known" in back.outcome or "unchanged" in back.outcome
    assert back.remedy
    assert production.answer_to(following, comment)


# the host does less than it was asked for


@pytest.mark.parametrize("end", ["failed", pytest.param("skipped", marks=pytest.mark.long)])
async def test_a_job_that_ends_badly_puts_back_what_was_live(production: Production, end: str):
    good, following = await a_good_build_and_the_next(production)
    production.vercel.plan_job(production.project, end)
    comment = production.comment(following, "/promote")
    await production.journey.rest()
    await production.nothing_left()
    back, promotion = (await production.operations())[:2]
    assert promotion.state is State.FAILED
    assert (back.follows, back.state) == (promotion.id, State.SUCCEEDED), back.outcome
    assert await production.served() == good.merge_commit_sha
    said = production.answer_to(following, comment)
    assert "by itself" in said or "Rolled back" in said


async def test_domains_that_are_left_behind_are_named_and_taken_back(production: Production):
    production.project.domains["www.shop.example.com"] = None
    good, following = await a_good_build_and_the_next(production)
    production.vercel.plan_job(production.project, left_behind=["www.shop.example.com"])
    await production.say(following, "/promote")
    await production.nothing_left()
    back, promotion = (await production.operations())[:2]
    assert promotion.state is State.FAILED
    assert "www.shop.example.com" in promotion.outcome
    assert (back.follows, back.state) == (promotion.id, State.SUCCEEDED)
    assert {serving.sha for serving in production.project.domains.values()} == {
        good.merge_commit_sha
    }


WWW = "www.shop.example.com"


async def half_moved(production: Production) -> tuple[Pull, Pull, Comment]:
    """A promotion that moved every domain but the main one, where the host moves nothing back."""
    production.project.domains[WWW] = None
    good, following = await a_good_build_and_the_next(production)
    production.vercel.plan_job(production.project, left_behind=[DOMAIN])
    comment = production.comment(following, "/promote")
    await production.journey.rest()
    return good, following, comment


@pytest.mark.long
async def test_every_domain_is_taken_back_though_the_main_one_stayed(production: Production):
    good, following, comment = await half_moved(production)
    await production.nothing_left()
    back, promotion = (await production.operations())[:2]
    assert promotion.state is State.FAILED
    assert (back.follows, back.state) == (promotion.id, State.SUCCEEDED), back.outcome
    assert {each.sha for each in production.project.domains.values()} == {good.merge_commit_sha}
    assert "serves it already; 1 other domain led there" in production.answer_to(following, comment)


async def test_a_domain_that_cannot_be_taken_back_is_named(production: Production):
    production.vercel.faults.answer("POST /v2/deployments/*", 403, message="Not yours")
    good, following, _ = await half_moved(production)
    back = await production.newest()
    assert back.state is State.FAILED
    assert WWW in back.outcome
    assert WWW in back.remedy
    assert "unchanged" not in production.journey.comments_of(following)[-1].body
    await production.say(following, "/retry")
    await production.nothing_left()
    assert {each.sha for each in production.project.domains.values()} == {good.merge_commit_sha}


@pytest.mark.long
async def test_a_rollback_to_what_is_live_leads_stray_domains_there(production: Production):
    production.project.domains[WWW] = None
    good, following = await a_good_build_and_the_next(production)
    line = f"/rollback {good.merge_commit_sha[:7]}"
    assert "live on production already" in await production.say(good, line)
    production.vercel.point(WWW, production.build_of(following))
    assert "Rolled back" in await production.say(good, line)
    await production.nothing_left()
    assert {each.sha for each in production.project.domains.values()} == {good.merge_commit_sha}


async def test_a_domain_that_serves_something_else_is_taken_back(production: Production):
    """The host says that all went well, and the domain shows that it did not."""
    good, following = await a_good_build_and_the_next(production)
    production.vercel.plan_job(production.project, left_behind=[DOMAIN], silently=True)
    comment = production.comment(following, "/promote")
    await production.until_step_finds("still serves")
    await production.run_out_of_time()
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    back, promotion = (await production.operations())[:2]
    assert promotion.state is State.FAILED
    assert (back.follows, back.state) == (promotion.id, State.SUCCEEDED), back.outcome
    assert await production.served() == good.merge_commit_sha
    production.answer_to(following, comment)
    assert production.reactions == ["eyes", "-1"]


async def test_on_failure_hold_leaves_it_for_a_person(production: Production):
    await hold(production)
    good, following = await a_good_build_and_the_next(production)
    production.vercel.plan_job(production.project, "failed", left_behind=["www.shop.example.com"])
    said = await production.say(following, "/promote")
    await production.nothing_left()
    newest = await production.newest()
    assert newest.state is State.FAILED
    assert newest.follows == 0
    assert "Next: " in said
    said = await production.say(following, "/rollback")
    await production.nothing_left()
    assert "Rolled back" in said
    assert await production.served() == good.merge_commit_sha


async def test_a_first_promotion_that_fails_has_nothing_to_go_back_to(production: Production):
    pull = production.merged("feat: add search")
    production.vercel.plan_job(production.project, "failed")
    said = await production.say(pull, "/promote")
    await production.nothing_left()
    (operation,) = await production.operations()
    assert operation.state is State.FAILED
    assert "Not promoted" in said
    assert "Next: " in said


# what is at the host is not what it was


async def test_a_build_that_was_deleted_is_not_promoted(production: Production):
    good, following = await a_good_build_and_the_next(production)
    production.vercel.delete(production.build_of(following))
    said = await production.say(following, "/promote")
    await production.nothing_left()
    assert "refused" in said
    assert await production.served() == good.merge_commit_sha
    assert production.switches() == []


@pytest.mark.long
async def test_a_build_that_is_deleted_on_the_way_fails_the_promotion(production: Production):
    good, following = await a_good_build_and_the_next(production)
    production.vercel.faults.cut(PROMOTE, times=1)
    comment = production.comment(following, "/promote")
    await production.until_step_finds("Vercel gave no answer")
    production.vercel.delete(production.build_of(following))
    await production.nothing_left()
    promotion = next(each for each in await production.operations() if not each.follows)
    assert promotion.state is State.FAILED
    assert "deleted" in promotion.outcome
    assert production.answer_to(following, comment)
    assert await production.served() == good.merge_commit_sha


@pytest.mark.long
async def test_a_rollback_to_a_build_that_was_deleted_names_the_next(production: Production):
    first = await production.live_build("feat: add search")
    second = await production.live_build("feat: sort by price")
    third = await production.live_build("feat: add a cart")
    production.vercel.delete(production.build_of(second))
    said = await production.say(third, "/rollback")
    assert "refused" in said
    assert f"/rollback {first.merge_commit_sha[:7]}" in said
    assert await production.served() == third.merge_commit_sha
    said = await production.say(third, f"/rollback {first.merge_commit_sha[:7]}")
    assert "Rolled back" in said
    assert await production.served() == first.merge_commit_sha
    assert production.switches()[-1] == rolled_back(production.build_of(first))
    await production.nothing_left()


async def test_a_rollback_finds_what_was_live_long_ago(production: Production):
    old = await production.live_build("feat: add search")
    operations, now = production.journey.bot.operations, datetime.now(UTC)
    for number in range(50):
        await operations.record_live(
            production.repository.id,
            "production",
            Build(f"{number:040x}", f"dpl_{number}"),
            origin=Origin.PROMOTION,
            actor="ada",
            at=now,
            verified=True,
            operation_id=None,
            fence=None,
        )
    bad = await production.live_build("feat: break everything")
    said = await production.say(bad, f"/rollback {old.merge_commit_sha[:12]}")
    assert "Rolled back" in said
    assert await production.served() == old.merge_commit_sha


async def test_somebody_switches_at_the_host_in_between(production: Production):
    """What the host serves already needs no second request, and is verified and recorded."""
    _, following = await a_good_build_and_the_next(production)
    production.vercel.promote(production.project, production.build_of(following))
    said = await production.say(following, "/promote")
    await production.nothing_left()
    assert "Live:" in said
    live = await production.journey.bot.operations.fetch_live(production.repository.id)
    assert live["production"].build.sha == following.merge_commit_sha


@pytest.mark.long
async def test_a_server_that_lost_its_token_ends_what_was_under_way(production: Production):
    good, following = await a_good_build_and_the_next(production)
    production.vercel.faults.cut(PROMOTE, times=None)
    comment = production.comment(following, "/promote")
    await production.until_step_finds("Vercel gave no answer")
    production.journey.bot.engine.shipping.hosts.pop("vercel")
    await production.nothing_left()
    promotion = next(each for each in await production.operations() if not each.follows)
    assert "no access to vercel" in promotion.outcome
    assert production.answer_to(following, comment)
    assert await production.served() == good.merge_commit_sha


async def test_doctor_tells_what_lets_builds_past_the_gates(production: Production):
    pull = production.merged("feat: add search")
    production.comment(pull, "/status")
    await production.journey.rest()
    settings = production.journey.bot.settings

    async def hosting(settings: Settings) -> Check:
        async with open_doctor(settings) as subject:
            (found,) = [check async for check in examine(subject) if check.name == "hosting"]
            return found

    assert (await hosting(settings)).verdict is Verdict.PASS
    production.project.auto_assign = True
    check = await hosting(settings)
    assert check.verdict is Verdict.FAIL
    assert "production of octo/shop" in check.found
    assert "turn off Auto-assign" in check.remedy
    check = await hosting(replace(settings, vercel_token=Secret("")))
    assert (check.verdict, check.remedy) == (Verdict.FAIL, "set VERCEL_TOKEN")
