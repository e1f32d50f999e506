"""What happens to a repository, an App and GitHub while production is being moved."""

import pytest
from production import Production

from bot.core.operations.machine import State, StepName
from bot.core.policy import POLICY_PATH
from bot.ports import Job, JobStatus
from bot.sandbox.code import CommitSpec

pytestmark = pytest.mark.slow


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


async def test_what_ended_while_the_app_was_suspended_is_told_afterwards(
    production: Production,
):
    github, pull = production.github, production.merged("feat: add search")
    production.vercel.switch_seconds = None
    comment = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")
    installation = github.installation_of(github.app, production.repository)
    github.suspend(installation)
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.until(State.SUCCEEDED, concluded=True)
    store = production.journey.bot.store

    async def told_in_vain() -> list[Job]:
        waiting = await store.fetch_jobs(JobStatus.WAITING)
        return [job for job in waiting if job.kind == "tell_operation" and job.error]

    await production.journey.until(told_in_vain, "nothing waits to be told")
    # It waits, and has not used up a part of its attempts.
    assert [job.attempts for job in await told_in_vain()] == [0]
    github.unsuspend(installation)
    await production.nothing_left()
    assert "Live:" in production.answer_to(pull, comment)
    assert production.reactions == ["eyes", "rocket"]


async def test_a_repository_is_archived_while_a_promotion_waits(production: Production):
    pull, check = production.checking("feat: add search")
    await production.until_it_waits(pull)
    production.github.update_check(check, conclusion="success")
    production.repository.archived = True
    ended = await production.until(State.FAILED, State.SUCCEEDED, concluded=True)
    assert "Repository was archived" in ended.outcome
    assert ended.remedy.startswith("unarchive the repository")
    await production.journey.rest()
    assert production.live is None
    assert "Repository was archived" in (await production.newest()).untold
    health = await production.journey.bot.store.queue_health()
    assert health.dead == 0


async def test_the_app_is_uninstalled_before_the_gates(production: Production):
    github = production.github
    pull, _ = production.checking("feat: add search")
    await production.until_it_waits(pull)
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


async def test_a_command_in_a_locked_conversation_is_obeyed_and_its_answer_tried_once(
    production: Production,
):
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    bad.locked = True
    requests = production.journey.requests
    requests.seen.clear()
    assert await production.say(bad, "/rollback") == ""
    assert await production.served() == good.merge_commit_sha
    await production.journey.rest()
    health = await production.journey.bot.store.queue_health()
    assert health.dead == 0
    operation = await production.newest()
    assert "issue is locked" in operation.untold
    # Once when it was first told, and once at its end.
    comments = f"/repos/octo/shop/issues/{bad.number}/comments"
    assert [each.path for each in requests.writes].count(comments) == 2
    assert await production.say(bad, "/status") == ""
    assert [each.path for each in requests.writes].count(comments) == 3
    bad.locked = False
    assert "the last operation" in (await production.say(bad, "/retry")).lower()


async def test_what_is_unlocked_in_between_is_told_at_the_end(production: Production):
    pull = production.merged("feat: add search")
    pull.locked = True
    production.vercel.switch_seconds = None
    comment = production.comment(pull, "/promote")
    await production.until_step_finds("the host's job is pending")

    async def noted() -> bool:
        return bool((await production.newest()).untold)

    await production.journey.until(noted, "it is not noted that it cannot be told", 20)
    pull.locked = False
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    await production.nothing_left()
    assert "Live:" in production.answer_to(pull, comment)
    assert (await production.newest()).untold == ""


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
    production.github.faults.slow("GET */deployments", 10, times=2)
    assert "Rolled back" in await production.say(bad, "/rollback")
    assert await production.served() == good.merge_commit_sha
    newest = await production.newest()
    assert newest.step(StepName.ANNOUNCE).found.startswith("GitHub was not told")
    assert newest.step(StepName.CONFIRM).found.startswith("GitHub was not told")
    took = newest.step(StepName.SWITCH).started_at - newest.requested_at
    assert took.total_seconds() < 5


async def test_a_rollback_does_not_wait_until_github_was_told_of_what_it_supersedes(
    production: Production, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("bot.engine.steps._TELL_WITHIN", 0.2)
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")
    production.vercel.switch_seconds = None
    production.comment(bad, "/promote")
    await production.until_step_finds("the host's job is pending")
    held = production.github.faults.hold("GET */deployments", times=None)
    production.comment(bad, "/rollback")
    production.vercel.switch_seconds = 0
    for _ in range(2):
        production.vercel.advance(production.project)
    try:
        await production.until(State.SUCCEEDED)
        assert await production.served() == good.merge_commit_sha
    finally:
        held.released.set()
    await production.nothing_left()
    promotion = (await production.operations())[1]
    assert promotion.state is State.SUPERSEDED
    assert "did not answer within" in promotion.step(StepName.CONFIRM).found


@pytest.mark.parametrize("line", ["/rollback", "/cancel"])
async def test_what_is_typed_while_a_promotion_waits_for_a_github_that_hangs_does_not_wait(
    production: Production, monkeypatch: pytest.MonkeyPatch, line: str
):
    """The client itself gives up after a minute, of each request."""
    monkeypatch.setattr("bot.engine.steps._TELL_WITHIN", 0.2)
    monkeypatch.setattr("bot.engine.operate._LOOK_UP", 0.1)
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")
    await production.journey.rest()
    production.switches()
    held = production.github.faults.hold("GET */deployments", times=None)
    promoting = production.comment(bad, "/promote")
    await production.journey.until(lambda: held.hits, "GitHub is not told of the promotion")
    comment = production.comment(bad, line)

    async def let_go() -> bool:
        (promotion,) = [
            each for each in await production.operations() if each.comment_id == promoting.id
        ]
        return promotion.concluded

    try:
        await production.journey.until(let_go, "the promotion holds on", 10)
    finally:
        held.released.set()
    await production.nothing_left()
    assert await production.served() == good.merge_commit_sha
    assert f"promote/{production.build_of(bad).id}" not in production.switches()
    if line == "/rollback":
        assert "Rolled back" in production.answer_to(bad, comment)
    else:
        said = [each.body for each in production.journey.comments_of(bad)]
        assert any("cancelled" in body for body in said)


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
