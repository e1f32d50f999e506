"""Reads the objectives that a repository's files define, and how those of an environment stand."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bot.core.model import RepoRef, Sha
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import ObjectiveState, Read, Unread
from bot.core.slo.model import BudgetState, Slo, SourceKind
from bot.core.slo.openslo import parse_slos
from bot.core.slo.steps import held_at
from bot.engine.standings import Standings
from bot.ports import Clock, HubError
from bot.ports.objectives import ObjectiveHub
from bot.ports.slo import SourceOf

_GATE = "slo"
parse_files = lru_cache(maxsize=32)(parse_slos)
"""Files of a trunk stay as they are from one command to the next."""


@dataclass(frozen=True, slots=True)
class Objectives:
    hub: ObjectiveHub
    sources: Mapping[SourceKind, SourceOf]
    clock: Clock

    async def facts(
        self, repo: RepoRef, at: Sha, environment: str, policy: EnvironmentPolicy
    ) -> Read[tuple[ObjectiveState, ...]]:
        """Those that the gate will judge, as the files at a commit of the trunk define them; none
        where neither the gate nor a step of the budget is asked about."""
        if _GATE not in policy.gates and not policy.slo.steps:
            return ()
        defined = await self.defined(repo, at)
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
        standings = self.standings(repo)
        states = await standings.states(slos, now)

        async def told(slo: Slo, state: BudgetState) -> ObjectiveState:
            least = policy.slo.least
            wanted = {least, *held_at(policy.slo, state)}
            ends = {at: await standings.returns_at(slo, state, now, at) for at in wanted}
            known = {at: end for at, end in ends.items() if end}
            return ObjectiveState(slo.title, state, known.get(least), known)

        return tuple(await asyncio.gather(*map(told, slos, states)))

    def standings(self, repo: RepoRef) -> Standings:
        return Standings.of(self.sources, repo)

    async def defined(self, repo: RepoRef, at: Sha) -> Read[tuple[Slo, ...]]:
        """As the files at a commit of the trunk define them; one fault in any and none is read."""
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
