"""The bot's own probes as a source: ``bot.ports.slo.Source`` on what the store has counted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.core.slo.model import Counts, Indicator, Ratio, Sample
from bot.core.slo.probes import KEPT_ANSWERS, ProbeFault, counted_bound
from bot.ports import StoreUnavailable
from bot.ports.slo import (
    Answered,
    Asked,
    Counter,
    CounterAt,
    SloStore,
    SourceError,
    SourceRefused,
    SourceUnavailable,
)

_HOUR = timedelta(hours=1)
_MOST_STEPS = 50_000


class ProbeSource:
    """Of one repository. All that is asked at once is one question to the store.

    A window that reaches further back than single answers are kept begins at the last answer of
    the hour before: up to an hour early.
    """

    def __init__(self, store: SloStore, repository_id: int) -> None:
        self._store = store
        self._repository_id = repository_id

    async def fetch_counts(self, asked: Sequence[Asked], at: datetime) -> list[Answered]:
        places = [self._place(one.indicator) for one in asked]
        wanted: list[CounterAt] = []
        for one, place in zip(asked, places, strict=True):
            if not isinstance(place, SourceError):
                moments = (at, *(at - window for window in one.windows))
                wanted += [self._counter(place, moment) for moment in moments]
        try:
            counters = iter(await self._store.fetch_counters(wanted))
        except StoreUnavailable as error:
            return [SourceUnavailable(f"the store of the probes cannot be read: {error}")] * len(
                asked
            )
        answers: list[Answered] = []
        for one, place in zip(asked, places, strict=True):
            if isinstance(place, SourceError):
                answers.append(place)
                continue
            end = next(counters)
            answers.append({window: _between(next(counters), end) for window in one.windows})
        return answers

    async def fetch_samples(
        self, indicator: Indicator, since: datetime, until: datetime, step: timedelta
    ) -> list[Sample]:
        place = self._place(indicator)
        if isinstance(place, SourceError):
            raise place
        if step < _HOUR and until - since > KEPT_ANSWERS:
            raise SourceRefused(
                f"single answers of the probe {place[0]} are kept for {KEPT_ANSWERS.days} days, "
                "and one an hour for longer; use Occurrences, or slices of whole hours"
            )
        steps = (until - since) // step
        if steps > _MOST_STEPS:
            raise SourceRefused(f"{steps:,} steps are too many at once; use longer slices")
        moments = [since + step * number for number in range(steps + 1)]
        try:
            counters = await self._store.fetch_counters(
                [self._counter(place, moment) for moment in moments]
            )
        except StoreUnavailable as error:
            raise SourceUnavailable(f"the store of the probes cannot be read: {error}") from error
        samples = []
        for begin, end, moment in zip(counters, counters[1:], moments[1:], strict=False):
            counts = _between(begin, end)
            if counts.total:
                samples.append(Sample(moment, counts.good, counts.total))
        return samples

    def _place(self, indicator: Indicator) -> tuple[str, int] | SourceError:
        """Which probe, and which of its counts."""
        try:
            bound = counted_bound(indicator)
        except ProbeFault as fault:
            return SourceRefused(str(fault))
        metric = indicator.total if isinstance(indicator, Ratio) else indicator.metric
        return metric.source.name, bound

    def _counter(self, place: tuple[str, int], at: datetime) -> CounterAt:
        probe, bound = place
        return CounterAt(self._repository_id, probe, bound, at)


def _between(begin: Counter | None, end: Counter | None) -> Counts:
    """Nothing had been counted before the first answer."""
    if end is None:
        return Counts()
    if begin is None:
        return Counts(end.good, end.total)
    return Counts(end.good - begin.good, end.total - begin.total)
