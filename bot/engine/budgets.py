"""Sees, every minute, how the objectives of every repository stand, and keeps that."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from bot.core.model import RepoRef
from bot.core.slo.kept import kept_state
from bot.core.slo.model import BudgetState, Slo, State
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
        for repository_id in await self.slos.fetch_defining():
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
        standings = self.objectives.standings(repo)
        found = await standings.states(read.slos, now)
        states = await self._with_returns(repo.id, standings, read.slos, found)
        for state in states:
            SLO_EVALUATIONS.labels(state.state.value).inc()
        kept = [
            kept_state(repo.id, slo, state) for slo, state in zip(read.slos, states, strict=True)
        ]
        # Before the states are saved: those of a repository that defines none any more are what
        # it is found by.
        await self.alerting.tell(repo, list(zip(read.slos, kept, strict=True)), now)
        await self.slos.save_states(repo.id, kept)

    async def _with_returns(
        self,
        repository_id: int,
        standings: Standings,
        slos: Sequence[Slo],
        states: Sequence[BudgetState],
    ) -> list[BudgetState]:
        """With when each budget that is spent is back. That takes the whole window's samples, and
        hardly changes: it is asked once an hour."""
        if all(state.state is not State.EXHAUSTED for state in states):
            return list(states)
        now = states[0].at
        hour = now.replace(minute=0, second=0, microsecond=0)
        known = {
            one.name: one.state.returns_at
            for one in await self.slos.fetch_states([repository_id])
            if one.state.state is State.EXHAUSTED and one.evaluated_at >= hour
        }

        async def one(slo: Slo, state: BudgetState) -> BudgetState:
            if state.state is not State.EXHAUSTED:
                return state
            if slo.name in known:
                back = known[slo.name]
            else:
                back = await standings.returns_at(slo, state, now)
            return replace(state, returns_at=back)

        return await asyncio.gather(*map(one, slos, states))


def _evaluate(repo: RepoRef) -> EvaluateObjectives:
    return EvaluateObjectives(repo.installation_id, repo.id, repo.owner, repo.name)
