"""Promoting from a terminal: the command is typed for the person, and followed to its end."""

import asyncio
import json
import signal
import sys
from asyncio import gather
from asyncio.subprocess import PIPE
from datetime import timedelta

import pytest
from processes import lockgate
from production import Production
from terminal_kit import follow, own_environment, token_of

from bot.core.commands.requests import (
    GatesRequest,
    LockRequest,
    PromoteRequest,
    RollbackRequest,
    ShaPrefix,
    StatusRequest,
    TagName,
    UnlockRequest,
)
from bot.core.operations.machine import State
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.render.operation_markers import asked_marker, operation_marker
from bot.engine.remote import hears_bots, patience
from bot.sandbox.code import CommitSpec

pytestmark = pytest.mark.slow

SHORT = timedelta(seconds=0.3)


# as people run it


async def test_a_promotion_from_a_terminal(production: Production):
    pull = production.merged("feat: add search")
    await production.journey.rest()
    env = own_environment(production)
    code, out, err = await lockgate("promote", "octo/shop", env=env)
    assert (code, err) == (0, "")
    sha = pull.merge_commit_sha
    assert await production.served() == sha
    first, second, *told = out.splitlines()
    assert first == "/promote production"
    assert second.startswith(f"typed by ada on octo/shop#{pull.number}: {production.github.url}/")
    assert "👀 seen by lockgate[bot]" in told
    steps = [line.split(" · ")[0] for line in told if line.startswith("✅")]
    assert steps == [
        "✅ gates (5 of 5)",
        "✅ lock taken",
        "✅ GitHub deployment opened",
        f"✅ Vercel asked to serve {production.build_of(pull).id}",
        "✅ domains moved",
        "✅ shop.example.com serves it",
        "✅ written to the ledger",
        "✅ GitHub deployment closed",
        "✅ lock given back",
    ], "each step once"
    assert f"Live: {sha[:7]} on production" in told[told.index("") + 1]
    assert "\x1b" not in out, "no colour where nobody looks"
    assert env["GITHUB_TOKEN"] not in out
    (comment,) = [c for c in production.github.comments_of(pull) if c.body == first]
    assert comment.author.login == "ada"
    entries = await production.journey.bot.audit.fetch_entries(kind="command")
    assert [entry.entry.actor for entry in entries] == ["ada"]


@pytest.mark.long
async def test_who_may_not_is_refused_by_the_bot(production: Production):
    production.merged("feat: add search")
    production.github.set_role(production.repository, production.github.user("eve"), "read")
    await production.journey.rest()
    env = own_environment(production, "eve")
    code, out, err = await lockgate("promote", "octo/shop", "--format", "json", env=env)
    *events, summary = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (1, "")
    assert [each["event"] for each in events] == ["typed", "seen"]
    assert (summary["event"], summary["ok"], summary["outcome"]) == ("summary", False, "refused")
    assert "you have the role read" in summary["text"]
    assert production.live is None


async def test_who_stops_looking_leaves_the_operation_running(idle_production: Production):
    production = idle_production
    pull = production.merged("feat: add search")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "promote", "octo/shop", "--app", "lockgate"),
        env=own_environment(production),
        stdout=PIPE,
    )
    typed = [await process.stdout.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    said = (await process.stdout.read()).decode()
    assert await process.wait() == 3
    url = typed[1].decode().split(": ")[1].strip()
    assert said == f"No longer followed: it goes on all the same, and {url} shows how.\n"
    async with production.journey.working():
        await production.until(State.SUCCEEDED)
    assert await production.served() == pull.merge_commit_sha


# who is believed


async def test_an_impostor_is_not_believed(idle_production: Production):
    production, github = idle_production, idle_production.github
    pull = production.merged("feat: add search")
    reads = production.journey.requests.seen
    following = asyncio.create_task(
        follow(production, PromoteRequest(""), slug="lockgate", within=timedelta(minutes=1))
    )
    comments = github.comments_of
    await production.journey.until(lambda: comments(pull), "it is not typed")
    mine = comments(pull)[0]
    answer = f"<!-- lockgate:answer comment={mine.id} -->\n**Live.**"
    ended = f"{operation_marker(1)}\n{asked_marker(mine.id)}\n**Live: it is.**\n\n- ✅ gates"
    mallory = github.user("mallory")
    for body in (answer, ended):
        github.comment(pull, body, by=mallory)
        github.comment(pull, body, app=production.ci)
    for impostor in (mallory, production.ci.bot, github.user("lockgate")):
        github.react(mine.reactions, "rocket", impostor)
    looks = len(reads)
    await production.journey.until(
        lambda: sum(each.path.endswith("/comments") for each in reads[looks:]) >= 2,
        "it does not look again",
    )
    assert not following.done()
    async with production.journey.working():
        run = await following
    assert run.code == 0
    assert run.summary["text"].startswith(f"Live: {pull.merge_commit_sha[:7]} on production")
    assert len(run.told("step")) == 9
    assert await production.served() == pull.merge_commit_sha


async def test_nobody_answers(idle_production: Production):
    production = idle_production
    pull = production.merged("feat: add search")
    run = await follow(production, StatusRequest(), slug="lockgate", within=SHORT)
    assert (run.code, run.summary["ok"], run.summary["outcome"]) == (3, False, "unknown")
    assert "No answer from lockgate[bot]" in run.summary["text"]
    assert run.summary["url"] in run.summary["text"]
    run = await follow(production, StatusRequest(), within=SHORT)
    assert (run.code, run.events) == (2, []), "who would answer is not known"
    assert "--app SLUG" in run.error
    assert len(production.github.comments_of(pull)) == 1, "and nothing is typed then"


async def test_what_was_seen_and_does_not_end_in_time_goes_on(idle_production: Production):
    production, github = idle_production, idle_production.github
    pull = production.merged("feat: add search")
    within = timedelta(seconds=1.5)
    following = asyncio.create_task(
        follow(production, PromoteRequest(""), slug="lockgate", within=within)
    )
    await production.journey.until(lambda: github.comments_of(pull), "it is not typed")
    github.react(github.comments_of(pull)[0].reactions, "eyes", github.app.bot)
    run = await following
    assert (run.code, run.summary["outcome"]) == (3, "unknown")
    assert "Not ended within" in run.summary["text"]
    assert "it goes on all the same" in run.summary["text"]


async def test_github_fails_while_it_is_followed(idle_production: Production):
    production, faults = idle_production, idle_production.github.faults
    pull = production.merged("feat: add search")
    how = {"slug": "lockgate", "within": SHORT}
    faults.answer("GET *reactions", 503, headers={"retry-after": "60"}, times=None)
    run = await follow(production, StatusRequest(), **how)
    assert (run.code, "No answer" in run.summary["text"]) == (3, True)
    faults.clear()
    faults.answer("GET *reactions", 404, times=None)
    run = await follow(production, StatusRequest(), **how)
    assert (run.code, "No longer followed" in run.summary["text"]) == (3, True)
    faults.clear()
    faults.cut("POST *comments", after=True)
    run = await follow(production, PromoteRequest(""), **how)
    assert (run.code, run.events) == (3, [])
    assert "look at the pull request whether the comment is there" in run.error
    assert len(production.github.comments_of(pull)) == 3, "it is not posted twice"


# what can be asked


async def test_every_command_is_typed_and_answered(production: Production):
    good = await production.live_build("feat: add search")
    bad = production.merged("feat: break everything")
    await production.journey.rest()
    ghes = f"{production.github.url}/api/v3"
    named = PromoteRequest("", ShaPrefix(bad.merge_commit_sha[:9]), dry_run=True)
    asked = (StatusRequest(), GatesRequest(""), named)
    status, gates, plan = await gather(*(follow(production, each, api_url=ghes) for each in asked))
    assert [run.code for run in (status, gates, plan)] == [0, 0, 0]
    assert f"live   {good.merge_commit_sha[:7]}" in status.summary["text"]
    assert gates.told("typed")[0]["line"] == "/gates production"
    assert "Ready to promote" in gates.summary["text"]
    assert (
        plan.told("typed")[0]["line"] == f"/promote production {bad.merge_commit_sha[:9]} --dry-run"
    )
    assert plan.summary["text"].startswith("Dry run: would promote")
    locked = await follow(production, LockRequest("", "production *is* moved"))
    assert locked.told("typed")[0]["line"] == r"/lock production production \*is\* moved"
    assert "locked by ada: production *is* moved." in locked.summary["text"]
    held = await follow(production, PromoteRequest("production"))
    assert (held.code, held.summary["ok"]) == (1, False)
    assert "❌ fail  lock" in held.summary["text"]
    unlocked = await follow(production, UnlockRequest(""))
    assert "Production is unlocked by ada." in unlocked.summary["text"]


@pytest.mark.long
async def test_a_rollback_from_a_terminal(production: Production):
    good = await production.live_build("feat: add search")
    bad = await production.live_build("feat: break everything")
    run = await follow(production, RollbackRequest(""))
    assert (run.code, run.told("typed")[0]["pull"]) == (0, f"octo/shop#{bad.number}")
    assert run.summary["text"].startswith(f"Rolled back: {good.merge_commit_sha[:7]} is live")
    assert await production.served() == good.merge_commit_sha


async def test_a_promotion_that_is_queued_is_followed_to_its_end(production: Production):
    first, second = production.merged("feat: add search"), production.merged("feat: sort")
    await production.journey.rest()
    production.vercel.switch_seconds = None
    production.comment(first, "/promote")
    await production.until_step_finds("the host's job is pending")
    following = asyncio.create_task(follow(production, PromoteRequest("")))
    await production.journey.until(
        lambda: any("in the queue" in c.body for c in production.journey.comments_of(second)),
        "it is not queued",
    )
    production.vercel.switch_seconds = 0
    production.vercel.advance(production.project)
    production.vercel.advance(production.project)
    run = await following
    assert (run.code, run.summary["text"][:5]) == (0, "Live:")
    assert await production.served() == second.merge_commit_sha


async def test_a_renamed_repository_is_found(production: Production):
    pull = production.merged("feat: add search")
    await production.journey.rest()
    production.github.rename(production.repository, "store")
    run = await follow(production, StatusRequest())
    assert (run.code, run.told("typed")[0]["pull"]) == (0, f"octo/store#{pull.number}")


async def test_a_promotion_that_the_bot_takes_back_is_followed_until_that_is_done(
    production: Production,
):
    good = await production.live_build("feat: add search")
    following = production.merged("feat: sort by price")
    await production.journey.rest()
    www = "www.shop.example.com"
    production.vercel.plan_job(production.project, "failed", left_behind=[www])
    run = await follow(production, PromoteRequest(""), number=following.number)
    assert run.code == 1
    assert "Not promoted" in run.summary["text"]
    assert f"Rolled back: {good.merge_commit_sha[:7]} is live" in run.summary["text"]
    assert await production.served() == good.merge_commit_sha
    assert any("Not promoted" in each["text"] for each in run.told("progress"))
    await production.nothing_left()


# what is not typed


async def test_what_cannot_be_meant_is_not_typed(production: Production):
    pull = production.merged("feat: add search")
    await production.journey.rest()
    before = len(production.github.comments_of(pull))
    bounds = {"contents": "read", "pull_requests": "read"}
    bounded = token_of(production, "ada", permissions=bounds)
    for request, how, code, words in (
        (PromoteRequest("prod"), {}, 2, "There is no environment `prod`"),
        (PromoteRequest("", TagName("v9")), {}, 2, "`v9` is no tag"),
        (LockRequest("", "hid\u200bden"), {}, 2, "ZERO WIDTH SPACE"),
        (StatusRequest(), {"number": 99}, 2, "octo/shop#99"),
        (StatusRequest(), {"token": "ghp_wrong"}, 1, "Bad credentials"),
        (PromoteRequest(""), {"as_app": True}, 2, "the token is an App's"),
        (StatusRequest(), {"as_app": True}, 2, "the token is an App's"),
        (StatusRequest(), {"token": bounded}, 2, "whose answer to wait for"),
        (StatusRequest(), {"token": bounded, "slug": "lockgate"}, 1, "allowed to comment"),
    ):
        run = await follow(production, request, **how)
        assert (run.code, run.events) == (code, []), words
        assert words in run.error
    production.github.push(production.repository, "main", CommitSpec("feat: past pull requests"))
    run = await follow(production, PromoteRequest(""))
    assert (run.code, "--pull N" in run.error) == (2, True)
    assert len(production.github.comments_of(pull)) == before


async def test_a_fine_grained_token_is_enough_in_a_private_repository(production: Production):
    production.repository.private = True
    pull = production.opened("feat: add search")
    await production.journey.rest()
    production.github.merge(pull, "squash", by=production.github.user("ada"))
    production.green(pull)
    await production.journey.rest()
    bounds = {"contents": "read", "pull_requests": "write"}
    token = token_of(production, "ada", permissions=bounds)
    run = await follow(production, PromoteRequest(""), token=token)
    assert run.code == 0, run
    assert await production.served() == pull.merge_commit_sha


def test_an_app_is_told_beforehand_where_no_bot_is_heard():
    environments = {"eu": EnvironmentPolicy(bots=(7,)), "us": EnvironmentPolicy()}
    for request, known, heard in (
        (PromoteRequest("eu"), environments, True),
        (PromoteRequest("us"), environments, False),
        (StatusRequest(), environments, False),
        (PromoteRequest(""), {}, True),
    ):
        assert hears_bots(request, known) is heard


@pytest.mark.parametrize(
    ("request_", "minutes"),
    [
        (PromoteRequest("eu"), 31),
        (PromoteRequest("eu", when_ready=True), 24 * 60 + 1),
        (PromoteRequest(""), 16),
        (PromoteRequest("eu", dry_run=True), 2),
        (RollbackRequest("eu"), 6),
        (RollbackRequest("eu", dry_run=True), 2),
        (StatusRequest(), 2),
        (LockRequest("eu", "x"), 2),
    ],
)
def test_it_is_followed_for_as_long_as_it_may_take(request_, minutes: int):
    environments = {"eu": EnvironmentPolicy(timeout=timedelta(minutes=30))}
    assert patience(request_, environments) == timedelta(minutes=minutes)
