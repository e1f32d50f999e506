"""What the sandbox asks of a browser: requests from its own pages only, and a chosen person."""

from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.model import Account

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

ME: Final = "sandbox_me"
_LOCAL: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
# GitHub takes these two from elsewhere: the manifest form, and the exchange of a code
_OPEN: Final = ("/settings/apps/new", "/organizations/", "/login/oauth/access_token")


def headers() -> dict[str, str]:
    return {
        "content-security-policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
    }


class SameSite:
    """Refuses what another site's page asks for, and names that are not this machine's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _foreign(scope):
            refusal = PlainTextResponse("The sandbox takes requests of its own pages only.", 403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _foreign(scope: Scope) -> bool:
    asked = Headers(scope=scope)
    host = asked.get("host", "")
    if host.rpartition(":")[0] not in _LOCAL and host not in _LOCAL:
        return True
    if scope["method"] in ("GET", "HEAD") or scope["path"].startswith(_OPEN):
        return False
    origin = asked.get("origin")
    return origin is not None and urlsplit(origin).netloc != host


def viewer_of(sandbox: "Sandbox", request: Request) -> Account:
    """The person that the visitor chose to be."""
    try:
        cookie = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        cookie = SimpleCookie()
    chosen = sandbox.find_account(cookie[ME].value) if ME in cookie else None
    if chosen is not None and chosen.kind == "User":
        return chosen
    for repository in sandbox.repositories.values():
        for account_id in repository.roles:
            return sandbox.accounts[account_id]
    return sandbox.user("octocat")
