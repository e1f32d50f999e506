"""From a view to an answer: templates, entity tags, and what all pages are given."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import jinja2
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.ports import Clock, Store
from bot.ports.environments import EnvironmentReader
from bot.ports.operations import AuditReader, OperationStore
from bot.ports.schemas import SchemaStore
from bot.ports.slo import SloStore
from bot.ports.watches import WatchStore
from bot.web.pages import text
from bot.web.pages.databases import Looks
from bot.web.pages.operations import ROWS_SHOWN
from bot.web.viewer import Viewer

_WEB = Path(__file__).parent.parent
STATIC = _WEB / "static"
REFRESH_SECONDS = 5

Page: TypeAlias = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Site:
    """What every page draws on."""

    store: Store
    operations: OperationStore
    environments: EnvironmentReader
    audit: AuditReader
    schemas: SchemaStore
    slos: SloStore
    watches: WatchStore
    looks: Looks
    clock: Clock
    viewer: Viewer
    github_url: str
    """Where GitHub's own pages are, without a slash at the end."""


@cache
def assets_digest() -> str:
    """Of templates and static files: a new release invalidates what browsers hold."""
    digest = hashlib.sha256()
    for folder in (STATIC, _WEB / "templates"):
        for path in sorted(folder.iterdir()):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@jinja2.pass_context
def _ago(context: jinja2.runtime.Context, at: Any) -> Markup:
    return Markup('<time datetime="{}" title="{}" data-relative>{}</time>').format(
        text.iso(at), text.exact(at), text.relative(at, context["now"])
    )


_CODE = re.compile(r"`([^`\n]+)`")


def _coded(shown: str) -> Markup:
    """What a comment shows as code is code on a page too. Escaped first, so only tags are added."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(shown))))  # noqa: S704


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_WEB / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals.update(
        ago=_ago,
        assets=assets_digest(),
        refresh_seconds=REFRESH_SECONDS,
        rows_shown=ROWS_SHOWN,
    )
    environment.filters.update(
        cut=text.cut,
        coded=_coded,
        visible=text.visible,
        encodable=text.encodable,
        exact=text.exact,
        iso=text.iso,
        count=text.count,
        duration=text.duration,
        seconds=text.seconds,
        segment=lambda name: quote(name, safe=""),
    )
    return environment


def render(
    site: Site,
    request: Request,
    template: str,
    view: Any,
    *,
    status: int = 200,
    live: bool = True,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page of a view.

    The tag is of the view, not of the text: "3 min ago" grows older by itself, in the reader's
    browser, and a page on which nothing else changed need not be sent again.
    """
    reader = site.viewer.reader(request)
    shown = repr((assets_digest(), status, reader, view))
    tag = hashlib.sha256(shown.encode("utf-8", "replace"))
    etag = f'W/"{tag.hexdigest()[:24]}"'
    body = (
        _environment()
        .get_template(template)
        .render(
            view=view,
            now=site.clock.now(),
            github_url=site.github_url,
            etag=etag,
            live=live,
            reader=reader,
            path=_here(request),
        )
    )
    # A hostile text may hold what UTF-8 cannot carry.
    response = HTMLResponse(body.encode("utf-8", "replace"), status, dict(headers or {}))
    response.headers["ETag"] = etag
    return response


def _here(request: Request) -> str:
    """Where to come back to after signing in."""
    query = request.url.query
    return quote(request.url.path) + (f"?{query}" if query else "")


def not_modified(request: Request, response: Response) -> Response:
    """304 if the reader holds this very page (RFC 9110, section 13.1.2: a weak comparison)."""
    held = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
    if response.status_code == 200 and (response.headers["ETag"] in held or "*" in held):
        return Response(status_code=304, headers={"ETag": response.headers["ETag"]})
    return response
