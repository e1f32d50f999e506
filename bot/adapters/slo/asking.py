"""What all sources that are asked query by query share."""

import asyncio
import operator
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, TypeVar

from bot.core.slo.model import Counts, Indicator, Operator, Ratio, Sample, Threshold
from bot.core.slo.windows import Reading, SampleError, read_samples
from bot.ports.slo import Answered, Asked, SourceError, SourceRefused

Count = Callable[[Indicator, timedelta, datetime], Coroutine[Any, Any, Counts]]
T = TypeVar("T")

_HOLDS = {
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
}
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


async def answer_each(asked: Sequence[Asked], at: datetime, count: Count) -> list[Answered]:
    """All windows of all objectives at once. One that cannot be known fails its objective, and no
    other."""

    async def answer(one: Asked) -> Answered:
        try:
            counts = await together(*(count(one.indicator, window, at) for window in one.windows))
        except SourceError as error:
            return error
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


def refuse_counter(ratio: Ratio) -> None:
    """
    Raises:
        SourceRefused: the numbers are said to grow for ever, and are asked for by window.
    """
    if ratio.counter:
        raise SourceRefused(
            f"{ratio.total.source.name}: a query between two times says itself what was counted; "
            "write `counter: false`, and have it count"
        )


def tally(values: Iterable[Fraction | None], threshold: Threshold) -> Counts:
    """Each value is an event; what is no number is none."""
    hold = _HOLDS[threshold.operator]
    good = [bool(hold(value, threshold.value)) for value in values if value is not None]
    return Counts(sum(good), len(good))


async def sample_steps(
    count: Count, indicator: Indicator, since: datetime, until: datetime, step: timedelta
) -> list[Sample]:
    """Step by step, where a source knows no better way.

    Raises:
        SourceError: one of them is not known.
    """
    steps = (until - since) // step
    if steps > _MOST_STEPS:
        raise SourceRefused(
            f"{steps:,} time slices would be as many questions; use Occurrences, or longer slices"
        )
    moments = [since + step * number for number in range(1, steps + 1)]
    found = await together(*(count(indicator, step, at) for at in moments))
    return [
        Sample(at, counts.good, counts.total)
        for at, counts in zip(moments, found, strict=True)
        if counts.total
    ]
