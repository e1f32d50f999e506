"""The composition root: the one place that picks an adapter for each port."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import structlog

from bot.adapters.database.database import PostgresDatabase
from bot.adapters.database.playground import Playground, make_playground
from bot.adapters.domain import DomainReader
from bot.adapters.github.auth import AppAuth
from bot.adapters.github.client import GitHubClient
from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.inspection import GitHubInspector
from bot.adapters.github.inspection import convert_manifest as ask_github_to_convert
from bot.adapters.github.migration_hub import GitHubMigrationHub
from bot.adapters.github.objective_hub import GitHubObjectiveHub
from bot.adapters.github.people import GitHubPeople
from bot.adapters.github.person import GitHubPerson
from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.adapters.keyfile import AuditKeyError, load_audit_keys, load_session_key
from bot.adapters.localgit import LocalGit, LocalGitError
from bot.adapters.notify import open_notifiers
from bot.adapters.postgres import embedded, migrations, store, worker
from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.binaries import EmbeddedError
from bot.adapters.postgres.environments import PostgresEnvironments
from bot.adapters.postgres.migrations import MigrationError
from bot.adapters.postgres.observations import PostgresObservations
from bot.adapters.postgres.operations import PostgresOperations
from bot.adapters.postgres.outbox import PostgresOutbox
from bot.adapters.postgres.releases import PostgresReleases
from bot.adapters.postgres.repositories import PostgresRepositories
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.postgres.steering import PostgresSteering
from bot.adapters.postgres.watches import PostgresWatches
from bot.adapters.slo.prober import HttpProber
from bot.adapters.slo.reach import Reach
from bot.adapters.slo.sources import (
    ask_places,
    no_stored_sources,
    open_web_sources,
    stored_sources,
)
from bot.adapters.slo.web import Access
from bot.adapters.squawk import run_squawk
from bot.adapters.vercel.client import is_local
from bot.adapters.vercel.host import VercelHost
from bot.adapters.workflow.deployments import GitHubDeployments
from bot.adapters.workflow.host import WorkflowHost
from bot.core.hosting import HostProject
from bot.core.model import RepoRef
from bot.engine.app_manifest import load_manifest, site_url
from bot.engine.doctor import Subject
from bot.engine.handlers import Engine
from bot.engine.links import Links
from bot.engine.probing import Probing
from bot.engine.remote import Remote
from bot.engine.shipping import Shipping
from bot.engine.standings import Standings
from bot.ports import NewApp, QueueHealth, Store, StoreUnavailable
from bot.ports.database import Database, DatabaseError
from bot.ports.host import Host, HostError, HostRefused
from bot.ports.observations import Place
from bot.ports.operations import AuditBroken
from bot.ports.people import People
from bot.settings import AppCredentials, Secret, Settings

__all__ = [
    "AuditKeyError",
    "Bot",
    "EmbeddedError",
    "MigrationError",
    "Playground",
    "PostgresDatabase",
    "audit_anchor",
    "convert_manifest",
    "find_origin",
    "migrate_store",
    "open_audit",
    "open_bot",
    "open_database",
    "open_doctor",
    "open_hub",
    "open_playground",
    "open_remote",
    "open_standings",
    "open_store",
]

log = structlog.get_logger()

_MIGRATE_AGAIN = timedelta(seconds=1)


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


CLOCK = SystemClock()


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
        return _app(self.settings)

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
        database = await stack.enter_async_context(_database(settings))
        opened = await stack.enter_async_context(store.open_store(database))
        hub = await stack.enter_async_context(open_hub(settings))
        links = Links(settings.public_url)
        operations = PostgresOperations(opened.pool)
        observations = PostgresObservations(opened.pool)
        environments = PostgresEnvironments(opened.pool)
        audit = _audit_log(settings, opened)
        schemas = PostgresSchemas(opened.pool)
        slos = PostgresSlos(opened.pool)
        objective_hub = GitHubObjectiveHub(hub.access)
        hosts = await stack.enter_async_context(_hosts(settings, hub))
        notifiers = await stack.enter_async_context(
            open_notifiers(
                slack_webhook_url=settings.slack_webhook_url.reveal(),
                pagerduty_routing_key=settings.pagerduty_routing_key.reveal(),
            )
        )
        prober = HttpProber(await stack.enter_async_context(_reach(settings)))
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
            databases=await stack.enter_async_context(_databases(settings)),
            schema_store=schemas,
            objective_hub=objective_hub,
            slos=slos,
            slo_sources={
                **await stack.enter_async_context(open_web_sources(_accesses(settings))),
                **stored_sources(slos, _addresses(settings), schemas.bind_database),
            },
            prober=prober,
            watch_store=PostgresWatches(opened.pool),
            squawk=run_squawk,
            audit=audit,
            outbox=PostgresOutbox(opened.pool, notifiers),
            clock=CLOCK,
            links=links,
            site=site_url(settings.github_api_url),
        )
        probing = Probing(objective_hub, shipping.commands, observations, slos, prober)
        engine = Engine(hub, opened, CLOCK, links, settings.retention, shipping, probing)
        people = await stack.enter_async_context(_people(settings))
        yield Bot(
            settings,
            opened,
            operations,
            observations,
            environments,
            audit,
            schemas,
            await stack.enter_async_context(_databases(settings)),
            engine,
            database,
            people,
        )


@asynccontextmanager
async def _people(settings: Settings) -> AsyncIterator[People | None]:
    if settings.oauth is None:
        yield None
        return
    people = GitHubPeople(
        site_url=site_url(settings.github_api_url),
        api_url=settings.github_api_url,
        client_id=settings.oauth.client_id,
        client_secret=settings.oauth.client_secret.reveal(),
    )
    try:
        yield people
    finally:
        await people.aclose()


@asynccontextmanager
async def _hosts(settings: Settings, hub: GitHubHub) -> AsyncIterator[Mapping[str, Host]]:
    """Those that this server has access to, by the name that ``HostTarget.host`` gives them."""
    local = settings.vercel_api_url if is_local(settings.vercel_api_url) else ""
    workflow = WorkflowHost(GitHubDeployments(hub.access), DomainReader(stand_in=local), CLOCK)
    vercel = None
    if settings.vercel_token:
        vercel = VercelHost.connect(
            api_url=settings.vercel_api_url,
            token=settings.vercel_token.reveal(),
            team=settings.vercel_team,
            clock=CLOCK,
        )
    try:
        yield {"github": workflow, **({"vercel": vercel} if vercel else {})}
    finally:
        await workflow.aclose()
        if vercel:
            await vercel.aclose()


@asynccontextmanager
async def _reach(settings: Settings) -> AsyncIterator[Reach]:
    reach = Reach(allowed=settings.probe_hosts)
    try:
        yield reach
    finally:
        await reach.aclose()


def _accesses(settings: Settings) -> Mapping[str, Access]:
    return {
        name: Access(source.url, source.repositories, source.authorization.reveal())
        for name, source in settings.sources.items()
    }


def _addresses(settings: Settings) -> Mapping[str, str]:
    return {name: url.reveal() for name, url in settings.databases.items()}


def find_origin(path: Path) -> str:
    """``owner/name`` of the clone that a folder is in; empty where there is none, or no GitHub."""
    try:
        return urlsplit(LocalGit(path).fetch_web_url()).path.strip("/")
    except LocalGitError:
        return ""


@asynccontextmanager
async def open_standings(
    settings: Settings, owner: str, name: str, *, stored: bool
) -> AsyncIterator[Standings]:
    """What a repository's objectives are asked of, for commands; ``stored`` says that some need
    what the store knows. Nothing is written: a database that is nobody's stays so.

    Raises:
        EmbeddedError: there is no DATABASE_URL and the embedded server cannot be started.
    """
    repo = RepoRef(0, 0, owner, name)
    async with AsyncExitStack() as stack:
        sources = dict(await stack.enter_async_context(open_web_sources(_accesses(settings))))
        if stored:
            database = await stack.enter_async_context(_database(settings))
            opened = await stack.enter_async_context(store.open_store(database))
            try:
                known = await PostgresEnvironments(opened.pool).find_repository(owner, name)
                bindings = await PostgresSchemas(opened.pool).fetch_bindings()
            except StoreUnavailable as error:
                sources |= no_stored_sources(str(error))
            else:
                if known is None:
                    why = f"this server knows no repository {repo.full_name}; name one that it has"
                    sources |= no_stored_sources(why)
                else:
                    repo = known.repo

                    async def owner_of(called: str, asker: int) -> int:
                        return bindings.get(called, asker)

                    sources |= stored_sources(
                        PostgresSlos(opened.pool), _addresses(settings), owner_of
                    )
        yield Standings.of(sources, repo)


@asynccontextmanager
async def _databases(settings: Settings) -> AsyncIterator[Mapping[str, Database]]:
    """Those of environments, by the environments' names. None is connected to before it is asked
    something."""
    databases = {name: PostgresDatabase(url.reveal()) for name, url in settings.databases.items()}
    try:
        yield databases
    finally:
        for database in databases.values():
            await database.close()


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[PostgresDatabase]:
    """A users' database alone, for commands that work on it."""
    database = PostgresDatabase(url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_playground(settings: Settings, *, rows: int) -> AsyncIterator[Playground]:
    """A shop's database beside the bot's own, for the demo.

    Raises:
        EmbeddedError: the embedded server cannot be started.
    """
    async with _database(settings) as database:
        yield await make_playground(database, rows=rows)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store alone, for commands that look at it."""
    async with _database(settings) as database, store.open_store(database) as opened:
        yield opened


async def migrate_store(settings: Settings) -> tuple[str, ...]:
    """Bring the database up to date; the migrations applied, by name.

    Raises:
        MigrationError: it cannot be brought up to date.
        StoreUnavailable: it cannot be reached.
    """
    async with _database(settings) as database:
        return (await migrations.migrate(database)).applied


@asynccontextmanager
async def open_audit(settings: Settings) -> AsyncIterator[PostgresAudit]:
    """The audit log alone, for commands that read it.

    Raises:
        AuditKeyError: there is no key to check it with.
    """
    async with _database(settings) as database, store.open_store(database) as opened:
        yield _audit_log(settings, opened)


def _audit_log(settings: Settings, opened: store.PostgresStore) -> PostgresAudit:
    keys = load_audit_keys(settings.home, settings.audit_key.reveal())
    return PostgresAudit(opened.pool, keys, CLOCK, anchor=audit_anchor(settings))


def audit_anchor(settings: Settings) -> Path:
    """Where this machine keeps the newest checkpoint that it signed."""
    return settings.home / "audit.checkpoint"


@asynccontextmanager
async def open_hub(settings: Settings) -> AsyncIterator[GitHubHub]:
    app = _app(settings)
    hub = GitHubHub.connect(
        app_id=app.app_id,
        private_key=app.private_key.reveal(),
        api_url=settings.github_api_url,
        clock=CLOCK,
    )
    try:
        yield hub
    finally:
        await hub.aclose()


@asynccontextmanager
async def open_remote(settings: Settings, token: Secret) -> AsyncIterator[Remote]:
    """GitHub as the person whose token it is. It needs no App, no key and no database."""
    person = GitHubPerson.connect(
        token=token.reveal(), api_url=settings.github_api_url, clock=CLOCK
    )
    try:
        yield Remote(person, GitHubCommandHub(person.access))
    finally:
        await person.aclose()


async def convert_manifest(settings: Settings, code: str) -> NewApp:
    """
    Raises:
        HubUnavailable, HubGone, HubRefused: GitHub gave no credentials for the code.
    """
    return await ask_github_to_convert(code, api_url=settings.github_api_url, clock=CLOCK)


@asynccontextmanager
async def open_doctor(settings: Settings) -> AsyncIterator[Subject]:
    """What ``lockgate doctor`` examines; a database that is down is one of its findings."""

    async def queue_health() -> QueueHealth:
        try:
            async with open_store(settings) as opened:
                return await opened.queue_health()
        except EmbeddedError as error:
            raise StoreUnavailable(str(error)) from error

    async def pending_migrations() -> tuple[str, ...]:
        try:
            async with _database(settings) as database:
                return await migrations.fetch_pending(database)
        except EmbeddedError as error:
            raise StoreUnavailable(str(error)) from error

    async def audit_fault() -> str:
        try:
            async with open_audit(settings) as audit:
                await audit.check()
        except (AuditKeyError, AuditBroken) as error:
            return str(error)
        return ""

    async def projects() -> list[tuple[Place, HostProject | HostError]]:
        async with (
            open_hub(settings) as hub,
            _hosts(settings, hub) as hosts,
            _database(settings) as database,
            store.open_store(database) as opened,
        ):
            places = await PostgresObservations(opened.pool).fetch_places()
            return [(place, await _project_of(place, hosts)) for place in places]

    async def databases() -> list[tuple[str, DatabaseError | None]]:
        async with _databases(settings) as opened:
            return [(name, await _fault_of(database)) for name, database in opened.items()]

    async def sources() -> list[tuple[str, str]]:
        return await ask_places(_accesses(settings))

    inspector = _inspector(settings)
    try:
        yield Subject(
            manifest=load_manifest(),
            inspector=inspector,
            pending_migrations=pending_migrations,
            queue_health=queue_health,
            audit_fault=audit_fault,
            projects=projects,
            databases=databases,
            sources=sources,
            app_id=settings.github_app.app_id if settings.github_app else 0,
            public_url=settings.public_url,
            api_url=settings.github_api_url,
            warnings=settings.warnings,
            now=CLOCK.now(),
        )
    finally:
        if inspector:
            await inspector.aclose()


async def _fault_of(database: Database) -> DatabaseError | None:
    try:
        await database.fetch_applied()
        await database.check_sight()
    except DatabaseError as error:
        return error
    return None


async def _project_of(place: Place, hosts: Mapping[str, Host]) -> HostProject | HostError:
    host = hosts.get(place.target.host)
    if host is None:
        return HostRefused(f"this server has no access to {place.target.host}", "set VERCEL_TOKEN")
    try:
        return await host.fetch_project(place.repo, place.target)
    except HostError as error:
        return error


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[str]:
    """A connection string: the given database's, or the embedded one's while it is held here."""
    if settings.database_url:
        yield settings.database_url.reveal()
        return
    holder = embedded.embedded_server(settings.home, bin_dir=settings.pg_bin)
    server = await asyncio.to_thread(holder.__enter__)
    try:
        yield server.conninfo
    finally:
        await asyncio.to_thread(holder.__exit__, None, None, None)


def _inspector(settings: Settings) -> GitHubInspector | None:
    app = settings.github_app
    if app is None:
        return None
    auth = AppAuth(app.app_id, app.private_key.reveal(), CLOCK)
    return GitHubInspector(GitHubClient(api_url=settings.github_api_url, clock=CLOCK, app=auth))


def _app(settings: Settings) -> AppCredentials:
    if settings.github_app is None:
        raise ValueError("no GitHub App is configured")
    return settings.github_app
