"""The web application, put together from parts that ``wiring`` gives it."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan, Scope

from bot.ports import Clock, Store
from bot.ports.database import Database
from bot.ports.environments import EnvironmentReader
from bot.ports.operations import AuditReader, OperationStore
from bot.ports.schemas import SchemaStore
from bot.ports.slo import SloStore
from bot.ports.watches import WatchStore
from bot.web.headers import SecurityHeaders
from bot.web.login import Login
from bot.web.pages.audit import audit_pages
from bot.web.pages.dashboard import dashboard_pages
from bot.web.pages.databases import Looks
from bot.web.pages.details import details_page
from bot.web.pages.failures import failure_pages
from bot.web.pages.migration_pages import migrations_page
from bot.web.pages.objective_pages import objective_routes
from bot.web.pages.pages import STATIC, Site
from bot.web.pages.shipping_pages import shipping_pages
from bot.web.viewer import Viewer


def create_app(
    *,
    store: Store,
    operations: OperationStore,
    environments: EnvironmentReader,
    audit: AuditReader,
    schemas: SchemaStore,
    slos: SloStore,
    watches: WatchStore,
    databases: Mapping[str, Database],
    clock: Clock,
    webhooks: Sequence[Middleware],
    health_routes: Sequence[BaseRoute],
    viewer: Viewer,
    login: Login | None = None,
    lifespan: Lifespan[Any] | None = None,
    github_url: str = "https://github.com",
) -> Starlette:
    """The webhooks' doors, health, and the pages.

    ``databases`` are those of environments, by name, for the pages alone.
    ``viewer`` decides what a reader may see, ``login`` has the pages that sign in and out;
    ``github_url`` is where the pages' links to commits and pull requests lead (a GHES host, or the
    sandbox).
    """
    site = Site(
        store,
        operations,
        environments,
        audit,
        schemas,
        slos,
        watches,
        Looks(databases, clock),
        clock,
        viewer,
        github_url.rstrip("/"),
    )
    dashboard, repository = dashboard_pages(site)
    operation, environment = shipping_pages(site)
    audit_page, audit_export = audit_pages(site)
    return Starlette(
        routes=[
            *health_routes,
            Route("/", dashboard, methods=["GET"]),
            Route("/repos/{owner}/{name}", repository, methods=["GET"]),
            Route("/repos/{owner}/{name}/pulls/{number}", details_page(site), methods=["GET"]),
            Route("/repos/{owner}/{name}/environments/{environment}", environment, methods=["GET"]),
            Route("/repos/{owner}/{name}/migrations", migrations_page(site), methods=["GET"]),
            *objective_routes(site),
            Route("/operations/{operation}", operation, methods=["GET"]),
            Route("/audit", audit_page, methods=["GET"]),
            Route("/audit/export", audit_export, methods=["GET"]),
            *(login.routes(site) if login else ()),
            Mount("/static", _StaticFiles(directory=STATIC)),
        ],
        middleware=[*webhooks, Middleware(SecurityHeaders)],
        exception_handlers=failure_pages(site),
        lifespan=lifespan,
    )


class _StaticFiles(StaticFiles):
    """Kept for a year by whoever asks: the pages name each file with the digest of this release."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        versioned = b"v=" in scope["query_string"]
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if versioned else "no-cache"
        )
        return response
