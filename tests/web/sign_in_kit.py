"""The pages with sign-in on the sandbox's OAuth, and somebody's browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
from served_pages import audit_log, build, serve
from starlette.types import Receive, Scope, Send

from bot.adapters.github.people import GitHubPeople
from bot.adapters.postgres.store import PostgresStore
from bot.ports import Clock
from bot.sandbox.server import Sandbox
from bot.web.login import Login
from bot.web.sessions import Sessions

KEY = b"s" * 32


class Pages:
    """The pages with sign-in, a browser of somebody, and what both stand on."""

    def __init__(
        self, url: str, client: httpx.AsyncClient, github: Sandbox, people: GitHubPeople
    ) -> None:
        self.url = url
        self.client = client
        self.github = github
        self.people = people

    async def begin(self, wanted: str = "/") -> dict[str, str]:
        """The way to GitHub; what GitHub is asked with."""
        answer = await self.client.get("/login", params={"next": wanted})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{self.github.url}/login/oauth/authorize?")
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def agree(self, login: str, asked: dict[str, str]) -> dict[str, str]:
        """Somebody agrees at GitHub; what they come back with."""
        async with httpx.AsyncClient(base_url=self.github.url) as browser:
            browser.cookies.set("sandbox_me", self.github.user(login).login)
            answer = await browser.post("/_sandbox/oauth", data=asked)
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == f"{self.url}/login/callback"
        return {name: values[0] for name, values in parse_qs(back.query).items()}

    async def sign_in(self, login: str, wanted: str = "/") -> httpx.Response:
        back = await self.agree(login, await self.begin(wanted))
        return await self.client.get("/login/callback", params=back)

    async def sees(self, path: str = "/repos/octo/secret/pulls/1") -> bool:
        return (await self.client.get(path)).status_code == 200


@asynccontextmanager
async def opened(
    store: PostgresStore,
    github: Sandbox,
    clock: Clock,
    operators: frozenset[int] = frozenset(),
) -> AsyncIterator[Pages]:
    people = GitHubPeople(
        site_url=github.url,
        api_url=github.url,
        client_id=github.app.client_id,
        client_secret=github.app.client_secret,
    )
    placed: list[object] = []

    async def late(scope: Scope, receive: Receive, send: Send) -> None:
        # The address, which sign-ins are bound to, is known once the port is taken.
        await placed[0](scope, receive, send)  # type: ignore[operator]

    try:
        async with serve(late) as url, httpx.AsyncClient(base_url=url) as client:  # type: ignore[arg-type]
            login = Login(
                people=people,
                audit=audit_log(store),
                sessions=Sessions(KEY, url, clock),
                public_url=url,
                clock=clock,
                operators=operators,
            )
            placed.append(build(store, login.viewer, clock, login))
            yield Pages(url, client, github, people)
    finally:
        await people.aclose()
