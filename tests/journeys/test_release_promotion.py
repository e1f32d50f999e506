"""From merging the release pull request to production, without anything typed."""

from datetime import timedelta

import pytest
from production import POLICY, Production
from test_release_pull import release_pulls

from bot.core.operations.machine import State
from bot.core.work.promotions import PromoteRelease
from bot.engine import observe
from bot.ports import JobStatus
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull
from bot.sandbox.objects import Change, NewCommit, Signature

pytestmark = pytest.mark.slow

PROMOTE = (
    POLICY.replace("checks, ", "")
    + "    on_release: promote\nrelease:\n  kind: go\n  prerelease: {branch: next}\n"
)


@pytest.fixture
async def releasing(production: Production) -> Production:
    """The policy promotes releases."""
    files = {".github/lockgate.yml": PROMOTE, "go.mod": "module shop\n"}
    production.github.push(
        production.repository, "main", CommitSpec("chore: release by policy", files)
    )
    await production.journey.rest()
    return production


async def release_pull(production: Production) -> Pull:
    await production.journey.rest()
    return release_pulls(production.repository)[-1]


async def test_merging_the_release_pull_request_puts_it_live(releasing: Production) -> None:
    production, github = releasing, releasing.github
    production.merged("feat: add search")
    pull = await release_pull(production)
    assert await production.ledger() == [], "a merge alone promotes nothing"
    github.merge(pull, "squash", by=github.user("ada"))
    operation = await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert await production.served() == pull.merge_commit_sha
    (entry,) = await production.ledger()
    build = entry.build
    assert (build.sha, build.tag) == (pull.merge_commit_sha, "v0.1.0")
    assert build.pull_number == pull.number
    assert build.deployment_id == production.build_of(pull).id
    assert entry.verified_at is not None
    assert (entry.operation_id, operation.actor.login) == (operation.id, "lockgate[bot]")
    (record,) = await production.journey.bot.audit.fetch_entries(kind="promotion")
    said = record.entry
    assert (said.build_sha, said.release_tag) == (pull.merge_commit_sha, "v0.1.0")
    assert said.pull_number == pull.number


PACKAGES = PROMOTE.replace(
    "  prerelease: {branch: next}\n", "  packages: [{path: api}, {path: web}, {path: docs}]\n"
)
MODULES = {f"{path}/go.mod": f"module {path}\n" for path in ("api", "web", "docs")}


async def releasing_packages(production: Production) -> Pull:
    """The release pull request of two packages out of three."""
    policy = {".github/lockgate.yml": PACKAGES}
    production.github.push(
        production.repository, "main", CommitSpec("chore: three packages", {**policy, **MODULES})
    )
    both = {"api/search.go": "package api\n", "web/search.go": "package web\n"}
    production.github.push(production.repository, "main", CommitSpec("feat: add search", both))
    return await release_pull(production)


async def test_releases_of_one_merge_are_put_live_once_and_all_are_named(
    production: Production,
) -> None:
    pull = await releasing_packages(production)
    production.github.merge(pull, "squash", by=production.github.user("ada"))
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    (operation,) = await production.operations()
    (entry,) = await production.ledger()
    assert entry.build.tags == operation.plan.build.tags == ["api-v0.1.0", "web-v0.1.0"]
    (record,) = await production.journey.bot.audit.fetch_entries(kind="promotion")
    assert record.entry.release_tag == "api-v0.1.0, web-v0.1.0"
    assert "api-v0.1.0, web-v0.1.0 (`" in production.journey.comments_of(pull)[-1].body


async def test_a_release_waits_for_the_others_of_its_merge_but_not_for_ever(
    production: Production,
) -> None:
    pull = await releasing_packages(production)
    production.github.protect(production.repository, "refs/tags/web-*")
    merged = production.github.merge(pull, "squash", by=production.github.user("ada"))
    assert merged == pull.merge_commit_sha

    async def asked() -> list[PromoteRelease]:
        jobs = await production.journey.bot.store.fetch_jobs(JobStatus.WAITING)
        works = [PromoteRelease(**job.args) for job in jobs if job.kind == PromoteRelease.kind]
        return [work for work in works if work.sha]

    await production.journey.until(asked, "nothing waits to be promoted", 20)
    (waiting,) = await asked()
    assert (waiting.tag, waiting.sha) == ("api-v0.1.0", merged)
    assert await production.operations() == []
    await production.journey.bot.store.enqueue(waiting)  # which is to say that its time has come
    operation = await production.until(State.SUCCEEDED, concluded=True)
    assert operation.plan.build.tags == ["api-v0.1.0"]


async def test_two_releases_made_by_hand_of_one_commit_are_put_live_once(
    releasing: Production,
) -> None:
    production, github = releasing, releasing.github
    pull = production.merged("feat: add search")
    for tag in ("v0.1.0", "spring"):
        github.create_release(
            production.repository, tag, target=pull.merge_commit_sha, by=github.user("ada")
        )
    await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert len(await production.operations()) == 1


async def test_a_prerelease_is_not_put_live_by_itself(releasing: Production) -> None:
    production, github = releasing, releasing.github
    pull = production.merged("feat: add search")
    github.create_release(
        production.repository,
        "v0.1.0-rc.1",
        target=pull.merge_commit_sha,
        prerelease=True,
        by=github.user("ada"),
    )
    await production.journey.rest()
    assert await production.operations() == []
    assert production.live is None


def live_in(pull: Pull) -> str:
    """What the pull request says of what is in production."""
    _, _, said = (pull.body or "").replace("&#8203;", "").partition("**In production already**")
    return said.partition("<sub>")[0].strip()


async def test_the_pull_request_says_what_of_it_is_in_production(releasing: Production) -> None:
    production, github = releasing, releasing.github
    repository = production.repository
    first = await production.live_build("feat: add search")
    live = str(first.merge_commit_sha)
    pull = await release_pull(production)
    said = f"- production serves {live[:7]}, from #{first.number}"
    whole = len(repository.git.store.graph.history(live))
    assert live_in(pull) == f"{said}: {whole} of {whole} commits", "nothing was pushed since"
    # Begun before what is live, and merged after it.
    head = repository.branch("main") or ""
    (start, *_) = repository.git.store.commit(head).parents
    by, early = github.signature(None), Signature("Mona", "mona@example.invalid", 1_700_000_000)
    older = NewCommit("fix: older\n", early, early, (start,), (Change("older", b"x"),))
    merge = NewCommit("Merge branch 'x'\n", by, by, (head, 0), (Change("older", b"x"),))
    github.move_refs(repository, {"refs/heads/main": 1}, [older, merge])
    await production.journey.rest()
    assert live_in(pull) == f"{said}: {whole} of {whole + 2} commits"
    newest = await production.live_build("fix: round prices")
    assert live_in(pull).startswith(f"- production serves {newest.merge_commit_sha[:7]}")
    await production.say(newest, "/rollback")
    assert live_in(pull) == f"{said}: {whole} of {whole + 3} commits"


async def test_the_pull_request_says_so_too_where_somebody_moved_it(
    releasing: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    production = releasing
    monkeypatch.setattr(observe, "AGAIN_AFTER", timedelta(milliseconds=50))
    await production.live_build("feat: add search")
    other = production.merged("feat: sort by price")
    pull = await release_pull(production)
    production.hear_vercel()
    production.vercel.promote(production.project, production.build_of(other))
    await production.vercel.settled()
    await production.journey.rest()
    assert live_in(pull).startswith(f"- production serves {other.merge_commit_sha[:7]}")
