"""What a team is told of an operation's end, and what the audit log keeps of it."""

from pathlib import Path

import pytest
from notify_kit import judge_slack, served
from production import POLICY, Production, opened_production

from bot.core.operations.ending import decision_of, digest_of_json
from bot.core.operations.machine import State, StepName
from bot.core.render.json import to_json
from bot.engine.promotions import AUDIT_CHECK
from bot.sandbox.code import CommitSpec
from bot.settings import Secret

GREEN, RED = "#1a7f37", "#cf222e"


@pytest.mark.slow
async def test_a_channel_is_told_how_each_operation_ended(database_url: str, tmp_path: Path):
    async with (
        served(judge_slack) as slack,
        opened_production(
            database_url, tmp_path, slack_webhook_url=Secret(slack.url)
        ) as production,
        production.journey.working(),
    ):

        def told() -> list[tuple[str, str, str]]:
            """Colour, title and text of what came since the last look."""
            found = []
            for message in slack.taken:
                (attachment,) = message["attachments"]
                texts = [b["text"]["text"] for b in attachment["blocks"] if b["type"] == "section"]
                found.append((attachment["color"], message["text"], *texts))
            slack.taken.clear()
            return found

        promote, rollback = "promote of octo/shop production", "rollback of octo/shop production"
        good = await production.live_build("feat: add search")
        live = f"Production serves {good.merge_commit_sha[:7]}."
        assert told() == [(GREEN, f"{promote}: succeeded", live)]

        bad = production.merged("feat: sort by price")
        production.green(bad, "failure")
        await production.say(bad, "/promote")
        ((color, title, why),) = told()
        assert (color, title) == (RED, f"{promote}: refused")
        assert "`test`" in why

        await production.say(bad, "/override checks it burns & more than < 9 wait")
        ((color, title, why),) = told()
        assert (color, title) == (RED, f"{promote}: succeeded")
        assert why == (
            f"Production serves {bad.merge_commit_sha[:7]}.\n"
            "Gate checks is set aside by ada, for this operation alone: "
            "it burns &amp; more than &lt; 9 wait"
        )

        await production.say(bad, "/rollback")
        assert told() == [(GREEN, f"{rollback}: succeeded", live)]

        third = production.merged("feat: filter by size")
        production.vercel.plan_job(production.project, "failed")
        await production.say(third, "/promote")
        await production.nothing_left()
        failed, back = sorted(told(), key=lambda news: news[1])
        assert failed[:2] == (RED, f"{promote}: failed")
        assert back == (GREEN, f"{rollback}: succeeded", live)


@pytest.mark.slow
async def test_a_channel_that_is_down_holds_nothing_up(database_url: str, tmp_path: Path):
    async with (
        served(lambda head, message: (503, "no_service")) as slack,
        opened_production(
            database_url, tmp_path, slack_webhook_url=Secret(slack.url)
        ) as production,
        production.journey.working(),
    ):
        good = production.merged("feat: add search")
        production.comment(good, "/promote")
        await production.until(State.SUCCEEDED, concluded=True)
        bad = production.merged("feat: sort by price")
        production.comment(bad, "/promote")
        await production.until_served(bad)
        production.comment(bad, "/rollback")
        await production.until_served(good)
        await production.journey.until(lambda: slack.asked, "nobody was to be told")
        assert slack.taken == []


async def test_the_audit_log_keeps_what_was_decided_and_done(production: Production):
    audit = production.journey.bot.audit
    red = production.merged("feat: add search")
    production.green(red, "failure")
    await production.say(red, "/promote", by="mona")
    await production.say(red, "/override lock there is none")
    await production.say(red, "/promote")
    await production.say(red, "/override checks it burns")

    asked = [record.entry.detail for record in await audit.fetch_entries(kind="command")]
    why = [(each["line"], each["refused"], each.get("why", "")) for each in reversed(asked)]
    none_held = "No promotion to production is held by that gate."
    assert why[0][:2] == ("/promote", True)
    assert "`maintain`" in why[0][2]
    assert why[1] == ("/override lock there is none", False, "")
    assert why[2][:2] == ("/override lock there is none", True)
    assert why[2][2].startswith(none_held)
    assert [each[1:] for each in why[3:]] == [(False, "")] * 2

    live, refused = await production.operations()
    kept, first = [record.entry for record in await audit.fetch_entries(kind="promotion")]
    for operation, entry in ((live, kept), (refused, first)):
        decision = to_json(decision_of(operation))
        assert entry.detail["decision_sha256"] == digest_of_json(decision)
        assert digest_of_json(decision) == digest_of_json(
            operation.step(StepName.GATES).detail["decision"]
        )
    gates = {gate.pop("gate"): gate for gate in kept.detail["gates"]}
    assert list(gates) == ["source", "checks", "deployment", "freeze", "lock"]
    assert gates["checks"]["overridden"] == "fail"
    assert "it burns" in gates["checks"]["summary"]
    assert {gate["overridden"] for name, gate in gates.items() if name != "checks"} == {None}
    steps = {step["name"]: step for step in kept.detail["steps"]}
    assert {step["state"] for step in steps.values()} == {"done"}
    assert all(step["at"] for step in steps.values())
    assert production.build_of(red).id in steps["verify"]["found"]
    assert refused.state is State.REFUSED
    assert [gate["verdict"] for gate in first.detail["gates"] if gate["gate"] == "checks"] == [
        "fail"
    ]


async def anchored(production: Production, sha: str) -> str:
    """The checkpoint that stands on a commit. The log fits it."""
    (run,) = production.github.latest_checks(
        production.repository, sha, name=AUDIT_CHECK, app_id=production.github.app.id
    )
    assert run.conclusion == "neutral"
    newest = await production.newest()
    assert run.title == f"Audit checkpoint of operation {newest.id}"
    note = run.text.removeprefix("```\n").removesuffix("```")
    audit = production.journey.bot.audit
    found = await audit.verify(anchors=[(note, "the commit")])
    assert (found.faults, found.waiting) == ((), 0)
    own = [record.id for record in await audit.fetch_entries(kind=newest.plan.kind.noun)]
    proof = await audit.prove(own[0])
    assert proof.position < int(note.split("\n")[1]), "the end itself is not in it"
    return note


async def test_the_audit_log_is_anchored_on_the_commit_that_went_live(production: Production):
    pull = await production.live_build("feat: add search")
    first = await anchored(production, pull.merge_commit_sha)
    audit = production.journey.bot.audit
    (fault, *_) = (await audit.verify(anchors=[(first.replace("=", "A", 1), "x")])).faults
    assert fault.tampering.value == "checkpoint"


async def test_it_is_anchored_where_no_pull_request_led_to_it(production: Production):
    repository, github = production.repository, production.github
    policy = f"{POLICY.replace('checks, ', '')}    on_release: promote\n"
    (pushed,) = github.push(
        repository, "main", CommitSpec("feat: add search", {".github/lockgate.yml": policy})
    )
    await production.journey.rest()
    github.create_release(repository, "v1.0.0", target=pushed, by=github.user("ada"))
    operation = await production.until(State.SUCCEEDED, concluded=True)
    await production.nothing_left()
    assert operation.pull_number == 0
    assert await anchored(production, pushed)
