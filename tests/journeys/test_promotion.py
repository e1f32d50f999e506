"""Production moves by comment: promoted, verified, rolled back, and refused where it is unsafe."""

import pytest
from production import Production

from bot.core.operations.machine import State
from bot.sandbox.code import CommitSpec


async def test_a_merged_pull_request_is_promoted_and_verified(production: Production):
    pull = production.merged("feat: add search")
    said = await production.say(pull, "/promote")
    assert "Live:" in said
    assert production.live.sha == pull.merge_commit_sha
    assert await production.served() == pull.merge_commit_sha
    assert production.reactions == ["eyes", "rocket"]
    (operation,) = await production.operations()
    assert operation.state is State.SUCCEEDED
    assert (
        await production.journey.bot.operations.fetch_holder(operation.repo.id, "production")
        is None
    )


async def test_a_red_check_holds_a_promotion(production: Production):
    pull = production.merged("feat: add search")
    production.green(pull, "failure")
    said = await production.say(pull, "/promote")
    assert "refused" in said
    assert "test" in said
    assert production.live is None
    assert production.reactions == ["eyes", "-1"]


async def test_a_rollback_puts_the_previous_good_build_back(production: Production):
    good = production.merged("feat: add search")
    await production.say(good, "/promote")
    bad = production.merged("feat: break everything")
    await production.say(bad, "/promote")
    assert await production.served() == bad.merge_commit_sha
    said = await production.say(bad, "/rollback")
    assert "Rolled back" in said
    assert await production.served() == good.merge_commit_sha


@pytest.mark.slow
async def test_a_rollback_by_count_and_by_tag_and_first_as_a_plan(production: Production):
    oldest = await production.live_build("feat: add search")
    tagged = production.merged("feat: sort by price")
    production.github.tag(production.repository, "v1.4.0")
    await production.say(tagged, "/promote")
    last = await production.live_build("feat: break everything")
    production.switches()
    planned = await production.say(last, "/rollback 2 --dry-run")
    assert f"would put `{oldest.merge_commit_sha[:7]}` back on production" in planned
    assert "Nothing was changed" in planned
    assert production.switches() == []
    assert await production.served() == last.merge_commit_sha
    assert "Rolled back" in await production.say(last, "/rollback 2")
    assert await production.served() == oldest.merge_commit_sha
    assert f"Plan `{(await production.newest()).plan.digest}`:" in planned
    assert "Rolled back: v1.4.0" in await production.say(last, "/rollback v1.4.0")
    assert await production.served() == tagged.merge_commit_sha


@pytest.mark.slow
async def test_what_is_live_already_is_not_promoted_again(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    assert "already" in await production.say(pull, "/promote")
    assert len(await production.operations()) == 1


@pytest.mark.slow
async def test_a_dry_run_changes_nothing_and_shows_the_plan_of_the_run(production: Production):
    pull = production.merged("feat: add search")
    said = await production.say(pull, "/promote --dry-run")
    assert production.live is None
    await production.say(pull, "/promote")
    (operation,) = await production.operations()
    assert operation.plan.digest in said


@pytest.mark.slow
async def test_a_run_that_names_its_plan_does_that_or_nothing(production: Production):
    def shown(said: str) -> str:
        return said.split("--plan=")[1][:12]

    pull = production.merged("feat: add search")
    planned = shown(await production.say(pull, "/promote --dry-run"))
    first = await production.live_build("feat: sort by price")
    production.switches()
    said = await production.say(pull, f"/promote --plan={planned}")
    assert f"not `{planned}`" in said
    assert "`/promote --dry-run` shows it" in said
    assert production.switches() == []
    by_now = shown(await production.say(pull, "/promote --dry-run"))
    assert by_now != planned
    assert "Live:" in await production.say(pull, f"/promote --plan={by_now}")
    assert (await production.newest()).plan.digest == by_now
    back = shown(await production.say(pull, "/rollback --dry-run"))
    assert "refused" in await production.say(pull, f"/rollback 1 --plan={planned}")
    assert "Rolled back" in await production.say(pull, f"/rollback --plan={back}")
    assert await production.served() == first.merge_commit_sha


async def test_a_writer_may_not_promote(production: Production):
    pull = production.merged("feat: add search")
    said = await production.say(pull, "/promote", by="mona")
    assert "refused" in said
    assert "maintain" in said
    assert production.live is None


async def test_a_lock_holds_promotions_and_an_override_counts_once(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/lock the database is being moved")
    said = await production.say(pull, "/promote")
    assert "refused.**" in said
    assert "the database is being moved" in said
    assert production.live is None
    assert "set aside by ada" in await production.say(pull, "/override lock it is moved already")
    assert await production.served() == pull.merge_commit_sha
    following = production.merged("feat: sort by price")
    assert "the database is being moved" in await production.say(following, "/promote")
    assert await production.served() == pull.merge_commit_sha
    await production.say(following, "/unlock")
    assert "Live:" in await production.say(following, "/promote")


async def test_status_says_what_is_live(production: Production):
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    said = await production.say(pull, "/status")
    assert pull.merge_commit_sha[:7] in said


async def test_help_is_for_everybody(production: Production):
    pull = production.merged("feat: add search")
    assert "/promote" in await production.say(pull, "/help", by="mona")


async def break_policy(production: Production) -> None:
    production.github.push(
        production.repository,
        "main",
        CommitSpec("chore: break the policy", {".github/lockgate.yml": "nonsense: [1"}),
    )
    await production.journey.rest()


LAST_GOOD = (
    "The policy in force cannot be used, so this goes by the last good one: "
    ".github/lockgate.yml has 1 problem."
)


async def test_a_broken_policy_refuses_a_promotion_and_lets_a_rollback_through(
    production: Production,
):
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    assert "policy" not in await production.say(bad, "/status")
    await break_policy(production)
    said = await production.say(bad, "/promote")
    assert "refused.** .github/lockgate.yml has 1 problem." in said
    assert LAST_GOOD in await production.say(bad, "/rollback --dry-run")
    said = await production.say(bad, "/rollback")
    assert "Rolled back" in said
    assert LAST_GOOD in said
    assert await production.served() == good.merge_commit_sha
    said = await production.say(bad, "/status")
    assert f"{LAST_GOOD} Promotions are refused until that is mended" in said


@pytest.mark.slow
async def test_a_broken_policy_refuses_what_would_promote_after_all(production: Production):
    good = await production.live_build("feat: add search")
    pull = production.merged("feat: sort by price")
    production.green(pull, None)
    production.switches()
    comment = production.comment(pull, "/promote --when-ready")
    await production.until(State.WAITING)
    await break_policy(production)
    await production.until(State.REFUSED, concluded=True)
    await production.nothing_left()
    fault = ".github/lockgate.yml has 1 problem."
    assert f"refused.** {fault}" in production.answer_to(pull, comment)
    production.green(pull)
    for line in ("/retry", "/override checks the runner is down"):
        said = await production.say(pull, line)
        assert f"refused.** {fault} Mend the policy on the default branch." in said, line
    assert production.switches() == []
    assert await production.served() == good.merge_commit_sha


async def test_commands_in_quotes_and_code_are_silence(production: Production):
    pull = production.merged("feat: add search")
    assert (
        await production.say(pull, "> /promote\n\n```\n/promote\n```\n\n<!--\n/promote\n-->") == ""
    )
    assert production.live is None
