"""Who somebody is to a repository, asked from GitHub each time that it counts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.core.commands.authority import Caller, authorise
from bot.core.commands.command import Command
from bot.core.commands.requests import Refusal
from bot.core.model import Actor, RepoRef, Role
from bot.core.operations.answering import answering
from bot.core.operations.machine import Operation
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import Read, Unread
from bot.engine.policies import Policies
from bot.ports import Hub, HubError, HubGone, HubUnavailable
from bot.ports.operations import CommandHub


@dataclass(frozen=True, slots=True)
class Callers:
    hub: Hub
    commands: CommandHub
    policies: Policies

    async def fetch_role(self, repo: RepoRef, login: str) -> Read[Role]:
        """
        Raises:
            HubUnavailable: not known now.
        """
        try:
            return await self.hub.fetch_role(repo, login)
        except HubUnavailable:
            raise
        except HubGone:
            return Role("none", "none")
        except HubError as error:
            return Unread(str(error))

    async def fetch_teams(
        self, repo: RepoRef, login: str, policies: Iterable[EnvironmentPolicy]
    ) -> Read[frozenset[str]]:
        """Those of the policies' teams that somebody is in.

        Raises:
            HubUnavailable: not known now.
        """
        slugs = sorted({slug for policy in policies for slug in policy.teams})
        if not slugs:
            return frozenset()
        try:
            return await self.commands.fetch_teams(repo, login, slugs)
        except HubUnavailable:
            raise
        except HubError as error:
            return Unread(str(error))

    async def fetch_objection(self, operation: Operation) -> Refusal | None:
        """Why a promotion must not go on for those who answer for it; None if it may.

        One request for each of them, and one for each team where the role does not do. The policy
        was read when the gates were asked.

        Raises:
            HubUnavailable: not known now.
        """
        people = list(answering(operation))
        policy = await self._policy(operation) if people else None
        for command, actor in people:
            objection = await self._ask(operation, policy, command, actor)
            if objection is not None:
                return objection
        return None

    async def _policy(self, operation: Operation) -> EnvironmentPolicy | None:
        name = operation.plan.environment
        known = await self.policies.recent(operation.repo.id)
        if known is not None:
            return known.environments.get(name)
        files = await self.commands.fetch_trunk_policy(operation.repo)
        read = await self.policies.in_force(operation.repo, files)
        return None if read.fault else read.by_name.get(name)

    async def _ask(
        self,
        operation: Operation,
        policy: EnvironmentPolicy | None,
        command: Command,
        actor: Actor,
    ) -> Refusal | None:
        repo, environment = operation.repo, operation.plan.environment
        role = await self.fetch_role(repo, actor.login)
        caller = Caller(actor, role, frozenset(), spoken_of=True)
        objection = authorise(command, environment, policy, caller)
        if objection is None or policy is None or not policy.teams:
            return objection
        caller = replace(caller, teams=await self.fetch_teams(repo, actor.login, [policy]))
        return authorise(command, environment, policy, caller)
