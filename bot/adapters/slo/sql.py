"""A query on a database that the server knows by name, as a source of numbers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from bot.adapters.database.numbers import fetch_number, fetch_tally
from bot.adapters.slo.asking import QuerySource
from bot.adapters.slo.web import said
from bot.core.migrations.gating import database_variable
from bot.core.model import RepoRef
from bot.core.slo.model import Counts, Metric, Operator, Threshold
from bot.core.slo.reading import ReadingFault, exact_number
from bot.ports import StoreUnavailable
from bot.ports.database import DatabaseError, DatabaseUnavailable
from bot.ports.slo import SourceError, SourceRefused, SourceUnavailable

_AT_ONCE: Final = 4
"""Connections: the database has others to serve."""
_SIGNS: Final = {Operator.LT: "<", Operator.LTE: "<=", Operator.GT: ">", Operator.GTE: ">="}


OwnerOf = Callable[[str, int], Awaitable[int]]
"""The id of the repository that a database belongs to, by the database's name and the asker's id.
May raise StoreUnavailable."""


class SqlSource(QuerySource):
    """What one repository may ask. ``urls`` are by the databases' names."""

    def __init__(self, repo: RepoRef, urls: Mapping[str, str], owner_of: OwnerOf) -> None:
        self._repo = repo
        self._urls = urls
        self._owner_of = owner_of
        self._owners: dict[str, int] = {}
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def number(self, metric: Metric, window: timedelta, at: datetime) -> Fraction | None:
        async with self._turns:
            url = await self._url(metric)
            try:
                found = await fetch_number(url, metric.spec["query"], at - window, at)
                return exact_number(found)
            except ReadingFault as fault:
                raise SourceRefused(f"{metric.source.name}: {fault}") from None
            except (DatabaseError, TimeoutError) as error:
                raise _told(metric, error) from None

    async def tally(self, indicator: Threshold, window: timedelta, at: datetime) -> Counts:
        """Each row's value is an event."""
        metric, bound = indicator.metric, indicator.value
        async with self._turns:
            url = await self._url(metric)
            try:
                good, total = await fetch_tally(
                    url,
                    metric.spec["query"],
                    _SIGNS[indicator.operator],
                    Decimal(bound.numerator) / Decimal(bound.denominator),
                    at - window,
                    at,
                )
            except (DatabaseError, TimeoutError) as error:
                raise _told(metric, error) from None
        return Counts(good, total)

    async def _url(self, metric: Metric) -> str:
        source, name = metric.source.name, metric.source.details.get("database", "")
        if name not in self._urls:
            raise SourceRefused(
                f"{source} names the database {name}, which this server does not have; whoever "
                f"runs it sets {database_variable(name)}"
            )
        if name not in self._owners:
            try:
                self._owners[name] = await self._owner_of(name, self._repo.id)
            except StoreUnavailable as error:
                raise SourceUnavailable(
                    f"{source}: nobody knows whose {name} is: {error}"
                ) from None
        if self._owners[name] != self._repo.id:
            raise SourceRefused(
                f"{source} names the database {name}, which is another repository's; have the "
                "operator give this one a database by another name"
            )
        return self._urls[name]


def _told(metric: Metric, error: DatabaseError | TimeoutError) -> SourceError:
    name = metric.source.name
    if not isinstance(error, DatabaseError):
        return SourceUnavailable(f"{name}: the database did not answer")
    kind = SourceUnavailable if isinstance(error, DatabaseUnavailable) else SourceRefused
    return kind(f"{name}: {said(error)}")
