"""Reads how an environment's service level objectives stand, from wherever their numbers are."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache

from bot.core.model import RepoRef, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import ObjectiveState, Read, Unread
from bot.core.slo.budget import evaluate, evaluate_series, failed, returns_at
from bot.core.slo.burn import lengths_of
from bot.core.slo.model import BudgetState, Counts, Method, Ratio, Slo, SourceKind
from bot.core.slo.openslo import parse_slos
from bot.core.slo.windows import period, series_of
from bot.ports import Clock, HubError
from bot.ports.objectives import ObjectiveHub
from bot.ports.slo import Asked, Source, SourceError, SourceOf

ANSWERS_WITHIN = 10.0
"""Seconds that all objectives of one kind of source are given together."""
_GATE = "slo"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_MINUTES = timedelta(minutes=5)
_SHORT = timedelta(days=2)
"""Up to this length a window is looked through in steps of minutes, to see when its budget is
back; for longer ones single answers may not be kept."""


@dataclass(frozen=True, slots=True)
class Objectives:
    hub: ObjectiveHub
    sources: Mapping[SourceKind, SourceOf]
    clock: Clock

    async def facts(
        self, repo: RepoRef, at: Sha, environment: str, policy: EnvironmentPolicy
    ) -> Read[tuple[ObjectiveState, ...]]:
        """Those that the gate will judge, as the files at a commit of the trunk define them; none
        where the gate is not asked."""
        if _GATE not in policy.gates:
            return ()
        defined = await self._defined(repo, at)
        if isinstance(defined, Unread):
            return defined
        required = policy.slo.require
        slos = [
            slo
            for slo in defined
            if (not slo.environments or environment in slo.environments)
            and (not required or slo.name in required)
        ]
        now = self.clock.now()
        states = await self.states(repo, slos, now)
        found = zip(slos, states, strict=True)
        return tuple(
            await asyncio.gather(
                *(self._told(repo, slo, state, now, policy.slo.least) for slo, state in found)
            )
        )

    async def states(
        self, repo: RepoRef, slos: Sequence[Slo], now: datetime
    ) -> tuple[BudgetState, ...]:
        """How each of the objectives stands at ``now``, in the order given. Those of one kind of
        source are asked for at once; what cannot be read is a state too."""
        kinds = dict.fromkeys(_kind(slo) for slo in slos)
        found: dict[str, BudgetState] = {}
        for part in await asyncio.gather(
            *(
                self._of_kind(repo, kind, [s for s in slos if _kind(s) is kind], now)
                for kind in kinds
            )
        ):
            found |= part
        return tuple(found[slo.name] for slo in slos)

    async def _defined(self, repo: RepoRef, at: Sha) -> Read[tuple[Slo, ...]]:
        try:
            files = await self.hub.fetch_objectives(repo, at)
        except HubError as error:
            return Unread(str(error))
        try:
            read = parse_files(tuple((path, one.decode()) for path, one in sorted(files.items())))
        except UnicodeDecodeError:
            return Unread("a file in `slo/` is no text in UTF-8")
        if read.problems:
            more = f" (and {len(read.problems) - 1} more)" if len(read.problems) > 1 else ""
            first = read.problems[0]
            place = f"{first.file}, line {first.line}, column {first.column}"
            return Unread(f"{place}: {first.message}{more}")
        return read.slos

    async def _of_kind(
        self, repo: RepoRef, kind: SourceKind, slos: Sequence[Slo], now: datetime
    ) -> dict[str, BudgetState]:
        of_kind = self.sources.get(kind)
        if of_kind is None:
            reason = f"this server cannot ask sources of type {kind.value}"
            return {slo.name: failed(slo, reason, now) for slo in slos}
        source = of_kind(repo)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                return {
                    **await _counted(source, [s for s in slos if s.method is not _SLICES], now),
                    **await _sliced(source, [s for s in slos if s.method is _SLICES], now),
                }
        except TimeoutError:
            reason = f"its source did not answer within {ANSWERS_WITHIN:.0f} s"
            return {slo.name: failed(slo, reason, now) for slo in slos}

    async def returns_at(
        self, repo: RepoRef, slo: Slo, state: BudgetState, now: datetime, wanted: Fraction
    ) -> datetime | None:
        """When as much of the budget as is ``wanted``, and some, is left again if nothing more
        goes wrong. None where it is left now, or that is not known."""
        left = state.budget_remaining
        if left is None or (left > 0 and left >= wanted):
            return None
        start, end = period(slo.window, now)
        if not slo.window.rolling:
            return end
        if slo.method is _SLICES:
            # Their series is long, and when it is back is a comfort and no fact that decides.
            return None
        step = _HOUR if slo.window.length > _SHORT else _MINUTES
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                source = self.sources[_kind(slo)](repo)
                samples = await source.fetch_samples(slo.indicator, start, now, step)
        except (SourceError, TimeoutError):
            return None
        return returns_at(slo, series_of(slo, samples), now, wanted)

    async def _told(
        self, repo: RepoRef, slo: Slo, state: BudgetState, now: datetime, wanted: Fraction
    ) -> ObjectiveState:
        back = await self.returns_at(repo, slo, state, now, wanted)
        return ObjectiveState(slo.title, state, back)


_SLICES = Method.TIMESLICES
parse_files = lru_cache(maxsize=32)(parse_slos)
"""Files of a trunk stay as they are from one command to the next."""


async def _counted(source: Source, slos: Sequence[Slo], now: datetime) -> dict[str, BudgetState]:
    """Events, window by window: one question to the source."""
    if not slos:
        return {}
    wholes = [now - period(slo.window, now)[0] for slo in slos]
    asked = [
        Asked(slo.indicator, tuple(dict.fromkeys((whole, *lengths_of(slo)))))
        for slo, whole in zip(slos, wholes, strict=True)
    ]
    found: dict[str, BudgetState] = {}
    answers = await source.fetch_counts(asked, now)
    for slo, whole, answer in zip(slos, wholes, answers, strict=True):
        if isinstance(answer, SourceError):
            found[slo.name] = failed(slo, str(answer), now)
        else:
            counts = answer.get(whole, Counts())
            found[slo.name] = evaluate(slo, counts, answer, now)
    return found


async def _sliced(source: Source, slos: Sequence[Slo], now: datetime) -> dict[str, BudgetState]:
    """Slices of time, counted from 1970; the one that has not ended is not judged yet."""
    found: dict[str, BudgetState] = {}
    for slo in slos:
        start, _ = period(slo.window, now)
        length = slo.slice_length
        since, until = ((_EPOCH + (moment - _EPOCH) // length * length) for moment in (start, now))
        try:
            samples = await source.fetch_samples(slo.indicator, since, until, length)
        except SourceError as error:
            found[slo.name] = failed(slo, str(error), now)
        else:
            found[slo.name] = evaluate_series(slo, series_of(slo, samples), now)
    return found


def _kind(slo: Slo) -> SourceKind:
    """An objective's numbers are all of one source: the file's reader sees to it."""
    metric = slo.indicator.total if isinstance(slo.indicator, Ratio) else slo.indicator.metric
    return metric.source.kind
