"""The web application of a whole bot: the webhooks' doors, health and the pages, on one store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from bot.engine.app_manifest import site_url
from bot.engine.routes import is_routed
from bot.web.app import create_app
from bot.web.health import health_routes
from bot.web.intake import Intake
from bot.web.login import Login
from bot.web.sessions import Sessions
from bot.web.vercel_webhook import VercelDoor
from bot.web.viewer import PublicOnly, Viewer
from bot.web.webhook import WebhookDoor
from bot.wiring.bot import Bot
from bot.wiring.clock import CLOCK


def bot_app(bot: Bot, viewer: Viewer | None = None) -> Starlette:
    """Without a ``viewer`` people sign in with GitHub to see what they may read there, and others
    see public repositories alone."""
    settings = bot.settings
    login = None
    if viewer is None and bot.people is not None:
        login = Login(
            people=bot.people,
            audit=bot.audit,
            sessions=Sessions(bot.session_key, settings.public_url, CLOCK),
            public_url=settings.public_url,
            clock=CLOCK,
            operators=settings.operators,
        )
    intake = Intake(bot.store)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with intake.opened():
            yield

    return create_app(
        store=bot.store,
        operations=bot.operations,
        environments=bot.environments,
        audit=bot.audit,
        schemas=bot.schemas,
        slos=bot.engine.shipping.slos,
        watches=bot.engine.shipping.watch_store,
        databases=bot.databases,
        clock=CLOCK,
        webhooks=[
            Middleware(
                WebhookDoor, intake=intake, secrets=bot.app.webhook_secrets, is_routed=is_routed
            ),
            Middleware(
                VercelDoor,
                intake=intake,
                secret=settings.vercel_webhook_secret,
                hint=bot.engine.shipping.observer.hint,
            ),
        ],
        health_routes=health_routes(bot.store),
        viewer=viewer or (login.viewer if login else PublicOnly()),
        login=login,
        lifespan=lifespan,
        github_url=site_url(bot.settings.github_api_url),
    )
