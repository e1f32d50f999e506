"""Answers ``/slo``: how a repository's objectives stand."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.commands.requests import SloRequest
from bot.core.model import RepoRef
from bot.core.promotion import Unread
from bot.core.render.slo import ObjectiveTold, render_objectives
from bot.core.slo.kept import KeptState, kept_state
from bot.core.slo.model import State
from bot.core.slo.windows import period
from bot.engine.asked import Answer, Asked
from bot.engine.links import Links
from bot.engine.objectives import Objectives
from bot.ports import Clock
from bot.ports.operations import CommandHub
from bot.ports.slo import SloStore

_MOST = 50
"""Objectives that are told: a comment holds no more."""
_KNOWN_FOR = 86_400
"""Seconds: what a worker found longer ago says nothing of now."""


@dataclass(frozen=True, slots=True)
class ObjectiveQuestions:
    hub: CommandHub
    objectives: Objectives
    slos: SloStore
    links: Links
    clock: Clock

    async def slo(self, request: SloRequest, asked: Asked) -> Answer:
        """Asked of the sources now, each kind within its time. Where one does not answer, what a
        worker found last stands in for it, with its age.

        Raises:
            HubUnavailable, StoreUnavailable: not known; to be run again.
        """
        repo, now = asked.ref.repo, self.clock.now()
        known = {one.name: one for one in await self.slos.fetch_states([repo.id])}
        _, tip = await self.hub.fetch_trunk(repo)
        defined = await self.objectives.defined(repo, tip)
        if isinstance(defined, Unread):
            fault = defined.reason
            standing = [(one, "") for one in known.values() if _is_for(one.environments, request)]
        else:
            fault = ""
            slos = [one for one in defined if _is_for(one.environments, request)]
            states = await self.objectives.standings(repo).states(slos, now)
            found = (
                kept_state(repo.id, slo, state) for slo, state in zip(slos, states, strict=True)
            )
            standing = [_best(one, known.get(one.name), now) for one in found]
        told = [await self._told(repo, one, why) for one, why in standing[:_MOST]]
        page = self.links.objectives(repo)
        return Answer(render_objectives(told, request.environment, now, page_url=page, fault=fault))

    async def _told(self, repo: RepoRef, one: KeptState, fault: str) -> ObjectiveTold:
        since, _ = period(one.window, one.evaluated_at)
        history = await self.slos.fetch_budget_history(repo.id, one.name, since)
        line = [point.left for point in history]
        if one.state.budget_remaining is not None:
            line.append((one.evaluated_at, one.state.budget_remaining))
        return ObjectiveTold(one, line, since, self.links.objective(repo, one.name), fault)


def _best(found: KeptState, known: KeptState | None, now: datetime) -> tuple[KeptState, str]:
    """What was found now, else what a worker found last, with why nothing was found now."""
    if found.state.state is not State.ERROR or known is None:
        return found, ""
    age = (now - known.evaluated_at).total_seconds()
    if known.state.state is State.ERROR or not 0 <= age <= _KNOWN_FOR:
        return found, ""
    return known, found.state.reason


def _is_for(environments: tuple[str, ...], request: SloRequest) -> bool:
    return not request.environment or not environments or request.environment in environments
