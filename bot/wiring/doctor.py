"""What ``lockgate doctor`` examines, each part opened when it is asked for."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bot.adapters.postgres import migrations, store
from bot.adapters.postgres.observations import PostgresObservations
from bot.adapters.slo.sources import ask_places
from bot.core.hosting import HostProject
from bot.engine.app_manifest import load_manifest
from bot.engine.doctor import Subject
from bot.ports import QueueHealth, StoreUnavailable
from bot.ports.database import Database, DatabaseError
from bot.ports.host import Host, HostError, HostRefused
from bot.ports.observations import Place
from bot.ports.operations import AuditBroken
from bot.settings import Settings
from bot.wiring.clock import CLOCK
from bot.wiring.databases import open_databases
from bot.wiring.github import open_hub, open_inspector
from bot.wiring.hosts import open_hosts
from bot.wiring.objectives import accesses
from bot.wiring.store import AuditKeyError, EmbeddedError, hold_server, open_audit, open_store


@asynccontextmanager
async def open_doctor(settings: Settings) -> AsyncIterator[Subject]:
    """A database that is down is one of its findings."""

    async def queue_health() -> QueueHealth:
        try:
            async with open_store(settings) as opened:
                return await opened.queue_health()
        except EmbeddedError as error:
            raise StoreUnavailable(str(error)) from error

    async def pending_migrations() -> tuple[str, ...]:
        try:
            async with hold_server(settings) as database:
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
            open_hosts(settings, hub) as hosts,
            hold_server(settings) as database,
            store.open_store(database) as opened,
        ):
            places = await PostgresObservations(opened.pool).fetch_places()
            return [(place, await _project_of(place, hosts)) for place in places]

    async def databases() -> list[tuple[str, DatabaseError | None]]:
        async with open_databases(settings) as opened:
            return [(name, await _fault_of(database)) for name, database in opened.items()]

    async def sources() -> list[tuple[str, str]]:
        return await ask_places(accesses(settings))

    async with open_inspector(settings) as inspector:
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
