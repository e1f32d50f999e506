"""Any metrics API that answers in JSON as a source of numbers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from urllib.parse import quote

from bot.adapters.slo.asking import (
    answer_each,
    counted_in,
    needed,
    refuse_counter,
    sample_steps,
    tally,
    together,
)
from bot.adapters.slo.web import Web, said
from bot.core.slo.model import Counts, Indicator, Metric, Sample, Threshold
from bot.core.slo.reading import ReadingFault, exact_number, moment_text, value_at
from bot.core.slo.windows import Reading
from bot.ports.slo import Answered, Asked, SourceRefused, SourceUnavailable

_MOST_VALUES: Final = 100_000


class HttpJsonSource:
    """A metric's ``path`` goes after the source's ``url``; in it ``{start}`` and ``{end}`` are the
    window's ends as RFC 3339 writes them, in UTC. A value that is held to a threshold may be a
    list: each of its numbers is an event."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        return await answer_each(asked, at, self._counts)

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        return await sample_steps(self._counts, indicator, since, until, step)

    async def _counts(self, indicator: Indicator, window: timedelta, at: datetime) -> Counts:
        if isinstance(indicator, Threshold):
            found = await self._value(indicator.metric, window, at)
            return tally(self._numbers(indicator.metric, found), indicator)
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
        found = await self._value(metric, window, at)
        if isinstance(found, list):
            raise SourceRefused(
                f"{metric.source.name}: {metric.spec['value']} is a list of {len(found)}, and one "
                "number is needed; name one of them, such as `[0]`"
            )
        return self._numbers(metric, found)[0]

    def _numbers(self, metric: Metric, found: Any) -> list[Fraction | None]:
        values = found if isinstance(found, list) else [found]
        if len(values) > _MOST_VALUES:
            raise SourceRefused(
                f"{metric.source.name}: {len(values):,} values are too many; ask for less"
            )
        try:
            return [exact_number(value) for value in values]
        except ReadingFault as fault:
            raise SourceRefused(f"{metric.source.name}: {fault}") from None

    async def _value(self, metric: Metric, window: timedelta, at: datetime) -> Any:
        source = metric.source
        path = metric.spec["path"]
        for mark, moment in (("{start}", at - window), ("{end}", at)):
            path = path.replace(mark, quote(moment_text(moment), safe=""))
        address = f"{source.details.get('url', '').rstrip('/')}/{path.lstrip('/')}"
        status, document = await self._web.fetch(source, address)
        if status >= 500 or status == 429:
            raise SourceUnavailable(f"{source.name} answers {status}")
        if not 200 <= status < 300:
            raise SourceRefused(f"{source.name} answers {status} to {said(path)}; mend its path")
        if document is None:
            raise SourceRefused(f"{source.name} answers what is no JSON to {said(path)}")
        try:
            return value_at(document, metric.spec["value"])
        except ReadingFault as fault:
            raise SourceRefused(f"{source.name}: {fault}") from None
