"""What the doctor and the setup ask of GitHub: about the App itself, not about repositories."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import httpx

from bot.adapters.github import operations as op
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.transport import open_http
from bot.ports import (
    AppFacts,
    Clock,
    HookDelivery,
    HookFacts,
    HubUnavailable,
    InstallationFacts,
    NewApp,
)

_PROBE_SECONDS = 10


class GitHubInspector:
    """``bot.ports.AppInspector`` on GitHub's API."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    async def aclose(self) -> None:
        await self._client.aclose()

    async def fetch_app(self) -> AppFacts:
        app = (await self._client.rest(op.GET_APP)).data
        page = app["html_url"]
        site, _, slug = page.partition("/apps/")
        owner = app["owner"]
        home = f"/organizations/{owner['login']}" if owner.get("type") == "Organization" else ""
        return AppFacts(
            id=app["id"],
            slug=app["slug"],
            page=page,
            settings_page=f"{site}{home}/settings/apps/{slug}",
            permissions=dict(app["permissions"]),
            events=tuple(app["events"]),
        )

    async def fetch_hook(self) -> HookFacts:
        hook = (await self._client.rest(op.GET_HOOK_CONFIG)).data
        return HookFacts(
            url=hook.get("url") or "",
            content_type=hook.get("content_type") or "form",
            has_secret=bool(hook.get("secret")),
            verifies_tls=str(hook.get("insecure_ssl", "0")) == "0",
        )

    async def fetch_installations(self) -> list[InstallationFacts]:
        return [
            InstallationFacts(
                id=item["id"],
                account=(item["account"] or {}).get("login", "a deleted account"),
                page=item["html_url"],
                suspended=item["suspended_at"] is not None,
                permissions=dict(item["permissions"]),
            )
            async for page in self._client.pages(op.LIST_INSTALLATIONS)
            for item in page.data
        ]

    def fetch_deliveries(self, *, since: datetime) -> AsyncIterator[HookDelivery]:
        return fetch_deliveries(self._client, since=since)

    def clock_skew(self) -> timedelta | None:
        return self._client.clock_skew

    async def probe(self, url: str) -> str:
        try:
            async with open_http(url) as http:
                response = await http.get(url, timeout=_PROBE_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"no answer ({type(error).__name__})"
        return "" if response.status_code == 200 else f"answered {response.status_code}"


async def fetch_deliveries(client: GitHubClient, *, since: datetime) -> AsyncIterator[HookDelivery]:
    """The App's webhook deliveries, newest first, until one is older than ``since``."""
    async for page in client.pages(op.LIST_DELIVERIES):
        for item in page.data:
            status = item["status_code"] or 0
            delivery = HookDelivery(
                item["id"],
                item["guid"],
                datetime.fromisoformat(item["delivered_at"]),
                ok=200 <= status < 300,
                status=status,
            )
            if delivery.delivered_at < since:
                return
            yield delivery


async def convert_manifest(code: str, *, api_url: str, clock: Clock) -> NewApp:
    """Exchange the code that GitHub gave for the new App's credentials; it does so once, within
    an hour. https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest

    Raises:
        HubUnavailable, HubGone, HubRefused: GitHub gave none.
    """
    client = GitHubClient(api_url=api_url, clock=clock)
    try:
        app = (await client.rest(op.CONVERT_MANIFEST, path={"code": code})).data
    finally:
        await client.aclose()
    if not app.get("pem"):
        raise HubUnavailable("GitHub made the App and gave no private key with it")
    return NewApp(
        id=app["id"],
        slug=app["slug"],
        page=app["html_url"],
        private_key=app["pem"],
        webhook_secret=app["webhook_secret"] or "",
        client_id=app["client_id"] or "",
        client_secret=app["client_secret"] or "",
    )
