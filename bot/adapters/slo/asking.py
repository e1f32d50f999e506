"""What all sources that are asked query by query share."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, TypeVar

from bot.core.slo.model import Counts, Indicator, Metric, Sample, Threshold
from bot.core.slo.windows import Reading, SampleError, read_samples
from bot.ports.slo import Answered, Asked, SourceError, SourceRefused, SourceUnavailable

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
                counts = await together(
                    *(count(one.indicator, window, at) for window in one.windows)
                )
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceUnavailable(
                f"{source_name(one.indicator)} did not answer within {seconds:g} s, with all that "
                "it was asked at once; ask it for less, or make it faster"
            )
        return dict(zip(one.windows, counts, strict=True))

    return await together(*map(answer, asked))


def needed(
    part: Fraction | None, total: Fraction | None, *, is_bad: bool, zero: bool, of: str
) -> Fraction | None:
    """How many events were good. None where nothing was counted at all.

    Raises:
        SourceRefused: something was counted, and the query for the good or the bad finds nothing:
            a name that is misspelt looks so too.
    """
    if total is None:
        return None
    if part is None and total and not zero:
        word = "bad" if is_bad else "good"
        raise SourceRefused(
            f"{of}: the query for the {word} events finds nothing, while there are "
            f"{float(total):g} in all; have it give 0 where there are none"
        )
    return total - (part or 0) if is_bad else part or Fraction(0)


def counted_in(reading: Reading, *, of: str) -> Counts:
    """
    Raises:
        SourceRefused: it says what cannot be.
    """
    try:
        samples = read_samples([reading], reading.at)
    except SampleError as error:
        raise SourceRefused(f"{of}: {error}") from None
    return Counts(samples[0].good, samples[0].total) if samples else Counts()


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
        found = await together(*(self._counts(indicator, step, at) for at in moments))
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
        name = indicator.total.source.name
        good = needed(some, all_, is_bad=indicator.good is None, zero=False, of=name)
        return counted_in(Reading(at, good, all_), of=name)


def source_name(indicator: Indicator) -> str:
    metric = indicator.metric if isinstance(indicator, Threshold) else indicator.total
    return metric.source.name
