"""Sees, every minute, how the objectives of every repository stand, and keeps that."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from bot.core.model import RepoRef
from bot.core.slo.kept import KeptState, kept_state
from bot.core.slo.model import BudgetState, Slo, State
from bot.core.slo.resting import COSTLY, may_rest, rests
from bot.core.work.objectives import EvaluateObjectives, SweepObjectives
from bot.engine.alerting import Alerting
from bot.engine.objectives import Objectives, parse_files
from bot.engine.standings import Standings
from bot.metrics import SLO_EVALUATIONS
from bot.ports import Clock, Store
from bot.ports.repositories import RepositoryStore
from bot.ports.slo import SloStore

log = structlog.get_logger()

SPREAD = timedelta(seconds=50)
"""Over which the evaluations of one sweep are spread; a sweep comes every minute."""
_GOLDEN = 0.618033988749895
"""The multiples of it lie evenly between whole numbers, however many repositories there are."""


@dataclass(frozen=True, slots=True)
class Budgets:
    objectives: Objectives
    alerting: Alerting
    slos: SloStore
    repositories: RepositoryStore
    store: Store
    clock: Clock

    async def sweep(self, work: SweepObjectives, cause: str) -> None:
        """Each repository is a job of its own, so that one whose source is slow, or whose
        evaluation fails, holds up no other; and each has its own second of the minute."""
        for repository_id in await self.slos.fetch_evaluated():
            repo = await self.repositories.fetch_repository(repository_id)
            if repo is not None:
                delay = SPREAD * (repository_id * _GOLDEN % 1)
                await self.store.enqueue(_evaluate(repo), delay=delay)

    async def evaluate(self, work: EvaluateObjectives, cause: str) -> None:
        repo = work.repo
        files = await self.slos.fetch_defined(repo.id)
        # Not here: a thousand objectives that are new take seconds.
        read = await asyncio.to_thread(parse_files, tuple(sorted(files.items())))
        if read.problems:  # they had none when they were kept: by a release with other rules
            log.warning("objectives_not_read", repository=repo.full_name)
            return
        now = self.clock.now()
        known = {one.name: one for one in await self.slos.fetch_states([repo.id])}
        standings = self.objectives.standings(repo)
        definition = _digest(files)
        found = await self._resting(standings, read.slos, known, definition, now)
        asked = [slo for slo in read.slos if slo.name not in found]
        states = await standings.states(asked, now)
        returning = await self._with_returns(standings, asked, states, known)
        for slo, state in zip(asked, returning, strict=True):
            found[slo.name] = kept_state(repo.id, slo, state, definition)
        kept = [found[slo.name] for slo in read.slos]
        for one in kept:
            SLO_EVALUATIONS.labels(one.state.state.value).inc()
        # Before the states are saved: those of a repository that defines none any more are what
        # it is found by.
        await self.alerting.tell(repo, list(zip(read.slos, kept, strict=True)), known, now)
        await self.slos.save_states(repo.id, kept)

    async def _resting(
        self,
        standings: Standings,
        slos: Sequence[Slo],
        known: Mapping[str, KeptState],
        definition: str,
        now: datetime,
    ) -> dict[str, KeptState]:
        """Those for which what was counted minutes ago stands; the sources are asked for no more
        than a short window of each."""
        may = [
            slo
            for slo in slos
            if slo.source.kind in COSTLY
            and slo.name in known
            and may_rest(slo, known[slo.name], definition, now)
        ]
        recent = await standings.recent(may, now)
        return {
            slo.name: replace(known[slo.name], looked_at=now)
            for slo in may
            if slo.name in recent and rests(slo, known[slo.name].state, recent[slo.name])
        }

    async def _with_returns(
        self,
        standings: Standings,
        slos: Sequence[Slo],
        states: Sequence[BudgetState],
        known: Mapping[str, KeptState],
    ) -> Sequence[BudgetState]:
        """With when each budget that is spent is back. That takes the whole window's samples, and
        hardly changes: it is asked once an hour."""

        async def one(slo: Slo, state: BudgetState) -> BudgetState:
            if state.state is not State.EXHAUSTED:
                return state
            hour = state.at.replace(minute=0, second=0, microsecond=0)
            before = known[slo.name].state if slo.name in known else None
            if before and before.state is State.EXHAUSTED and before.at >= hour:
                back = before.returns_at
            else:
                back = await standings.returns_at(slo, state, state.at)
            return replace(state, returns_at=back)

        return await asyncio.gather(*map(one, slos, states))


def _digest(files: Mapping[str, str]) -> str:
    return sha256(repr(sorted(files.items())).encode("utf-8", "replace")).hexdigest()[:16]


def _evaluate(repo: RepoRef) -> EvaluateObjectives:
    return EvaluateObjectives(repo.installation_id, repo.id, repo.owner, repo.name)
