"""``lockgate doctor`` on a sandbox GitHub, a real database and a web server that answers."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import uvicorn
from starlette.applications import Starlette

from bot.adapters.github.auth import AppAuth
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.inspection import GitHubInspector
from bot.adapters.postgres.store import PostgresStore
from bot.core.audit.checkpoint import SEED_BYTES
from bot.core.decision import Verdict
from bot.core.redaction import redact
from bot.engine.doctor import check_clock, examine
from bot.engine.examined import Check
from bot.ports.operations import AuditEntry
from bot.sandbox.installing import new_key
from bot.sandbox.server import Sandbox
from bot.settings import load_settings
from bot.web.health import health_routes
from bot.wiring.doctor import open_doctor
from bot.wiring.store import open_audit

SECRET = "a-webhook-secret-of-some-length"
NAMES = [
    "settings",
    "clock",
    "key",
    "address",
    "permissions",
    "events",
    "webhook",
    "secret",
    "installations",
    "deliveries",
    "database",
    "queue",
    "audit",
    "hosting",
    "databases",
    "sources",
]


@dataclass
class House:
    """A whole installation, all of it well."""

    sandbox: Sandbox
    environ: dict[str, str]

    async def examined(self, **changes: str) -> dict[str, Check]:
        settings = load_settings({**self.environ, **changes})
        async with open_doctor(settings) as subject:
            return {check.name: check async for check in examine(subject)}


@pytest.fixture
async def address(store: PostgresStore) -> AsyncIterator[str]:
    """A web server with the bot's own health pages."""
    app = Starlette(routes=health_routes(store))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def house(address: str, database_url: str, tmp_path) -> AsyncIterator[House]:
    hook = f"{address}/webhooks/github"
    async with Sandbox(webhook_url=hook, webhook_secret=SECRET) as sandbox:
        shop = sandbox.create_repository("octo/shop")
        assert sandbox.installation_of(sandbox.app, shop)
        await sandbox.hooks.settled()
        sandbox.hooks.deliveries.clear()
        yield House(
            sandbox,
            {
                "LOCKGATE_HOME": str(tmp_path),
                "DATABASE_URL": database_url,
                "GITHUB_APP_ID": str(sandbox.app.id),
                "GITHUB_PRIVATE_KEY": sandbox.app.private_key,
                "GITHUB_WEBHOOK_SECRET": SECRET,
                "GITHUB_API_URL": sandbox.url,
                "LOCKGATE_PUBLIC_URL": address,
            },
        )


async def test_all_is_well(house: House) -> None:
    checks = await house.examined()
    assert list(checks) == NAMES
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}, checks


def _lacks_permission(sandbox: Sandbox) -> None:
    sandbox.app.permissions["checks"] = "read"


def _not_accepted(sandbox: Sandbox) -> None:
    (installation,) = sandbox.installations.values()
    del installation.permissions["merge_queues"]


def _lacks_event(sandbox: Sandbox) -> None:
    sandbox.app.events.remove("merge_group")


def _sends_elsewhere(sandbox: Sandbox) -> None:
    sandbox.app.hook.url = "https://old.example/webhooks/github"


def _sends_forms(sandbox: Sandbox) -> None:
    sandbox.app.hook.content_type = "form"


def _signs_nothing(sandbox: Sandbox) -> None:
    sandbox.app.hook.secret = ""


def _suspended(sandbox: Sandbox) -> None:
    (installation,) = sandbox.installations.values()
    sandbox.suspend(installation)
    sandbox.hooks.deliveries.clear()


def _uninstalled(sandbox: Sandbox) -> None:
    sandbox.installations.clear()


def _unreadable(sandbox: Sandbox) -> None:
    sandbox.faults.answer("* /app/hook/config", 403, message="odd", times=None)


@pytest.mark.parametrize(
    ("spoil", "name", "verdict", "remedy"),
    [
        (_lacks_permission, "permissions", Verdict.FAIL, "Checks: Read and write"),
        (_not_accepted, "installations", Verdict.FAIL, "ask an owner of octo"),
        (_lacks_event, "events", Verdict.FAIL, "Merge group"),
        (_sends_elsewhere, "webhook", Verdict.FAIL, "Webhook URL"),
        (_sends_forms, "webhook", Verdict.FAIL, "application/json"),
        (_signs_nothing, "secret", Verdict.FAIL, "GITHUB_WEBHOOK_SECRET"),
        (_suspended, "installations", Verdict.FAIL, "unsuspend"),
        (_uninstalled, "installations", Verdict.FAIL, "/installations/new"),
        (_unreadable, "webhook", Verdict.ERROR, "lockgate doctor"),
    ],
)
async def test_what_is_wrong_at_github(
    house: House, spoil: Callable[[Sandbox], None], name: str, verdict: Verdict, remedy: str
) -> None:
    spoil(house.sandbox)
    checks = await house.examined()
    assert checks[name].verdict is verdict
    assert remedy in checks[name].remedy
    others = {each.name for each in checks.values() if each.verdict is not Verdict.PASS} - {name}
    assert others <= {"secret"}, "one fault is told once"


@pytest.mark.parametrize(
    ("changes", "name", "remedy"),
    [
        ({"GITHUB_APP_ID": "1"}, "key", "GITHUB_APP_ID"),
        ({"GITHUB_PRIVATE_KEY": new_key()[0]}, "key", "generate a private key"),
        ({"GITHUB_API_URL": "http://127.0.0.1:1"}, "key", "GITHUB_API_URL"),
        ({"LOCKGATE_PUBLIC_URL": "http://127.0.0.1:1"}, "address", "lockgate serve"),
        ({"DATABASE_URL": "postgresql://127.0.0.1:1/none"}, "database", "DATABASE_URL"),
        ({"GITHUB_WEBHOOK_SECRET": "short"}, "settings", "openssl rand"),
    ],
)
async def test_what_is_wrong_here(
    house: House, changes: dict[str, str], name: str, remedy: str
) -> None:
    checks = await house.examined(**changes)
    assert checks[name].verdict in (Verdict.FAIL, Verdict.ERROR)
    assert remedy in checks[name].remedy


async def test_a_database_that_was_not_migrated(house: House, empty_database_url: str) -> None:
    checks = await house.examined(DATABASE_URL=empty_database_url)
    assert checks["database"].verdict is Verdict.FAIL
    assert "lockgate migrate" in checks["database"].remedy
    assert checks["queue"].verdict is Verdict.SKIP
    assert checks["audit"].verdict is Verdict.SKIP


async def test_an_audit_log_that_another_machine_signs(house: House) -> None:
    """One that made a key for itself, since nobody gave it the first one's."""
    other = base64.b64encode(b"o" * SEED_BYTES).decode()
    async with open_audit(load_settings(house.environ | {"LOCKGATE_AUDIT_KEY": other})) as audit:
        await audit.append(AuditEntry("login", "ada", "", "ada", {}))
        await audit.sequence()
    found = (await house.examined())["audit"]
    assert found.verdict is Verdict.FAIL
    assert found.remedy.startswith("give every machine the same LOCKGATE_AUDIT_KEY")


async def test_an_audit_log_that_lost_its_checkpoints(house: House, database_url: str) -> None:
    async with open_audit(load_settings(house.environ)) as audit:
        await audit.append(AuditEntry("login", "ada", "", "ada", {}))
        await audit.sequence()
    assert (await house.examined())["audit"].verdict is Verdict.PASS
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            "ALTER TABLE lockgate.audit_checkpoints DISABLE TRIGGER audit_append_only"
        )
        await connection.execute("DELETE FROM lockgate.audit_checkpoints")
    check = (await house.examined())["audit"]
    assert check.verdict is Verdict.FAIL
    assert "no checkpoint" in check.found
    assert "lockgate audit verify" in check.remedy


async def test_databases_of_environments(house: House, empty_database_url: str) -> None:
    check = (await house.examined())["databases"]
    assert (check.verdict, check.found) == (
        Verdict.PASS, "no environment has a database here",
    )  # fmt: skip
    check = (await house.examined(LOCKGATE_DB_STAGING=empty_database_url))["databases"]
    assert (check.verdict, check.found) == (Verdict.PASS, "1 can be used: staging")
    gone = "postgresql://ada:hunter2@127.0.0.1:1/shop"
    check = (await house.examined(LOCKGATE_DB_EU_WEST=gone))["databases"]
    assert check.verdict is Verdict.FAIL
    assert check.found.startswith("LOCKGATE_DB_EU_WEST cannot be used: ")
    assert check.remedy
    assert "hunter2" not in check.found + check.remedy


async def test_sources_of_numbers(house: House) -> None:
    check = (await house.examined())["sources"]
    assert (check.verdict, check.found) == (Verdict.PASS, "no source of numbers is named here")
    named = {
        "LOCKGATE_SOURCE_METRICS": house.environ["LOCKGATE_PUBLIC_URL"],
        "LOCKGATE_SOURCE_METRICS_REPOSITORIES": "octo/shop",
    }
    check = (await house.examined(**named))["source metrics"]
    assert (check.verdict, check.found) == (Verdict.PASS, "it answers")
    refusing = {
        "LOCKGATE_SOURCE_EU_METRICS": f"{house.sandbox.url}/installation/repositories",
        "LOCKGATE_SOURCE_EU_METRICS_REPOSITORIES": "octo/shop",
        "LOCKGATE_SOURCE_EU_METRICS_TOKEN": "hunter2",
        "LOCKGATE_SOURCE_GONE": "http://127.0.0.1:1",
        "LOCKGATE_SOURCE_GONE_REPOSITORIES": "octo/shop",
    }
    checks = await house.examined(**named, **refusing)
    assert checks["source metrics"].verdict is Verdict.PASS
    check = checks["source eu-metrics"]
    assert check.verdict is Verdict.FAIL
    assert check.found == "eu-metrics lets nobody in (401); mend its credential"
    assert check.remedy.startswith("see that LOCKGATE_SOURCE_EU_METRICS leads to what answers")
    assert checks["source gone"].found == "gone could not be reached: no connection"


async def test_a_delivery_that_was_signed_with_another_secret(house: House) -> None:
    # The health pages know no webhook: 404 is what GitHub is answered here.
    house.sandbox.hooks.send_raw(house.sandbox.app, "push", b"{}")
    await house.sandbox.hooks.settled()
    check = (await house.examined())["deliveries"]
    assert check.verdict is Verdict.FAIL
    assert "1 of 1 of the last 3 days did not arrive; the latest was answered 404" in check.found


async def test_no_app(house: House) -> None:
    names = ("GITHUB_APP_ID", "GITHUB_PRIVATE_KEY", "GITHUB_WEBHOOK_SECRET")
    checks = await house.examined(**dict.fromkeys(names, ""))
    assert checks["key"].remedy == "run `lockgate setup`"
    assert checks["database"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("ahead", "verdict"), [(0, Verdict.PASS), (-120, Verdict.FAIL), (120, Verdict.FAIL)]
)
async def test_the_clock_is_compared_with_githubs_even_when_it_refuses(
    house: House, ahead: int, verdict: Verdict
) -> None:
    @dataclass
    class Clock:
        def now(self) -> datetime:
            return datetime.now(UTC) + timedelta(seconds=ahead)

    app = house.sandbox.app
    auth = AppAuth(app.id, app.private_key, Clock())
    inspector = GitHubInspector(GitHubClient(api_url=house.sandbox.url, clock=Clock(), app=auth))
    async with open_doctor(load_settings(house.environ)) as subject:
        checks = {c.name: c async for c in examine(replace(subject, inspector=inspector))}
    await inspector.aclose()
    assert checks["clock"].verdict is verdict
    assert check_clock(inspector.clock_skew()).verdict is verdict


async def run(*arguments: str, env: dict[str, str]) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "doctor",
        *arguments,
        env={"PATH": os.environ["PATH"], **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_command_on_a_house_that_is_well(house: House) -> None:
    status, out, err = await run("--format", "json", env=house.environ)
    assert (status, err) == (0, "")
    assert [json.loads(line)["name"] for line in out.splitlines()] == NAMES
    assert redact(out) == out
    assert SECRET not in out


@pytest.mark.slow
async def test_the_command_on_one_that_is_not(house: House) -> None:
    _lacks_event(house.sandbox)
    status, out, err = await run(env=house.environ)
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert lines[0].split(maxsplit=2) == ["ok", "settings", "the environment can be used"]
    (at,) = [number for number, line in enumerate(lines) if line.startswith("fail")]
    assert "events" in lines[at]
    assert lines[at + 1].strip().startswith("→ tick “Merge group”")
    assert lines[-1] == f"1 of {len(NAMES)} checks ask for something."


@pytest.mark.slow
async def test_the_command_with_an_environment_that_cannot_be_used(tmp_path) -> None:
    environ = {"LOCKGATE_HOME": str(tmp_path), "PORT": "x", "GITHUB_APP_ID": "x"}
    status, out, _ = await run("--format", "json", env=environ)
    assert status == 1
    found = [json.loads(line) for line in out.splitlines()]
    assert {check["name"] for check in found} == {"settings"}
    assert len(found) == 4
    assert all(check["remedy"] for check in found)


async def test_usage() -> None:
    assert (await run("--format", "xml", env={}))[0] == 2
