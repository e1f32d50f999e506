"""When a spent budget is back: found in few questions, and the same as in all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from bot.core.slo.budget import evaluate_series, returns_at
from bot.core.slo.model import (
    Counts,
    Indicator,
    Metric,
    Ratio,
    Sample,
    Slo,
    Source,
    SourceKind,
    Window,
)
from bot.core.slo.windows import Series
from bot.engine.standings import Standings
from bot.ports.slo import Answered, Asked, SourceRefused

NOW = datetime(2026, 11, 22, 12, 0, 17, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
METRIC = Metric(Source("s", SourceKind.SQL))


@dataclass
class History:
    """A source that has ten events a minute; those of the ``bad`` minutes before now failed."""

    bad: Sequence[range]
    refusing: bool = False
    asked: list[int] = field(default_factory=list)
    """How many steps there were of each question."""

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        return [{window: self.counted(at - window, at) for window in one.windows} for one in asked]

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        if self.asked and self.refusing:
            raise SourceRefused("it has had enough")
        moments = [since + step * number for number in range((until - since) // step + 1)]
        self.asked.append(len(moments) - 1)
        parts = [self.counted(end - step, end) for end in moments[1:]]
        return [
            Sample(end, one.good, one.total) for end, one in zip(moments[1:], parts, strict=True)
        ]

    def counted(self, start: datetime, end: datetime) -> Counts:
        first, last = ((NOW - moment) // MINUTE for moment in (end, start))
        bad = sum(len(range(max(first, r.start), min(last, r.stop))) for r in self.bad)
        return Counts(10 * (last - first - bad), 10 * (last - first))


def objective(length: timedelta) -> Slo:
    return Slo("api", "shop", Fraction("0.99"), Window(length), Ratio(METRIC, METRIC))


async def looked_back(
    length: timedelta, history: History, wanted: Fraction = Fraction(0)
) -> tuple[datetime | None, datetime | None]:
    """What is found, and what all short steps of the window say."""
    slo, step = objective(length), timedelta(hours=1) if length > 2 * DAY else 5 * MINUTE
    kinds: Mapping[SourceKind, History] = {SourceKind.SQL: history}
    series = Series(
        tuple(await History(history.bad).fetch_samples(slo.indicator, NOW - length, NOW, step))
    )
    state = evaluate_series(slo, series, NOW)
    found = await Standings(kinds).returns_at(slo, state, NOW, wanted)
    return found, returns_at(slo, series, NOW, wanted)


@pytest.mark.parametrize(
    ("length", "most"),
    [
        (30 * DAY, 54), (28 * DAY, 52), (7 * DAY, 26), (DAY, 34), (timedelta(hours=1), 7),
        # A number of steps that nothing divides is looked through as it is.
        (timedelta(hours=53), 53),
    ],
)  # fmt: skip
@pytest.mark.parametrize("wanted", ["0", "1/4", "1/2"])
async def test_it_is_found_in_few_questions(length: timedelta, most: int, wanted: str) -> None:
    minutes = length // MINUTE
    # Three outages, each of which by itself takes more than the budget's part.
    bad = [
        range(at, at + minutes // 100 + 1)
        for at in (minutes // 20, minutes // 3, minutes - minutes // 7)
    ]
    history = History(bad)
    found, expected = await looked_back(length, history, Fraction(wanted))
    assert found is not None
    assert found == expected
    assert sum(history.asked) <= most


async def test_a_source_that_gives_no_second_answer_says_nothing() -> None:
    assert (await looked_back(30 * DAY, History([range(500, 1000)], refusing=True)))[0] is None


async def test_what_is_not_spent_is_not_looked_back_for() -> None:
    history = History([])
    assert await looked_back(30 * DAY, history) == (None, None)
    assert history.asked == []
