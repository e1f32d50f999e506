"""GitHub, as the App and as a person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bot.adapters.github.auth import AppAuth
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.inspection import GitHubInspector
from bot.adapters.github.inspection import convert_manifest as ask_github_to_convert
from bot.adapters.github.people import GitHubPeople
from bot.adapters.github.person import GitHubPerson
from bot.adapters.localgit import LocalGit, LocalGitError
from bot.engine.app_manifest import site_url
from bot.engine.remote import Remote
from bot.ports import NewApp
from bot.ports.people import People
from bot.settings import AppCredentials, Secret, Settings
from bot.wiring.clock import CLOCK


def app_of(settings: Settings) -> AppCredentials:
    if settings.github_app is None:
        raise ValueError("no GitHub App is configured")
    return settings.github_app


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[GitHubHub]:
    app = app_of(settings)
    hub = GitHubHub.connect(
        app_id=app.app_id,
        private_key=app.private_key.reveal(),
        api_url=settings.github_api_url,
        clock=CLOCK,
    )
    try:
        yield hub
    finally:
        await hub.aclose()


@asynccontextmanager
async def open_inspector(settings: Settings) -> AsyncIterator[GitHubInspector | None]:
    """What GitHub knows of the App; None where there is no App yet."""
    app = settings.github_app
    if app is None:
        yield None
        return
    auth = AppAuth(app.app_id, app.private_key.reveal(), CLOCK)
    client = GitHubClient(api_url=settings.github_api_url, clock=CLOCK, app=auth)
    inspector = GitHubInspector(client)
    try:
        yield inspector
    finally:
        await inspector.aclose()


@asynccontextmanager
async def open_people(settings: Settings) -> AsyncIterator[People | None]:
    """Who signs in to the pages; None where nobody can."""
    if settings.oauth is None:
        yield None
        return
    people = GitHubPeople(
        site_url=site_url(settings.github_api_url),
        api_url=settings.github_api_url,
        client_id=settings.oauth.client_id,
        client_secret=settings.oauth.client_secret.reveal(),
    )
    try:
        yield people
    finally:
        await people.aclose()


@asynccontextmanager
async def open_remote(settings: Settings, token: Secret) -> AsyncIterator[Remote]:
    """GitHub as the person whose token it is. It needs no App, no key and no database."""
    person = GitHubPerson.connect(
        token=token.reveal(), api_url=settings.github_api_url, clock=CLOCK
    )
    try:
        yield Remote(person, GitHubCommandHub(person.access))
    finally:
        await person.aclose()


async def convert_manifest(settings: Settings, code: str) -> NewApp:
    """
    Raises:
        HubUnavailable, HubGone, HubRefused: GitHub gave no credentials for the code.
    """
    return await ask_github_to_convert(code, api_url=settings.github_api_url, clock=CLOCK)


def find_origin(path: Path) -> str:
    """``owner/name`` of the clone that a folder is in; empty where there is none, or no GitHub."""
    try:
        return urlsplit(LocalGit(path).fetch_web_url()).path.strip("/")
    except LocalGitError:
        return ""
