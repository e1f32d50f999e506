"""What was configured when: each change of the policy on the default branch is in the audit log."""

import psycopg
from production import POLICY, Production

from bot.core.policy import POLICY_PATH
from bot.ports.operations import AuditEntry
from bot.sandbox.code import CommitSpec


async def push(production: Production, policy: str) -> None:
    spec = CommitSpec("chore: change policy", {POLICY_PATH: policy})
    production.github.push(production.repository, "main", spec)
    await production.journey.rest()


async def noted(production: Production) -> list[AuditEntry]:
    """Oldest first."""
    records = await production.journey.bot.audit.fetch_entries(kind="policy")
    return [record.entry for record in reversed(records)]


async def test_each_change_is_noted_once_with_what_was_and_is(production: Production):
    await push(production, POLICY)
    await push(production, f"# The same, in other words.\n{POLICY}")
    pull = production.merged("feat: add search")
    await production.say(pull, "/promote")
    (first,) = await noted(production)
    assert first.repository == "octo/shop"
    assert first.subject == "policy changed"
    assert first.detail["file"] == POLICY_PATH
    (change,) = first.detail["changes"]
    assert (change["key"], change["before"]) == ("environments", None)
    assert change["after"]["production"]["requires"][0] == "source"

    await push(production, POLICY.replace("checks, ", "") + "    on_release: promote\n")
    _, second = await noted(production)
    within = "environments.production"
    kept = ["source", "deployment", "freeze", "lock"]
    assert second.detail["count"] == 2
    assert second.detail["changes"] == [
        {"key": f"{within}.on_release", "before": None, "after": "promote"},
        {
            "key": f"{within}.requires",
            "before": ["source", "checks", "deployment", "freeze", "lock"],
            "after": kept,
        },
    ]


async def test_a_change_is_noted_once_though_a_worker_is_killed_before_it_is_remembered(
    production: Production,
):
    await push(production, POLICY)
    async with await psycopg.AsyncConnection.connect(
        production.journey.bot.database, autocommit=True
    ) as connection:
        cursor = await connection.execute("SELECT policy, seen_at FROM lockgate.good_policies")
        before = await cursor.fetchone()
        await push(production, f"{POLICY}    on_release: promote\n")
        after = await noted(production)
        assert len(after) == 2
        await connection.execute(
            "UPDATE lockgate.good_policies SET policy = %s, seen_at = %s", before
        )
    await production.job_runs_again("rejudge_promotion")
    assert await noted(production) == after


async def test_a_policy_that_cannot_be_used_is_noted_each_time_that_it_breaks(
    production: Production,
):
    await push(production, POLICY)
    pull = production.merged("feat: add search")
    await push(production, POLICY.replace("requires", "require"))
    assert "refused" in await production.say(pull, "/promote")
    _, broken = await noted(production)
    assert broken.subject == "policy broken"
    (problem,) = broken.detail["problems"]
    assert "line 4" in problem
    assert "Did you mean `requires`?" in problem

    await push(production, POLICY)
    await push(production, POLICY.replace("requires", "require"))
    subjects = [entry.subject for entry in await noted(production)]
    assert subjects == ["policy changed", "policy broken", "policy broken"]
