"""``lockgate setup``: create the GitHub App, and keep what GitHub hands over."""

import asyncio
import webbrowser
from pathlib import Path
from urllib.parse import urlsplit

import click

from bot.cli.environment import settings_or_exit
from bot.cli.errors import CommandError
from bot.engine.app_manifest import load_manifest, manifest_form, new_app_url
from bot.logs import configure_logging
from bot.ports import NewApp
from bot.settings import (
    CREDENTIALS_FILE,
    DEFAULT_API_URL,
    Settings,
    require_room,
    write_credentials,
)
from bot.web.setup import SetupDesk
from bot.wiring.github import convert_manifest

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.option("--org", default="", metavar="NAME", help="Create it in an organisation of yours.")
@click.option("--name", default="", metavar="NAME", help="Its name; you can still change it.")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
@click.option("--api-url", default="", metavar="URL", help="In place of GITHUB_API_URL.")
@click.option("--port", default=8000, show_default=True, help="The local page's port.")
@click.option("--force", is_flag=True, help="Replace the credentials that are there.")
def setup(org: str, name: str, no_browser: bool, api_url: str, port: int, force: bool) -> None:
    """Create the GitHub App and keep its credentials.

    Opens a page on this machine that leads on to GitHub, where you confirm what the App may do.
    GitHub sends you back here, and the App's id, key and webhook secret are written to
    credentials.env in LOCKGATE_HOME, readable by you alone.

    \b
    Examples:
      LOCKGATE_PUBLIC_URL=https://lockgate.example.com lockgate setup
      lockgate setup --org octo --no-browser

    \b
    Exit codes:
      0  the App is made
      1  it was not made
      2  usage or configuration
    """
    configure_logging(level="error", json=False)
    overrides = {"GITHUB_API_URL": api_url} if api_url else {}
    settings = settings_or_exit(app_needed=False, overrides=overrides)
    _require_sense(settings, force=force)
    file = settings.home / CREDENTIALS_FILE
    _require_room(file)
    app = asyncio.run(_make(settings, file, org=org, name=name, port=port, browser=not no_browser))
    click.echo(f"\nThe App “{app.slug}” is made. Its credentials are in {file}")
    click.echo(f"\nNext:\n  1. install it:  {app.page}/installations/new")
    click.echo("  2. check it:    lockgate doctor\n  3. start it:    lockgate serve")


def _require_sense(settings: Settings, *, force: bool) -> None:
    """
    Raises:
        CommandError: there is an App already, or GitHub could never reach the bot.
    """
    if settings.github_app is not None and not force:
        raise CommandError(
            f"App {settings.github_app.app_id} is configured already",
            f"unset GITHUB_APP_ID and move {settings.home / CREDENTIALS_FILE} away, or replace "
            "what that file holds with --force",
        )
    local = urlsplit(settings.public_url).hostname in _LOOPBACK
    if local and urlsplit(settings.github_api_url).hostname not in _LOOPBACK:
        raise CommandError(
            f"GitHub cannot reach {settings.public_url}",
            "set LOCKGATE_PUBLIC_URL to the address under which GitHub reaches the bot, e.g. "
            "https://lockgate.example.com",
        )


def _require_room(file: Path) -> None:
    """
    Raises:
        CommandError: what GitHub hands over once could not be kept.
    """
    try:
        require_room(file)
    except OSError as error:
        raise CommandError(
            f"{file} cannot be written: {error.strerror}",
            "set LOCKGATE_HOME to a folder that this user can write, with room in it; no App was "
            "made",
            exit_code=1,
        ) from error


async def _make(
    settings: Settings, file: Path, *, org: str, name: str, port: int, browser: bool
) -> NewApp:
    manifest = load_manifest()

    async def keep(code: str) -> NewApp:
        app = await convert_manifest(settings, code)
        try:
            write_credentials(file, _credentials(settings, app))
        except OSError as error:
            raise OSError(f"{file} cannot be written: {error.strerror}") from error
        return app

    desk = SetupDesk(
        manifest=lambda redirect_url: manifest_form(
            manifest, name=name, public_url=settings.public_url, redirect_url=redirect_url
        ),
        target=lambda state: new_app_url(settings.github_api_url, organisation=org, state=state),
        keep=keep,
        port=port,
    )
    click.echo(f"Open {desk.address}/ in a browser and follow it. Waiting; Ctrl-C ends it.")
    if browser:
        await asyncio.to_thread(webbrowser.open, f"{desk.address}/")
    await desk.serve()
    if desk.error is not None:
        raise CommandError(
            str(desk.error),
            "delete the App at GitHub if it is there, then run `lockgate setup` again",
            exit_code=1,
        )
    if desk.app is None:
        raise CommandError(
            "no App was made", "run `lockgate setup` again when you are ready", exit_code=1
        )
    return desk.app


def _credentials(settings: Settings, app: NewApp) -> dict[str, str]:
    kept = {
        "GITHUB_APP_ID": str(app.id),
        "GITHUB_PRIVATE_KEY": app.private_key,
        "GITHUB_WEBHOOK_SECRET": app.webhook_secret,
    }
    if app.client_id and app.client_secret:
        kept |= {"GITHUB_CLIENT_ID": app.client_id, "GITHUB_CLIENT_SECRET": app.client_secret}
    if settings.github_api_url != DEFAULT_API_URL:
        kept["GITHUB_API_URL"] = settings.github_api_url
    return kept
