"""Everything together: what ``serve`` and ``worker`` run."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.migration_hub import GitHubMigrationHub
from bot.adapters.github.objective_hub import GitHubObjectiveHub
from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.adapters.keyfile import load_session_key
from bot.adapters.notify import open_notifiers
from bot.adapters.postgres import migrations, store, worker
from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.environments import PostgresEnvironments
from bot.adapters.postgres.observations import PostgresObservations
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.outbox import PostgresOutbox
from bot.adapters.postgres.releases import PostgresReleases
from bot.adapters.postgres.repositories import PostgresRepositories
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.steering import PostgresSteering
from bot.adapters.postgres.watches import PostgresWatches
from bot.adapters.squawk import run_squawk
from bot.engine.app_manifest import site_url
from bot.engine.handlers import Engine
from bot.engine.links import Links
from bot.engine.probing import Probing
from bot.engine.shipping import Shipping
from bot.ports import Store, StoreUnavailable
from bot.ports.database import Database
from bot.ports.people import People
from bot.settings import AppCredentials, Settings
from bot.wiring.clock import CLOCK
from bot.wiring.databases import open_databases
from bot.wiring.github import app_of, open_hub, open_people
from bot.wiring.hosts import open_hosts
from bot.wiring.objectives import open_prober, open_sources
from bot.wiring.store import audit_log, hold_server

log = structlog.get_logger()

_MIGRATE_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Bot:
    """Everything that ``serve`` and ``worker`` run."""

    settings: Settings
    store: Store
    operations: PostgresOperations
    observations: PostgresObservations
    environments: PostgresEnvironments
    audit: PostgresAudit
    schemas: PostgresSchemas
    databases: Mapping[str, Database]
    """Of environments, for the pages alone: what they ask keeps no rollback waiting."""
    engine: Engine
    database: str
    """A connection string with its password: never log it."""
    people: People | None = None
    """None where nobody can sign in to the pages."""

    @property
    def session_key(self) -> bytes:
        """
        Raises:
            AuditKeyError: there is no key that can be used.
        """
        return load_session_key(self.settings.home, self.settings.session_key.reveal())

    @property
    def app(self) -> AppCredentials:
        return app_of(self.settings)

    async def migrate(self) -> None:
        """Bring the database up to date, however long it takes to come up.

        Raises:
            MigrationError: it cannot be brought up to date.
        """
        while True:
            try:
                migrated = await migrations.migrate(self.database)
            except StoreUnavailable as error:
                log.warning("database_not_up", error=str(error))
                await asyncio.sleep(_MIGRATE_AGAIN.total_seconds())
            else:
                if migrated.applied:
                    log.info("database_migrated", applied=len(migrated.applied))
                return

    async def work(self) -> None:
        """Take jobs until cancelled; what runs then is finished first."""
        await worker.run_worker(
            self.database, self.engine.handlers(), concurrency=self.settings.concurrency
        )


@asynccontextmanager
async def open_bot(settings: Settings) -> AsyncIterator[Bot]:
    """
    Raises:
        EmbeddedError: there is no DATABASE_URL and the embedded server cannot be started.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(hold_server(settings))
        opened = await stack.enter_async_context(store.open_store(database))
        hub = await stack.enter_async_context(open_hub(settings))
        links = Links(settings.public_url)
        operations = PostgresOperations(opened.pool)
        observations = PostgresObservations(opened.pool)
        environments = PostgresEnvironments(opened.pool)
        audit = audit_log(settings, opened)
        schemas = PostgresSchemas(opened.pool)
        slos = PostgresSlos(opened.pool)
        objective_hub = GitHubObjectiveHub(hub.access)
        hosts = await stack.enter_async_context(open_hosts(settings, hub))
        notifiers = await stack.enter_async_context(
            open_notifiers(
                slack_webhook_url=settings.slack_webhook_url.reveal(),
                pagerduty_routing_key=settings.pagerduty_routing_key.reveal(),
            )
        )
        prober = await stack.enter_async_context(open_prober(settings))
        shipping = Shipping(
            hub=hub,
            commands=GitHubCommandHub(hub.access),
            release_hub=GitHubReleaseHub(hub.access),
            release_ledger=PostgresReleases(opened.pool),
            hosts=hosts,
            store=opened,
            operations=operations,
            observations=observations,
            repositories=PostgresRepositories(opened.pool),
            steering=PostgresSteering(opened.pool),
            migration_hub=GitHubMigrationHub(hub.access),
            databases=await stack.enter_async_context(open_databases(settings)),
            schema_store=schemas,
            objective_hub=objective_hub,
            slos=slos,
            slo_sources=await stack.enter_async_context(
                open_sources(settings, slos, schemas.bind_database)
            ),
            prober=prober,
            watch_store=PostgresWatches(opened.pool),
            squawk=run_squawk,
            audit=audit,
            outbox=PostgresOutbox(opened.pool, notifiers),
            clock=CLOCK,
            links=links,
            site=site_url(settings.github_api_url),
        )
        probing = Probing(
            objective_hub,
            shipping.commands,
            observations,
            slos,
            shipping.asking,
            shipping.locator,
        )
        engine = Engine(hub, opened, CLOCK, links, settings.retention, shipping, probing)
        people = await stack.enter_async_context(open_people(settings))
        yield Bot(
            settings,
            opened,
            operations,
            observations,
            environments,
            audit,
            schemas,
            await stack.enter_async_context(open_databases(settings)),
            engine,
            database,
            people,
        )
