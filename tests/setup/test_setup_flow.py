"""``lockgate setup`` as a person runs it: a process, a browser's requests, a sandbox GitHub."""

import asyncio
import html
import json
import os
import re
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.adapters.github.hub import GitHubHub
from bot.engine.app_manifest import load_manifest
from bot.sandbox.server import Sandbox
from bot.settings import CREDENTIALS_FILE, load_settings
from bot.wiring.clock import CLOCK

pytestmark = pytest.mark.slow

PUBLIC = "https://lockgate.example.com"


def environment(home: Path, api_url: str, **more: str) -> dict[str, str]:
    plain = {"PATH": os.environ["PATH"], "LOCKGATE_HOME": str(home), "GITHUB_API_URL": api_url}
    return {**plain, "LOCKGATE_PUBLIC_URL": PUBLIC, **more}


async def lockgate(*arguments: str, env: dict[str, str]) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from bot.cli.main import main; main()",
        *arguments,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: Process) -> tuple[int, str, str]:
    try:
        out, err = await asyncio.wait_for(process.communicate(), 30)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def waiting(*arguments: str, env: dict[str, str]) -> AsyncIterator[tuple[Process, str]]:
    """A ``lockgate setup`` that waits for a browser, and its address."""
    process = await lockgate("setup", "--no-browser", "--port", "0", *arguments, env=env)
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line or (await ended(process))[2]
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
async def github() -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def form_in(page: str) -> tuple[str, dict[str, str]]:
    """A page's form: where it leads, and its hidden fields."""
    action = re.search(r'<form method="post" action="([^"]*)"', page)
    assert action, page
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in fields}


async def agreed(github: Sandbox, browser: httpx.AsyncClient, address: str) -> httpx.Response:
    """From our page over GitHub's, where somebody presses Create, and back to ours."""
    action, fields = form_in((await browser.get(f"{address}/")).text)
    shown = await browser.post(action, data=fields)
    action, fields = form_in(shown.text)
    return await browser.post(f"{github.url}{action}", data=fields, follow_redirects=True)


async def test_from_nothing_to_working_credentials(
    github: Sandbox, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    env = environment(home, github.url)
    arguments = ("--org", "octo", "--name", "Lockgate Octo")
    async with waiting(*arguments, env=env) as (process, address):
        action, fields = form_in((await browser.get(f"{address}/")).text)
        manifest = json.loads(fields["manifest"])
        assert action.startswith(f"{github.url}/organizations/octo/settings/apps/new?state=")
        assert manifest["hook_attributes"]["url"] == f"{PUBLIC}/webhooks/github"
        assert manifest["default_permissions"] == dict(load_manifest().permissions)
        answer = await agreed(github, browser, address)
        assert answer.status_code == 200
        status, out, err = await ended(process)
    assert (status, err) == (0, "")
    (app,) = [app for app in github.apps.values() if app.slug == "lockgate-octo"]
    assert f"{github.url}/apps/lockgate-octo/installations/new" in out
    assert "lockgate doctor" in out
    file = home / CREDENTIALS_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    settings = load_settings({"LOCKGATE_HOME": str(home)})
    assert settings.github_app is not None
    assert settings.github_app.app_id == app.id
    assert [secret.reveal() for secret in settings.github_app.webhook_secrets] == [app.hook.secret]
    assert settings.github_api_url == github.url
    for secret in (app.hook.secret, app.private_key.splitlines()[1], app.client_secret):
        assert secret not in out + answer.text
    shop = github.create_repository("octo/shop")
    installation = github.installation_of(app, shop) or github.install(app, shop.owner)
    hub = GitHubHub.connect(
        app_id=app.id,
        private_key=settings.github_app.private_key.reveal(),
        api_url=settings.github_api_url,
        clock=CLOCK,
    )
    found = await hub.fetch_repositories(installation.id)
    await hub.aclose()
    assert [repo.full_name for repo in found] == ["octo/shop"]


async def test_an_answer_with_another_state_is_not_taken(
    github: Sandbox, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    async with waiting(env=environment(tmp_path / "h", github.url)) as (process, address):
        for query in ({"code": "a-code"}, {"code": "a-code", "state": "guess"}, {"state": "é"}):
            answer = await browser.get(f"{address}/callback", params=query)
            assert answer.status_code == 400
        strange = await browser.get(f"{address}/", headers={"Host": "evil.example"})
        assert strange.status_code == 400
        assert process.returncode is None, "it still waits"
        assert (await agreed(github, browser, address)).status_code == 200
        assert (await ended(process))[0] == 0


async def test_a_code_that_github_does_not_know(
    github: Sandbox, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    async with waiting(env=environment(home, github.url)) as (process, address):
        action, _ = form_in((await browser.get(f"{address}/")).text)
        query = {"code": "spent", "state": httpx.URL(action).params["state"]}
        answer = await browser.get(f"{address}/callback", params=query)
        assert answer.status_code == 502
        status, _, err = await ended(process)
    assert status == 1
    assert "error: could not fetch the new App's credentials: GitHub answered 404" in err
    assert "spent" not in err
    assert "help: " in err
    assert not (home / CREDENTIALS_FILE).exists()


async def test_a_home_that_cannot_be_written_is_said_before_there_is_an_app(
    github: Sandbox, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.symlink_to(tmp_path / "nowhere" / "home")
    status, out, err = await ended(await lockgate("setup", env=environment(home, github.url)))
    assert (status, out) == (1, "")
    assert f"error: {home / CREDENTIALS_FILE} cannot be written" in err
    assert "help: set LOCKGATE_HOME" in err


async def test_credentials_that_cannot_be_kept_are_told_and_the_command_ends(
    github: Sandbox, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    """GitHub hands them over once: what it made must not be waited for in vain."""
    home = tmp_path / "home"
    async with waiting(env=environment(home, github.url)) as (process, address):
        home.rmdir()
        home.write_text("the disk went away")
        answer = await agreed(github, browser, address)
        assert answer.status_code == 500
        assert "The App was not taken over" in answer.text
        status, _, err = await ended(process)
    assert status == 1
    assert f"error: {home / CREDENTIALS_FILE} cannot be written" in err
    assert "help: delete the App at GitHub" in err


async def test_it_starts_on_another_port_where_the_wanted_one_is_taken(
    github: Sandbox, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    env = environment(tmp_path / "h", github.url)
    async with waiting(env=env) as (_, first):
        taken = first.rpartition(":")[2]
        async with waiting("--port", taken, env=env) as (_, second):
            assert first != second
            assert (await browser.get(f"{second}/")).status_code == 200


async def test_credentials_are_not_replaced_unasked(
    github: Sandbox, browser: httpx.AsyncClient, tmp_path: Path
) -> None:
    env = environment(tmp_path / "home", github.url)
    async with waiting(env=env) as (process, address):
        await agreed(github, browser, address)
        await ended(process)
    status, _, err = await ended(await lockgate("setup", env=env))
    assert status == 2
    assert "is configured already" in err
    assert "--force" in err
    async with waiting("--force", env=env) as (_, address):
        assert (await browser.get(f"{address}/")).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        ([], {"LOCKGATE_PUBLIC_URL": ""}, "LOCKGATE_PUBLIC_URL"),
        pytest.param(
            ["--api-url", "ghe.example"],
            {},
            "GITHUB_API_URL: it is no web address",
            marks=pytest.mark.long,
        ),
        pytest.param(["--port", "many"], {}, "invalid value for '--port'", marks=pytest.mark.long),
    ],
)
async def test_what_cannot_work_is_said_before_anything_is_made(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], said: str
) -> None:
    env = environment(tmp_path, "https://api.github.com", **environ)
    status, out, err = await ended(await lockgate("setup", *arguments, env=env))
    assert status == 2
    assert said in err
    assert out == ""
