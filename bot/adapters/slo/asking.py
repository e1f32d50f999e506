"""What all sources that are asked query by query share."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, TypeVar

from bot.core.slo.model import Counts, Indicator, Metric, Sample, Threshold
from bot.core.slo.windows import Reading, SampleError, read_samples
from bot.ports.slo import (
    Answered,
    Asked,
    PartMissing,
    SourceError,
    SourceRefused,
    SourceUnavailable,
)

Count = Callable[[Indicator, timedelta, datetime], Coroutine[Any, Any, Counts]]
T = TypeVar("T")

TOGETHER = 9.0
"""Seconds that all objectives of one repository have at one kind of source: what is not answered by
then is not known, and what is answered holds."""
_MOST_STEPS = 300


async def together(*questions: Coroutine[Any, Any, T]) -> list[T]:
    """All answers; with the first that fails the other questions are given up."""
    tasks = [asyncio.create_task(question) for question in questions]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def answer_each(
    asked: Sequence[Asked], at: datetime, count: Count, *, seconds: float = TOGETHER
) -> list[Answered]:
    """All windows of all objectives at once. One that cannot be known fails its objective, and no
    other."""
    end = asyncio.get_running_loop().time() + seconds

    async def answer(one: Asked) -> Answered:
        try:
            async with asyncio.timeout_at(end):
                counts = await counted_all(count(one.indicator, each, at) for each in one.windows)
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceUnavailable(
                f"{source_name(one.indicator)} did not answer within {seconds:g} s, with all that "
                "it was asked at once; ask it for less, or make it faster"
            )
        return dict(zip(one.windows, counts, strict=True))

    return await together(*map(answer, asked))


async def counted_all(questions: Iterable[Coroutine[Any, Any, Counts]]) -> list[Counts]:
    """The answers about several times to the same question. Where one of them finds what the
    others miss, its name is right, and there was none of it at the other times.

    Raises:
        SourceError: as the questions do.
        PartMissing: none of them finds it.
    """
    found = await together(*map(_or_missing, questions))
    missing = [one for one in found if isinstance(one, PartMissing)]
    if missing and not any(isinstance(one, Counts) and one.total for one in found):
        raise PartMissing(str(missing[0]), [sample for one in missing for sample in one.samples])
    return [one if isinstance(one, Counts) else _none_of_it(one) for one in found]


async def _or_missing(question: Coroutine[Any, Any, Counts]) -> Counts | PartMissing:
    try:
        return await question
    except PartMissing as missing:
        return missing


def _none_of_it(missing: PartMissing) -> Counts:
    (sample,) = missing.samples
    return Counts(sample.good, sample.total)


def counted_in(
    part: Fraction | None,
    total: Fraction | None,
    at: datetime,
    *,
    is_bad: bool,
    zero: bool,
    of: str,
) -> Counts:
    """Of a window that ends at ``at``. ``part`` are the good events or the bad ones; with ``zero``
    nothing of it is none.

    Raises:
        SourceRefused: it says what cannot be.
        PartMissing: something was counted, and there is no ``part``.
    """
    try:
        samples = read_samples([Reading(at, good_of(part, total, is_bad=is_bad), total)], at)
    except SampleError as error:
        raise SourceRefused(f"{of}: {error}") from None
    if not samples:
        return Counts()
    if part is None and total and not zero:
        raise missing_part(samples, is_bad=is_bad, of=of)
    return Counts(samples[0].good, samples[0].total)


def good_of(part: Fraction | None, total: Fraction | None, *, is_bad: bool) -> Fraction | None:
    """How many events were good, where nothing of ``part`` is none; None without a total."""
    if total is None:
        return None
    return total - (part or 0) if is_bad else part or Fraction(0)


def missing_part(samples: Sequence[Sample], *, is_bad: bool, of: str) -> PartMissing:
    word, total = "bad" if is_bad else "good", sum(sample.total for sample in samples)
    return PartMissing(
        f"{of}: the query for the {word} events finds nothing, while there are {float(total):g} "
        "in all; have it give 0 where there are none",
        samples,
    )


class QuerySource(ABC):
    """A source whose queries say themselves, between two times, what was counted."""

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        return await answer_each(asked, at, self._counts)

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        """Step by step, since such a source knows no better way."""
        steps = (until - since) // step
        if steps > _MOST_STEPS:
            raise SourceRefused(
                f"{steps:,} time slices would be as many questions; use Occurrences, or longer "
                "slices"
            )
        moments = [since + step * number for number in range(1, steps + 1)]
        found = await counted_all(self._counts(indicator, step, at) for at in moments)
        return [
            Sample(at, counts.good, counts.total)
            for at, counts in zip(moments, found, strict=True)
            if counts.total
        ]

    @abstractmethod
    async def number(self, metric: Metric, window: timedelta, at: datetime) -> Fraction | None:
        """None where nothing was counted.

        Raises:
            SourceError: it is not known.
        """

    @abstractmethod
    async def tally(self, indicator: Threshold, window: timedelta, at: datetime) -> Counts:
        """Each value is an event; what is no number is none.

        Raises:
            SourceError: it is not known.
        """

    async def _counts(self, indicator: Indicator, window: timedelta, at: datetime) -> Counts:
        if isinstance(indicator, Threshold):
            return await self.tally(indicator, window, at)
        part = indicator.good or indicator.bad
        assert part is not None  # noqa: S101 (the model has one of them)
        some, all_ = await together(
            self.number(part, window, at), self.number(indicator.total, window, at)
        )
        is_bad, name = indicator.good is None, indicator.total.source.name
        return counted_in(some, all_, at, is_bad=is_bad, zero=False, of=name)


def source_name(indicator: Indicator) -> str:
    metric = indicator.metric if isinstance(indicator, Threshold) else indicator.total
    return metric.source.name
