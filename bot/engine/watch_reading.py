"""Reads what a watch decides on: asks the endpoints of its probes, and the other sources."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.core.model import RepoRef
from bot.core.slo.model import Ratio, Slo, SourceKind
from bot.core.slo.model import Source as SloSource
from bot.core.slo.probes import ProbeFault
from bot.core.slo.usual import DAY, usual_ratio
from bot.core.slo.watch import Watched
from bot.core.slo.watching import (
    BEFORE,
    STEP,
    Series,
    Watch,
    from_answers,
    objectives_of,
    undefined,
    watched,
    without_apart,
)
from bot.engine.asking import Asking
from bot.engine.objectives import parse_files
from bot.engine.probing import MOST_PROBES, want
from bot.engine.standings import ANSWERS_WITHIN
from bot.ports import Clock, HubError
from bot.ports.objectives import ObjectiveHub
from bot.ports.operations import CommandHub
from bot.ports.slo import PartMissing, SloStore, Source, SourceError, SourceOf

_TURNS = 2
"""Objectives of one source: of a database or an API each is hundreds of questions at first."""
_ANSWERS = 20_000
"""Of one probe: more than a watch, the hour before it and the day before that can have."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A source that objectives share. It bounds how much it is asked at once; and they take turns,
    so that where the time is not enough for all, some are read, and need less at the next look."""

    source: Source
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_TURNS))


@dataclass(frozen=True, slots=True)
class WatchReading:
    """``sources`` are asked what they counted; probes are asked here and now, at every look,
    however seldom they are asked otherwise."""

    hub: ObjectiveHub
    commands: CommandHub
    sources: Mapping[SourceKind, SourceOf]
    slos: SloStore
    asking: Asking
    clock: Clock

    async def read(
        self, watch: Watch, repo: RepoRef
    ) -> tuple[Watch, Sequence[Slo], Sequence[Watched]]:
        """The watch with what it has read, its objectives, and what is known of each by now.

        Raises:
            StoreUnavailable: to be done again.
        """
        if watch.files is None:
            watch = await self._define(watch, repo)
        objectives, unread = _objectives(watch)
        if self.clock.now() < watch.ends and not await self._ask(repo, objectives):
            watch = replace(watch, left_out=watch.left_out + 1)
        until = min(self.clock.now(), watch.ends)
        kinds = {source.name: source.kind for source in map(_source, objectives)}
        places = {
            name: _Place(self.sources[kind](repo))
            for name, kind in kinds.items()
            if kind in self.sources
        }
        found = await asyncio.gather(
            *(self._observe(watch, repo, slo, places, until) for slo in objectives)
        )
        series = tuple(series for series, _ in found if series is not None)
        observed = [one for _, one in found] + undefined(watch, objectives)
        return replace(watch, series=series, unread=unread), objectives, observed

    async def _define(self, watch: Watch, repo: RepoRef) -> Watch:
        """With the files that define objectives, as they are on the trunk now; where GitHub cannot
        be asked, as they were when that was kept."""
        try:
            _, tip = await self.commands.fetch_trunk(repo)
            files = dict(await self.hub.fetch_objectives(repo, tip))
            await want(self.slos, repo, tip, files)  # some may be new, and known to nobody yet
            texts = {path: one.decode() for path, one in files.items()}
            return replace(watch, files=texts, unread="")
        except UnicodeDecodeError:
            return replace(watch, files={}, unread="a file in slo/ is no text in UTF-8")
        except HubError as error:
            kept = dict(await self.slos.fetch_defined(repo.id))
            if kept:
                return replace(watch, files=kept)
            return replace(watch, unread=f"the objectives could not be read: {error}")

    async def _ask(self, repo: RepoRef, objectives: Sequence[Slo]) -> bool:
        """Ask their endpoints. False where the bot's own network was away."""
        names = sorted({_source(slo).name for slo in objectives if _is_probe(slo)})
        due = await self.slos.find_probes(repo.id, names[:MOST_PROBES]) if names else []
        if not due:
            return True
        answers = await self.asking.ask(due)
        # As of when they were answered: the clock that the watch goes by.
        at = self.clock.now()
        if answers:
            await self.slos.record_probes([(replace(one, at=at), each) for one, each in answers])
        return len(answers) == len(due)

    async def _observe(
        self,
        watch: Watch,
        repo: RepoRef,
        slo: Slo,
        places: Mapping[str, _Place],
        until: datetime,
    ) -> tuple[Series | None, Watched]:
        """What was read of an objective and is to be kept, and what is known of it."""
        if _is_probe(slo):
            answers = await self.slos.fetch_answers(
                repo.id, _source(slo).name, since=watch.moved_at - BEFORE - DAY, limit=_ANSWERS
            )
            try:
                return None, from_answers(watch, slo, answers)
            except ProbeFault as fault:
                return None, watched(slo, Series(slo.name), unread=str(fault))
        series = watch.read_of(slo.name)
        place = places.get(_source(slo).name)
        if place is None:
            kind = _source(slo).kind.value
            return series, watched(slo, series, unread=f"this server cannot ask {kind}")
        try:
            async with asyncio.timeout(ANSWERS_WITHIN), place.turns:
                series = await _further(watch, slo, series, place.source, until)
        except (SourceError, TimeoutError) as error:
            why = str(error) or f"its source did not answer within {ANSWERS_WITHIN:.0f} s"
            return series, watched(slo, series, unread=why)
        if series.usual is None:
            series = replace(series, usual=await _usual(watch, slo, place.source))
        known = replace(series, before=without_apart(watch, series.before))
        return series, watched(slo, known)


async def _further(
    watch: Watch, slo: Slo, series: Series, source: Source, until: datetime
) -> Series:
    """With what was counted since the look before, in whole steps.

    Raises:
        SourceError: nothing is known.
    """
    if not series.before_known:
        before = await source.fetch_samples(
            slo.indicator, watch.moved_at - BEFORE, watch.moved_at, STEP
        )
        series = replace(series, before=tuple(before), before_known=True)
    since = series.until or watch.begun
    steps = (until - since) // STEP
    if steps < 1:
        return series
    end = since + steps * STEP
    try:
        after = await source.fetch_samples(slo.indicator, since, end, STEP)
    except PartMissing as missing:
        # Of a build that fails whatever it is asked there may be no good event to be found.
        if not any(sample.total for sample in (*series.before, *series.after)):
            raise
        after = missing.samples
    return replace(series, after=(*series.after, *after), until=end)


async def _usual(watch: Watch, slo: Slo, source: Source) -> float | None:
    """The mood of the day before the time before. It is asked for once; 0 where it is not known, so
    that the hour before has to do: sources that are asked a question for each step refuse so many.
    None where others took the time, to be asked for at the next look.
    """
    until = watch.moved_at - BEFORE
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            samples = await source.fetch_samples(slo.indicator, until - DAY, until, STEP)
    except SourceError:
        return 0.0
    except TimeoutError:
        return None
    return usual_ratio(without_apart(watch, samples), until)


def _objectives(watch: Watch) -> tuple[Sequence[Slo], str]:
    """Those that are watched, or why none is."""
    if watch.files is None or (watch.unread and not watch.files):
        return (), watch.unread
    read = parse_files(tuple(sorted(watch.files.items())))
    if read.problems:
        first = read.problems[0]
        return (), f"{first.file}, line {first.line}: {first.message}"
    found = objectives_of(watch, read.slos)
    if not found and not watch.require:
        return (), f"no file in slo/ defines an objective for {watch.environment}"
    return found, ""


def _source(slo: Slo) -> SloSource:
    """An objective's numbers are all of one source: the file's reader sees to it."""
    metric = slo.indicator.total if isinstance(slo.indicator, Ratio) else slo.indicator.metric
    return metric.source


def _is_probe(slo: Slo) -> bool:
    return _source(slo).kind is SourceKind.PROBE
