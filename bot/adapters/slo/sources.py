"""Which sources of numbers a server has, and what each repository may ask of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from bot.adapters.slo.http_json import HttpJsonSource
from bot.adapters.slo.probe import ProbeSource
from bot.adapters.slo.prometheus import PrometheusSource
from bot.adapters.slo.reach import Reach
from bot.adapters.slo.sql import OwnerOf, SqlSource
from bot.adapters.slo.web import Access, Web
from bot.core.model import RepoRef
from bot.core.slo.model import Source, SourceKind
from bot.ports.slo import SloStore, SourceError, SourceOf


@asynccontextmanager
async def open_sources(
    *,
    accesses: Mapping[str, Access],
    databases: Mapping[str, str],
    slos: SloStore,
    owner_of: OwnerOf,
) -> AsyncIterator[Mapping[SourceKind, SourceOf]]:
    """By kind. ``accesses`` and ``databases`` are by the names that files know them by.

    Hosts that probes may ask although they are not public are none of these: a probe tells a
    status, and a source whatever it is asked for.
    """
    reach = Reach()

    def web(repo: RepoRef) -> Web:
        served = {name: access for name, access in accesses.items() if access.serves(repo)}
        # One for each repository: its questions wait for no other's.
        return Web(reach, served)

    try:
        yield {
            SourceKind.PROBE: lambda repo: ProbeSource(slos, repo.id),
            SourceKind.PROMETHEUS: lambda repo: PrometheusSource(web(repo)),
            SourceKind.HTTP_JSON: lambda repo: HttpJsonSource(web(repo)),
            SourceKind.SQL: lambda repo: SqlSource(repo, databases, owner_of),
        }
    finally:
        await reach.aclose()


async def ask_places(accesses: Mapping[str, Access]) -> list[tuple[str, str]]:
    """Whether each answers to its credential: its name, and what stands against it or nothing."""
    reach = Reach()
    web = Web(reach, accesses)

    async def fault(name: str) -> str:
        source = Source(name, SourceKind.HTTP_JSON, {"credential": name})
        try:
            status, _ = await web.fetch(source, f"{accesses[name].url}/")
        except SourceError as error:
            return str(error)
        return f"{name} answers {status}" if status >= 500 else ""

    try:
        return list(zip(accesses, await asyncio.gather(*map(fault, accesses)), strict=True))
    finally:
        await reach.aclose()
