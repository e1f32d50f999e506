"""A query on a database that the server knows by name, as a source of numbers."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from bot.adapters.database.numbers import fetch_number, fetch_tally
from bot.adapters.slo.asking import (
    answer_each,
    counted_in,
    needed,
    refuse_counter,
    sample_steps,
    together,
)
from bot.adapters.slo.web import said
from bot.core.slo.model import Counts, Indicator, Metric, Operator, Sample, Threshold
from bot.core.slo.reading import ReadingFault, exact_number
from bot.core.slo.windows import Reading
from bot.ports.database import DatabaseError, DatabaseUnavailable
from bot.ports.slo import Answered, Asked, SourceError, SourceRefused, SourceUnavailable

_AT_ONCE: Final = 4
"""Connections: the database has others to serve."""
_SIGNS: Final = {Operator.LT: "<", Operator.LTE: "<=", Operator.GT: ">", Operator.GTE: ">="}


class SqlSource:
    """``urls`` are by the databases' names. Of a threshold each row's value is an event."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        return await answer_each(asked, at, self._counts)

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        return await sample_steps(self._counts, indicator, since, until, step)

    async def _counts(self, indicator: Indicator, window: timedelta, at: datetime) -> Counts:
        if isinstance(indicator, Threshold):
            return await self._tally(indicator, window, at)
        refuse_counter(indicator)
        part = indicator.good or indicator.bad
        assert part is not None  # noqa: S101 (the model has one of them)
        some, all_ = await together(
            self._number(part, window, at), self._number(indicator.total, window, at)
        )
        name = indicator.total.source.name
        good = needed(some, all_, is_bad=indicator.good is None, zero=False, of=name)
        return counted_in(Reading(at, good, all_), of=name)

    async def _number(self, metric: Metric, window: timedelta, at: datetime) -> Fraction | None:
        url = self._url(metric)
        async with self._turns:
            try:
                found = await fetch_number(url, metric.spec["query"], at - window, at)
                return exact_number(found)
            except ReadingFault as fault:
                raise SourceRefused(f"{metric.source.name}: {fault}") from None
            except (DatabaseError, TimeoutError) as error:
                raise _told(metric, error) from None

    async def _tally(self, indicator: Threshold, window: timedelta, at: datetime) -> Counts:
        metric, bound = indicator.metric, indicator.value
        url = self._url(metric)
        async with self._turns:
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

    def _url(self, metric: Metric) -> str:
        name = metric.source.details.get("database", "")
        if name not in self._urls:
            raise SourceRefused(
                f"{metric.source.name} names the database {name}, which this server does not have; "
                "have the operator set its address"
            )
        return self._urls[name]


def _told(metric: Metric, error: DatabaseError | TimeoutError) -> SourceError:
    name = metric.source.name
    if not isinstance(error, DatabaseError):
        return SourceUnavailable(f"{name}: the database did not answer")
    kind = SourceUnavailable if isinstance(error, DatabaseUnavailable) else SourceRefused
    return kind(f"{name}: {said(error)}")
