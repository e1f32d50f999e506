"""The page on this machine that starts GitHub's App manifest flow, and takes its answer.

https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
"""

import hmac
import html
import json
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from bot.ports import HubError, NewApp

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} · Lockgate</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}</style></head>
<body><h1>{title}</h1>{body}</body></html>"""


class SetupDesk:
    """Serves on the loopback address until GitHub has sent somebody back with a code.

    ``manifest`` and ``target`` make the form from the address to come back to and the state;
    ``keep`` exchanges the code and stores what comes of it before the page says that it is done;
    it raises HubError or OSError where one of them cannot be.
    """

    def __init__(
        self,
        *,
        manifest: Callable[[str], Mapping[str, Any]],
        target: Callable[[str], str],
        keep: Callable[[str], Awaitable[NewApp]],
        port: int,
    ) -> None:
        """Listen at once, on ``port`` or, where that is taken, on a free one."""
        self._manifest = manifest
        self._target = target
        self._keep = keep
        self._state = secrets.token_urlsafe(32)
        self._socket = _listen(port)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.app: NewApp | None = None
        self.error: HubError | OSError | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(self._application(), log_config=None, lifespan="off")
        )

    async def serve(self) -> None:
        """Return when an App was made, when it could not be taken over, or on Ctrl-C."""
        await self._server.serve(sockets=[self._socket])

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._form, methods=["GET"]),
                Route("/callback", self._callback, methods=["GET"]),
            ],
            # A site elsewhere could let its own name lead here and read the state.
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
            ],
        )

    async def _form(self, _: Request) -> HTMLResponse:
        manifest = json.dumps(dict(self._manifest(f"{self.address}/callback")))
        target = html.escape(self._target(self._state))
        return _page(
            "Create the GitHub App",
            f"<p>GitHub will show what the App may do, and ask for its name.</p>"
            f'<form method="post" action="{target}">'
            f'<input type="hidden" name="manifest" value="{html.escape(manifest)}">'
            f'<button type="submit">Go on to GitHub</button></form>',
        )

    async def _callback(self, request: Request) -> HTMLResponse:
        state = request.query_params.get("state", "")
        code = request.query_params.get("code", "")
        if not code or not hmac.compare_digest(state.encode(), self._state.encode()):
            return _page(
                "This is not the answer that was waited for",
                '<p>No App was taken over. <a href="/">Start again</a>.</p>',
                status=400,
            )
        try:
            self.app = await self._keep(code)
        except (HubError, OSError) as error:
            self.error = error
            self._server.should_exit = True
            return _page(
                "The App was not taken over",
                f"<p>{html.escape(str(error))}. The command in your terminal says what to do.</p>",
                502 if isinstance(error, HubError) else 500,
            )
        self._server.should_exit = True
        install = html.escape(f"{self.app.page}/installations/new")
        return _page(
            "The App is made, and its credentials are kept",
            f'<p>Next: <a href="{install}">install it on repositories</a>. '
            "The command in your terminal has finished.</p>",
        )


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        _PAGE.format(title=html.escape(title), body=body),
        status,
        {
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Frame-Options": "DENY",
        },
    )


def _listen(port: int) -> socket.socket:
    for wanted in (port, 0):
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", wanted))
        except OSError:
            listening.close()
            if wanted == 0:
                raise
            continue
        listening.listen()
        return listening
    raise AssertionError("unreachable")
