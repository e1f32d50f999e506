"""The pages of answers that are no: not found, not allowed, not now, and a fault of ours."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.ports import StoreUnavailable
from bot.web.headers import SECURITY_HEADERS
from bot.web.pages.pages import Site, render

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FailureView:
    """What was found, and the one thing to do; ``command`` may be empty."""

    title: str
    found: str
    to_do: str
    command: str = ""


_NOT_FOUND = FailureView(
    "Nothing at this address",
    "No page has this address. A link may have been cut, or a name mistyped.",
    "The dashboard lists every open pull request that has been evaluated.",
)
_NOT_ALLOWED = FailureView(
    "This address is only read",
    "The pages change nothing: they answer GET and HEAD.",
    "Webhooks go to POST /webhooks/github, people to the dashboard.",
)
_UNAVAILABLE = FailureView(
    "The database cannot be reached",
    "Deliveries are refused for now, and GitHub is asked for them again once it is back, so "
    "nothing is lost. This page can show nothing without it.",
    "This page looks again by itself. If it stays, ask on the machine that runs the bot:",
    "lockgate doctor",
)
_FAULT = FailureView(
    "This page has a fault",
    "An error that nobody foresaw was written to the log of the bot, with this address. "
    "Checks and comments do not depend on this page.",
    "The dashboard may still be readable. Please report what the log says.",
)


Handler = Callable[[Request, Exception], Awaitable[Response]]


def failure_pages(site: Site) -> dict[int | type[Exception], Handler]:
    """Handlers by status and exception, as Starlette takes them."""

    async def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = error.headers if isinstance(error, HTTPException) else None
        view = _NOT_ALLOWED if status == 405 else _NOT_FOUND
        return render(
            site, request, "failure.html", view, status=status, live=False, headers=headers
        )

    async def unavailable(request: Request, error: Exception) -> Response:
        _log.warning("page without a store", path=request.url.path, error=type(error).__name__)
        retry = {"Retry-After": "5"}
        return render(site, request, "failure.html", _UNAVAILABLE, status=503, headers=retry)

    async def fault(request: Request, error: Exception) -> Response:
        # Starlette answers this one outside of all middleware, and logs the traceback itself.
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
        return render(
            site, request, "failure.html", _FAULT, status=500, live=False, headers=headers
        )

    return {404: http_error, 405: http_error, StoreUnavailable: unavailable, Exception: fault}
