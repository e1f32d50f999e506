"""Any metrics API that answers in JSON as a source of numbers."""

import operator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from urllib.parse import quote

from bot.adapters.slo.asking import QuerySource
from bot.adapters.slo.web import Web, said
from bot.core.slo.model import Counts, Metric, Operator, Threshold
from bot.core.slo.reading import ReadingFault, exact_number, moment_text, value_at
from bot.ports.slo import SourceRefused, SourceUnavailable

_MOST_VALUES: Final = 100_000
_HOLDS: Final = {
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}


class HttpJsonSource(QuerySource):
    """A metric's ``path`` goes after the source's ``url``; in it ``{start}`` and ``{end}`` are the
    window's ends as RFC 3339 writes them, in UTC. A value that is held to a threshold may be a
    list: each of its numbers is an event."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def number(self, metric: Metric, window: timedelta, at: datetime) -> Fraction | None:
        found = await self._value(metric, window, at)
        if isinstance(found, list):
            raise SourceRefused(
                f"{metric.source.name}: {metric.spec['value']} is a list of {len(found)}, and one "
                "number is needed; name one of them, such as `[0]`"
            )
        return self._numbers(metric, found)[0]

    async def tally(self, indicator: Threshold, window: timedelta, at: datetime) -> Counts:
        found = self._numbers(indicator.metric, await self._value(indicator.metric, window, at))
        holds = _HOLDS[indicator.operator]
        good = [bool(holds(value, indicator.value)) for value in found if value is not None]
        return Counts(sum(good), len(good))

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
