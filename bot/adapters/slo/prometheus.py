"""Prometheus, and what speaks its HTTP API, as a source of numbers.

https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from urllib.parse import urlencode

from bot.adapters.slo.asking import (
    answer_each,
    counted_in,
    good_of,
    missing_part,
    source_name,
    together,
)
from bot.adapters.slo.web import SECONDS, Web, said
from bot.core.slo.model import Counts, Indicator, Metric, Ratio, Sample, Threshold
from bot.core.slo.promql import queries
from bot.core.slo.reading import ReadingFault, exact_number
from bot.core.slo.windows import Reading, SampleError, read_samples
from bot.ports.slo import Answered, Asked, SourceRefused, SourceUnavailable

_MOST_STEPS: Final = 11_000
"""Prometheus gives no more points of one series at once."""


class PrometheusSource:
    def __init__(self, web: Web) -> None:
        self._web = web

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        return await answer_each(asked, at, self._counts)

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        name = source_name(indicator)
        steps = (until - since) // step
        if steps > _MOST_STEPS:
            raise SourceRefused(
                f"{name} gives {_MOST_STEPS:,} points at once, and {steps:,} are asked "
                "for; use Occurrences, or longer slices"
            )
        if not steps:
            return []
        part, whole, is_bad = queries(indicator, _seconds(step))
        some, all_ = await together(
            self._range(indicator, part, since + step, since + step * steps, step),
            self._range(indicator, whole, since + step, since + step * steps, step),
        )
        readings = [
            Reading(at, good_of(some.get(at), total, is_bad=is_bad), total)
            for at, total in all_.items()
            # What is no number is missing; where nothing is found at all, there was none.
            if at not in some or some[at] is not None
        ]
        try:
            samples = read_samples(readings, until)
        except SampleError as error:
            raise SourceRefused(f"{name}: {error}") from None
        if not some and not _is_own(indicator) and any(sample.total for sample in samples):
            raise missing_part(samples, is_bad=is_bad, of=name)
        return samples

    async def _counts(self, indicator: Indicator, window: timedelta, at: datetime) -> Counts:
        part, whole, is_bad = queries(indicator, _seconds(window))
        some, all_ = await together(self._one(indicator, part, at), self._one(indicator, whole, at))
        own, name = _is_own(indicator), source_name(indicator)
        return counted_in(some, all_, at, is_bad=is_bad, zero=own, of=name)

    async def _one(self, indicator: Indicator, query: str, at: datetime) -> Fraction | None:
        """None where the query finds no series."""
        name = source_name(indicator)
        form = {"query": query, "time": f"{at.timestamp():.3f}"}
        data = await self._ask(indicator, "query", form)
        kind, result = data.get("resultType"), data.get("result")
        if kind == "scalar":
            result = [{"value": result}]
        series = _series(result, name)
        if not series:
            return None
        value = series[0].get("value")
        if kind not in ("vector", "scalar") or not isinstance(value, list) or len(value) != 2:
            raise SourceRefused(f"{name}: the query gives {said(kind)}, and one number is needed")
        return _number(value[1], name)

    async def _range(
        self, indicator: Indicator, query: str, first: datetime, last: datetime, step: timedelta
    ) -> dict[datetime, Fraction | None]:
        name = source_name(indicator)
        form = {
            "query": query,
            "start": f"{first.timestamp():.3f}",
            "end": f"{last.timestamp():.3f}",
            "step": f"{step.total_seconds():g}",
        }
        data = await self._ask(indicator, "query_range", form)
        series = _series(data.get("result"), name)
        values = series[0].get("values") if series else []
        if not isinstance(values, list) or not all(map(_is_pair, values)):
            raise SourceRefused(f"{name}: its answer cannot be read; is it a Prometheus?")
        return {_moment(at, name): _number(value, name) for at, value in values}

    async def _ask(self, indicator: Indicator, path: str, form: dict[str, str]) -> dict[str, Any]:
        source = _metric(indicator).source
        address = f"{source.details.get('url', '').rstrip('/')}/api/v1/{path}"
        # Asked to give up before we do: what nobody waits for is not computed to its end.
        form = {**form, "timeout": f"{round(SECONDS * 900)}ms"}
        status, answer = await self._web.fetch(source, address, urlencode(form).encode())
        answer = answer if isinstance(answer, dict) else {}
        name, why = source.name, said(answer.get("error", ""))
        if status in (400, 422) and answer.get("errorType") not in ("timeout", "canceled"):
            raise SourceRefused(f"{name} refuses the query ({status}): {why}")
        if status != 200 or answer.get("status") != "success":
            raise SourceUnavailable(f"{name} answers {status}: {why}")
        if answer.get("isPartial") or answer.get("partial") or answer.get("warnings"):
            told = said(", ".join(map(str, answer.get("warnings") or ["partial"])))
            raise SourceUnavailable(f"{name} knows only a part of it: {told}")
        data = answer.get("data")
        if not isinstance(data, dict):
            raise SourceRefused(f"{name}: its answer cannot be read; is it a Prometheus?")
        return data


def _seconds(window: timedelta) -> str:
    return f"{round(window.total_seconds())}s"


def _series(result: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(result, list) or not all(isinstance(one, dict) for one in result):
        raise SourceRefused(f"{name}: its answer cannot be read; is it a Prometheus?")
    if len(result) > 1:
        raise SourceRefused(
            f"{name}: the query gives {len(result)} series, and one is needed; write sum(…) around "
            "it"
        )
    return result


def _number(value: object, name: str) -> Fraction | None:
    try:
        return exact_number(value)
    except ReadingFault as fault:
        raise SourceRefused(f"{name}: {fault}") from None


def _moment(value: object, name: str) -> datetime:
    number = _number(value, name)
    try:
        return datetime.fromtimestamp(float(number or 0), UTC)
    except (ValueError, OverflowError, OSError):
        raise SourceRefused(f"{name}: a time in its answer is none") from None


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2


def _is_own(indicator: Indicator) -> bool:
    """Where the queries are made here, an empty answer for the good means that none was."""
    return isinstance(indicator, Threshold)


def _metric(indicator: Indicator) -> Metric:
    return indicator.total if isinstance(indicator, Ratio) else indicator.metric
