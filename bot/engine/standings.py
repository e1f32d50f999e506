"""How one repository's objectives stand, asked of wherever their numbers are."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import isqrt

from bot.core.model import RepoRef
from bot.core.slo.budget import evaluate, evaluate_series, failed, returns_at
from bot.core.slo.burn import lengths_of
from bot.core.slo.model import BudgetState, Counts, Method, Slo, SourceKind
from bot.core.slo.resting import recent_of
from bot.core.slo.windows import Series, period, series_of
from bot.ports.slo import Answered, Asked, Source, SourceError, SourceOf, SourceUnavailable

ANSWERS_WITHIN = 10.0
"""Seconds that all objectives of one kind of source are given together."""
_SERIES_AT_ONCE = 4
"""Each may be hundreds of questions."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_MINUTES = timedelta(minutes=5)
_SHORT = timedelta(days=2)
"""Up to this length a window is looked through in steps of minutes, for longer ones single answers
may not be kept."""
_POINTS = 120
"""Of a series that is drawn, at most."""


@dataclass(frozen=True, slots=True)
class Standings:
    """One is made for each look: its sources bound how much is asked at once."""

    sources: Mapping[SourceKind, Source]
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_SERIES_AT_ONCE))

    @classmethod
    def of(cls, sources: Mapping[SourceKind, SourceOf], repo: RepoRef) -> "Standings":
        return cls({kind: source_of(repo) for kind, source_of in sources.items()})

    async def states(self, slos: Sequence[Slo], now: datetime) -> tuple[BudgetState, ...]:
        """How each of the objectives stands at ``now``, in the order given. Those of one kind of
        source are asked for at once; what cannot be read is a state too."""
        kinds = dict.fromkeys(slo.source.kind for slo in slos)
        parts = await asyncio.gather(
            *(
                self._of_kind(kind, [s for s in slos if s.source.kind is kind], now)
                for kind in kinds
            )
        )
        found = {state.name: state for part in parts for state in part}
        return tuple(found[slo.name] for slo in slos)

    async def recent(self, slos: Sequence[Slo], now: datetime) -> dict[str, Counts]:
        """What each counted over its ``recent_of``, by name, and no other window; without those
        whose source does not say it."""
        kinds = dict.fromkeys(slo.source.kind for slo in slos)
        parts = await asyncio.gather(
            *(
                self._recent_of_kind(kind, [s for s in slos if s.source.kind is kind], now)
                for kind in kinds
            )
        )
        return {name: counts for part in parts for name, counts in part.items()}

    async def returns_at(
        self, slo: Slo, state: BudgetState, now: datetime, wanted: Fraction = Fraction(0)
    ) -> datetime | None:
        """When as much of the budget as is ``wanted``, and some, is left again if nothing more
        goes wrong. None where it is left now, or that is not known."""
        left = state.budget_remaining
        if left is None or (left > 0 and left >= wanted):
            return None
        start, end = period(slo.window, now)
        if not slo.window.rolling:
            return end
        if slo.method is Method.TIMESLICES:
            # Their series is long, and when it is back is a comfort and no fact that decides.
            return None
        step = _HOUR if slo.window.length > _SHORT else _MINUTES
        steps = (now - start) // step
        # First in long steps, then the one in which it returns in short ones: 54 and not 720, of
        # 30 days.
        long = step * max(n for n in range(1, isqrt(steps) + 1) if steps % n == 0)
        source = self.sources[slo.source.kind]
        try:
            async with asyncio.timeout(ANSWERS_WITHIN), self._turns:
                whole = await source.fetch_samples(slo.indicator, start, start + step * steps, long)
                about = returns_at(slo, series_of(slo, whole), now, wanted)
                if about is None or long == step:
                    return about
                last = about - slo.window.length
                parts = await source.fetch_samples(slo.indicator, last - long, last, step)
        except (SourceError, TimeoutError):
            return None
        samples = [*parts, *(sample for sample in whole if sample.at != last)]
        return returns_at(slo, series_of(slo, samples), now, wanted) or about

    async def series(self, slo: Slo, now: datetime) -> Series:
        """The window's numbers in steps, to be drawn; the oldest may be left out, so that they end
        now. Nothing where they cannot be read."""
        start, _ = period(slo.window, now)
        unit = _HOUR if slo.window.length > _SHORT else timedelta(minutes=1)
        step = -((start - now) // (unit * _POINTS)) * unit
        try:
            async with asyncio.timeout(ANSWERS_WITHIN), self._turns:
                source = self.sources[slo.source.kind]
                if slo.method is Method.TIMESLICES:
                    since, _ = period(slo.window, now)
                    samples = await source.fetch_samples(slo.indicator, *_slices(slo, since, now))
                else:
                    since = now - (now - start) // step * step
                    samples = await source.fetch_samples(slo.indicator, since, now, step)
        except (KeyError, SourceError, TimeoutError):
            return Series(())
        return series_of(slo, samples)

    async def _of_kind(
        self, kind: SourceKind, slos: Sequence[Slo], now: datetime
    ) -> list[BudgetState]:
        source = self.sources.get(kind)
        if source is None:
            reason = f"this server cannot ask sources of type {kind.value}"
            return [failed(slo, reason, now) for slo in slos]
        end = asyncio.get_running_loop().time() + ANSWERS_WITHIN
        counted = [slo for slo in slos if slo.method is not Method.TIMESLICES]
        sliced = [slo for slo in slos if slo.method is Method.TIMESLICES]
        states, others = await asyncio.gather(
            _counted(source, counted, now, end),
            asyncio.gather(*(self._sliced(source, slo, now, end) for slo in sliced)),
        )
        return [*states, *others]

    async def _recent_of_kind(
        self, kind: SourceKind, slos: Sequence[Slo], now: datetime
    ) -> dict[str, Counts]:
        source = self.sources.get(kind)
        if source is None:
            return {}
        end = asyncio.get_running_loop().time() + ANSWERS_WITHIN
        counted = [slo for slo in slos if slo.method is not Method.TIMESLICES]
        sliced = [slo for slo in slos if slo.method is Method.TIMESLICES]
        asked = [Asked(slo.indicator, (recent_of(slo),)) for slo in counted]
        answers, series = await asyncio.gather(
            _counts(source, asked, now, end),
            asyncio.gather(
                *(self._series(source, slo, now - recent_of(slo), now, end) for slo in sliced)
            ),
        )
        found = {
            slo.name: answer.get(recent_of(slo), Counts())
            for slo, answer in zip(counted, answers, strict=True)
            if not isinstance(answer, SourceError)
        }
        for slo, one in zip(sliced, series, strict=True):
            if not isinstance(one, SourceError):
                found[slo.name] = one.counts(_EPOCH, now)
        return found

    async def _sliced(self, source: Source, slo: Slo, now: datetime, end: float) -> BudgetState:
        series = await self._series(source, slo, period(slo.window, now)[0], now, end)
        if isinstance(series, SourceError):
            return failed(slo, str(series), now)
        return evaluate_series(slo, series, now)

    async def _series(
        self, source: Source, slo: Slo, since: datetime, now: datetime, end: float
    ) -> Series | SourceError:
        try:
            async with asyncio.timeout_at(end), self._turns:
                samples = await source.fetch_samples(slo.indicator, *_slices(slo, since, now))
        except SourceError as error:
            return error
        except TimeoutError:
            return SourceUnavailable(_LATE)
        return series_of(slo, samples)


_LATE = f"its source did not answer within {ANSWERS_WITHIN:.0f} s"


async def _counted(
    source: Source, slos: Sequence[Slo], now: datetime, end: float
) -> list[BudgetState]:
    """Events, window by window: one question to the source."""
    wholes = [now - period(slo.window, now)[0] for slo in slos]
    asked = [
        Asked(slo.indicator, tuple(dict.fromkeys((whole, *lengths_of(slo)))))
        for slo, whole in zip(slos, wholes, strict=True)
    ]
    answers = await _counts(source, asked, now, end)
    return [
        failed(slo, str(answer), now)
        if isinstance(answer, SourceError)
        else evaluate(slo, answer.get(whole, Counts()), answer, now)
        for slo, whole, answer in zip(slos, wholes, answers, strict=True)
    ]


async def _counts(
    source: Source, asked: Sequence[Asked], now: datetime, end: float
) -> Sequence[Answered]:
    if not asked:
        return []
    try:
        async with asyncio.timeout_at(end):
            return await source.fetch_counts(asked, now)
    except TimeoutError:
        return [SourceUnavailable(_LATE)] * len(asked)


def _slices(slo: Slo, since: datetime, now: datetime) -> tuple[datetime, datetime, timedelta]:
    """Since, until and step: slices of time, counted from 1970; the one that has not ended is not
    judged yet."""
    length = slo.slice_length
    first, last = (_EPOCH + (moment - _EPOCH) // length * length for moment in (since, now))
    return first, last, length
