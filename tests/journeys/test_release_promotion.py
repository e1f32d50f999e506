"""From merging the release pull request to production, without anything typed."""

import pytest
from production import POLICY, Production
from test_release_pull import release_pulls

from bot.core.operations.machine import State
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull

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
