"""What objectives are asked of: sources of numbers, and addresses that are probed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from bot.adapters.postgres import store
from bot.adapters.postgres.environments import PostgresEnvironments
from bot.adapters.postgres.schemas import PostgresSchemas
from bot.adapters.postgres.slos import PostgresSlos
from bot.adapters.slo.prober import HttpProber
from bot.adapters.slo.reach import Reach
from bot.adapters.slo.sources import no_stored_sources, open_web_sources, stored_sources
from bot.adapters.slo.sql import OwnerOf
from bot.adapters.slo.web import Access
from bot.core.model import RepoRef
from bot.core.slo.model import SourceKind
from bot.engine.standings import Standings
from bot.ports import StoreUnavailable
from bot.ports.slo import SloStore, SourceOf
from bot.settings import Settings
from bot.wiring.store import hold_server


@asynccontextmanager
async def open_sources(
    settings: Settings, slos: SloStore, owner_of: OwnerOf
) -> AsyncIterator[Mapping[SourceKind, SourceOf]]:
    async with open_web_sources(accesses(settings)) as web:
        yield {**web, **stored_sources(slos, _addresses(settings), owner_of)}


@asynccontextmanager
async def open_prober(settings: Settings) -> AsyncIterator[HttpProber]:
    reach = Reach(allowed=settings.probe_hosts)
    try:
        yield HttpProber(reach)
    finally:
        await reach.aclose()


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
        sources = dict(await stack.enter_async_context(open_web_sources(accesses(settings))))
        if stored:
            database = await stack.enter_async_context(hold_server(settings))
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


def accesses(settings: Settings) -> Mapping[str, Access]:
    """To sources on the web, by the names that files know them by."""
    return {
        name: Access(source.url, source.repositories, source.authorization.reveal())
        for name, source in settings.sources.items()
    }


def _addresses(settings: Settings) -> Mapping[str, str]:
    return {name: url.reveal() for name, url in settings.databases.items()}
