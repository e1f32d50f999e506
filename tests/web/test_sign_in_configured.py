"""From the environment to a bot whose pages people can sign in to."""

import asyncio
import base64
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from served_pages import serve

from bot.adapters.keyfile import AuditKeyError, load_session_key
from bot.cli.setup import _credentials
from bot.engine.app_manifest import load_manifest, manifest_form
from bot.sandbox.server import Sandbox
from bot.settings import (
    CREDENTIALS_FILE,
    SettingsError,
    load_settings,
    write_credentials,
)
from bot.web.bot_app import bot_app
from bot.wiring.bot import open_bot
from bot.wiring.github import convert_manifest

KEY = base64.b64encode(b"k" * 32).decode()


def problems(tmp_path: Path, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings({"LOCKGATE_HOME": str(tmp_path), **environ})
    return caught.value.problems


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    for environ, said in (
        ({"GITHUB_CLIENT_ID": "Iv1"}, "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET: only one"),
        ({"GITHUB_CLIENT_SECRET": "s"}, "GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET: only one"),
        ({"LOCKGATE_SESSION_KEY": "short"}, "LOCKGATE_SESSION_KEY: it is not 32 bytes"),
        ({"LOCKGATE_SESSION_KEY": KEY[:-4]}, "LOCKGATE_SESSION_KEY: it is not 32 bytes"),
        ({"LOCKGATE_OPERATORS": "octo"}, "LOCKGATE_OPERATORS: it holds something else"),
        ({"LOCKGATE_OPERATORS": "1,²"}, "LOCKGATE_OPERATORS: it holds something else"),
    ):
        (problem,) = problems(tmp_path, **environ)
        assert problem.startswith(said)


def test_what_can_be_used_is_taken_and_hidden(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "LOCKGATE_HOME": str(tmp_path),
            "GITHUB_CLIENT_ID": "Iv1",
            "GITHUB_CLIENT_SECRET": "hush-hush",
            "LOCKGATE_SESSION_KEY": KEY,
            "LOCKGATE_OPERATORS": "583231, 7,",
        }
    )
    assert settings.oauth is not None
    assert settings.oauth.client_secret.reveal() == "hush-hush"
    assert settings.operators == {583231, 7}
    assert "hush-hush" not in repr(settings)
    assert KEY not in repr(settings)
    assert load_settings({"LOCKGATE_HOME": str(tmp_path)}).oauth is None


def test_the_session_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_session_key(tmp_path)
    assert len(first) == 32
    assert load_session_key(tmp_path) == first
    path = tmp_path / "session.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_session_key(tmp_path, KEY) == b"k" * 32
    path.chmod(0o644)
    with pytest.raises(AuditKeyError, match="others can read it"):
        load_session_key(tmp_path)
    path.chmod(0o600)
    for damaged, said in (("", "it is empty"), ("x", "damaged"), ("é", "cannot be read")):
        path.write_text(damaged)
        with pytest.raises(AuditKeyError, match=said):
            load_session_key(tmp_path)


async def _settings_of(github: Sandbox, home: Path, **environ: str) -> Any:
    """As ``lockgate setup`` leaves them behind, for an App that was made from the manifest."""
    base = {"LOCKGATE_HOME": str(home), "GITHUB_API_URL": github.url, **environ}
    form = manifest_form(
        load_manifest(), name="x", public_url="https://b.example", redirect_url=github.url
    )
    assert form["callback_urls"] == ["https://b.example/login/callback"]
    code = github.agree_to_manifest(form, owner=github.user("mona"))
    new = await convert_manifest(load_settings(base), code)
    assert new.client_secret not in repr(new)
    kept = _credentials(load_settings(base), new)
    await asyncio.to_thread(write_credentials, home / CREDENTIALS_FILE, kept)
    return load_settings(base)


async def test_a_bot_that_was_set_up_has_people_sign_in(database_url: str, tmp_path: Path) -> None:
    async with Sandbox() as github:
        settings = await _settings_of(github, tmp_path, DATABASE_URL=database_url)
        assert settings.oauth is not None
        async with (
            open_bot(settings) as bot,
            serve(bot_app(bot)) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            assert "Sign in with GitHub" in (await client.get("/")).text
            home = {"Host": settings.public_url.removeprefix("http://")}
            answer = await client.get("/login", headers=home)
            assert answer.headers["location"].startswith(f"{github.url}/login/oauth/authorize?")
            assert settings.oauth.client_id in answer.headers["location"]
            assert settings.oauth.client_secret.reveal() not in answer.headers["location"]
    assert (tmp_path / "session.key").exists()


async def test_a_bot_without_a_client_secret_shows_public_repositories(
    database_url: str, tmp_path: Path
) -> None:
    async with Sandbox() as github:
        settings = await _settings_of(github, tmp_path, DATABASE_URL=database_url)
        path = tmp_path / CREDENTIALS_FILE
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("GITHUB_CLIENT")))
        settings = load_settings(
            {
                "LOCKGATE_HOME": str(tmp_path),
                "GITHUB_API_URL": github.url,
                "DATABASE_URL": settings.database_url.reveal(),
            }
        )
        async with (
            open_bot(settings) as bot,
            serve(bot_app(bot)) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            assert "Sign in with GitHub" not in (await client.get("/")).text
            assert (await client.get("/login")).status_code == 404
