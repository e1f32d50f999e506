"""Which sources of numbers a server has, and what each repository may ask of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from bot.adapters.slo.http_json import HttpJsonSource
from bot.adapters.slo.probe import ProbeSource
from bot.adapters.slo.prometheus import PrometheusSource
from bot.adapters.slo.reach import Reach
from bot.adapters.slo.sql import OwnerOf, SqlSource
from bot.adapters.slo.web import Access, Web
from bot.core.model import RepoRef
from bot.core.slo.model import Indicator, Sample, Source, SourceKind
from bot.ports.slo import Answered, Asked, SloStore, SourceError, SourceOf, SourceUnavailable


@asynccontextmanager
async def open_web_sources(
    accesses: Mapping[str, Access],
) -> AsyncIterator[Mapping[SourceKind, SourceOf]]:
    """Those that are asked over HTTP. ``accesses`` are by the names that files know them by.

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
            SourceKind.PROMETHEUS: lambda repo: PrometheusSource(web(repo)),
            SourceKind.HTTP_JSON: lambda repo: HttpJsonSource(web(repo)),
        }
    finally:
        await reach.aclose()


def stored_sources(
    slos: SloStore, databases: Mapping[str, str], owner_of: OwnerOf
) -> Mapping[SourceKind, SourceOf]:
    """Those that the store knows of: what probes found, and whose the databases are, which are by
    their names."""
    return {
        SourceKind.PROBE: lambda repo: ProbeSource(slos, repo.id),
        SourceKind.SQL: lambda repo: SqlSource(repo, databases, owner_of),
    }


def no_stored_sources(why: str) -> Mapping[SourceKind, SourceOf]:
    """In place of them where the store knows nothing."""
    away = _Away(why)
    return {SourceKind.PROBE: lambda repo: away, SourceKind.SQL: lambda repo: away}


class _Away:
    def __init__(self, why: str) -> None:
        self._why = why

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        return [SourceUnavailable(self._why) for _ in asked]

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        raise SourceUnavailable(self._why)


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
