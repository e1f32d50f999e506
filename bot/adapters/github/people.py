"""Signing in with the App, and asking on somebody's behalf: ``bot.ports.people.People``.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from bot.adapters.github.transport import open_http
from bot.ports import HubUnavailable
from bot.ports.people import Person, SignInRefused, UserToken

_HEADERS = {
    "Accept": "application/vnd.github+json",
    "User-Agent": "lockgate",
    "X-GitHub-Api-Version": "2022-11-28",
}
_PAGE = 100
_MOST_PAGES = 50
"""Of one list: 5,000 repositories of one installation. What is beyond is not shown."""
_SECONDS = 10


class GitHubPeople:
    def __init__(self, *, site_url: str, api_url: str, client_id: str, client_secret: str) -> None:
        self._site_url = site_url.rstrip("/")
        self._api_url = api_url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._http = open_http(api_url)

    async def aclose(self) -> None:
        await self._http.aclose()

    def sign_in_url(self, *, redirect_uri: str, state: str, challenge: str) -> str:
        query = {
            "client_id": self._client_id,
            "redirect_uri": redirect_uri,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self._site_url}/login/oauth/authorize?{urlencode(query)}"

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> UserToken:
        form = {
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        url = f"{self._site_url}/login/oauth/access_token"
        answer = await self._send("POST", url, {"Accept": "application/json"}, form)
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            # GitHub's answer is 200 also for a refusal; `error` is one of its fixed words.
            raise SignInRefused(str(answer.get("error", "no token"))[:80])
        seconds = answer.get("expires_in")
        lifetime = timedelta(seconds=seconds) if isinstance(seconds, int) else None
        return UserToken(token, lifetime)

    async def fetch_person(self, token: UserToken) -> Person:
        found = await self._get("/user", token)
        return Person(int(found["id"]), str(found["login"]))

    async def fetch_readable(self, token: UserToken) -> frozenset[int]:
        readable: set[int] = set()
        for installation in await self._list("/user/installations", "installations", token):
            if installation.get("suspended_at"):
                continue
            path = f"/user/installations/{int(installation['id'])}/repositories"
            try:
                repositories = await self._list(path, "repositories", token)
            except HubUnavailable:
                continue  # an organisation may ask for more than this sign-in, such as SAML
            for repository in repositories:
                if (repository.get("permissions") or {}).get("pull", True):
                    readable.add(int(repository["id"]))
        return frozenset(readable)

    async def revoke(self, token: UserToken) -> None:
        # https://docs.github.com/rest/apps/oauth-applications#delete-an-app-token
        try:
            response = await self._http.request(
                "DELETE",
                f"{self._api_url}/applications/{quote(self._client_id, safe='')}/token",
                headers=_HEADERS,
                auth=(self._client_id, self._client_secret),
                json={"access_token": token.value},
                timeout=_SECONDS,
            )
        except httpx.HTTPError as error:
            raise HubUnavailable(f"GitHub did not answer ({type(error).__name__})") from None
        if response.status_code not in (204, 404, 422):
            raise HubUnavailable(f"GitHub answered {response.status_code}")

    async def _list(self, path: str, name: str, token: UserToken) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, _MOST_PAGES + 1):
            answer = await self._get(f"{path}?per_page={_PAGE}&page={page}", token)
            items = answer[name]
            found += items
            if len(items) < _PAGE:
                break
        return found

    async def _get(self, path: str, token: UserToken) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {token.value}"}
        return await self._send("GET", self._api_url + path, headers)

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        try:
            response = await self._http.request(
                method, url, headers={**_HEADERS, **headers}, data=form, timeout=_SECONDS
            )
        except httpx.HTTPError as error:
            # Without the error itself: what it carries along holds the token.
            raise HubUnavailable(f"GitHub did not answer ({type(error).__name__})") from None
        if response.status_code == 401:
            raise SignInRefused("GitHub does not take the token any more")
        if response.status_code != 200:
            raise HubUnavailable(f"GitHub answered {response.status_code}")
        try:
            found = json.loads(response.content)
        except ValueError:
            raise HubUnavailable("GitHub answered something else than JSON") from None
        if not isinstance(found, dict):
            raise HubUnavailable("GitHub answered something else than was asked for")
        return found
