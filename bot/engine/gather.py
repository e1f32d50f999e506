"""Reads what promotion gates judge. What cannot be read is told as ``Unread``, never left out."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from bot.core.commits.config import CommitsConfig
from bot.core.decision import Decision
from bot.core.evaluation import evaluate_promotion
from bot.core.hosting import Build, HostDeployment, HostProject
from bot.core.model import PullRef, RepoRef
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.policy.migrations import MigrationsPolicy
from bot.core.promotion import Approval, Candidate, Override, PromotionFacts, Read, Unread
from bot.engine.objectives import Objectives
from bot.engine.schemas import Schemas
from bot.ports import Clock, HubError
from bot.ports.host import Host, HostError, HostRefused
from bot.ports.operations import CommandHub, OperationStore

T = TypeVar("T")


class Rules(Protocol):
    """What a policy asks for beside its environments."""

    @property
    def commits(self) -> CommitsConfig: ...

    @property
    def migrations(self) -> MigrationsPolicy: ...


@dataclass(frozen=True, slots=True)
class Gatherer:
    hub: CommandHub
    hosts: Mapping[str, Host]
    operations: OperationStore
    schemas: Schemas
    objectives: Objectives
    clock: Clock

    async def gather(
        self,
        repo: RepoRef,
        environment: str,
        policy: EnvironmentPolicy,
        build: Build,
        rules: Rules,
    ) -> PromotionFacts:
        """The facts on a build and an environment, read now, side by side.

        Raises:
            HubUnavailable, HubGone, HubRefused: the commit itself could not be read.
            StoreUnavailable: nothing is known of locks and of what is live.
        """
        trunk, tip = await self.hub.fetch_trunk(repo)
        commit = await self.hub.fetch_commit(repo, build.sha, trunk=trunk)
        pull_number = build.pull_number or commit.pull_number
        pull = await self.hub.fetch_pull(PullRef(repo, pull_number)) if pull_number else None
        (
            (lock, freezes, live, schema, slo),
            (checks, required, approvals, project, deployments),
        ) = await asyncio.gather(
            asyncio.gather(
                self.operations.fetch_lock(repo.id, environment),
                self.operations.fetch_freezes(repo.id, environment),
                self.operations.fetch_live(repo.id),
                self.schemas.facts(repo, environment, rules.migrations, build),
                self.objectives.facts(repo, tip, environment, policy),
            ),
            asyncio.gather(
                _read(self.hub.fetch_checks(repo, build.sha)),
                _read(self.hub.fetch_required_checks(repo, trunk)),
                self._approvals(repo, pull_number),
                self._project(repo, policy),
                self._deployments(repo, policy, build),
            ),
        )
        return PromotionFacts(
            environment=environment,
            policy=policy,
            now=self.clock.now(),
            candidate=Candidate(
                build=replace(build, pull_number=pull_number),
                commit=commit.commit,
                author=pull.author if pull else commit.commit.author,
                on_trunk=commit.on_trunk,
                released=commit.released,
                merged=pull is not None and pull.merged,
                head_sha=pull.head_sha if pull else None,
            ),
            checks=checks,
            required_checks=required,
            project=project,
            deployments=deployments,
            approvals=approvals,
            lock=lock,
            freezes=freezes,
            live=live,
            commits=rules.commits,
            schema=schema,
            slo=slo,
        )

    async def judge(
        self,
        repo: RepoRef,
        environment: str,
        policy: EnvironmentPolicy,
        build: Build,
        rules: Rules,
        overrides: Mapping[str, str],
    ) -> Decision:
        """Gather the facts and ask the gates. ``overrides`` are ``login: reason`` by gate."""
        facts = await self.gather(repo, environment, policy, build, rules)
        return evaluate_promotion(
            facts, {gate: Override(*text.split(": ", 1)) for gate, text in overrides.items()}
        )

    async def _approvals(self, repo: RepoRef, number: int) -> Read[tuple[Approval, ...]]:
        if not number:
            return ()
        return await _read(self.hub.fetch_approvals(PullRef(repo, number)))

    async def _project(self, repo: RepoRef, policy: EnvironmentPolicy) -> Read[HostProject]:
        target = policy.target
        host = self.hosts.get(target.host) if target else None
        if target is None or host is None:
            return _no_host(policy)
        return await _read(host.fetch_project(repo, target))

    async def _deployments(
        self, repo: RepoRef, policy: EnvironmentPolicy, build: Build
    ) -> Read[tuple[HostDeployment, ...]]:
        target = policy.target
        host = self.hosts.get(target.host) if target else None
        if target is None or host is None:
            return _no_host(policy)
        return await _read(host.fetch_builds(repo, target, build.sha))


def _no_host(policy: EnvironmentPolicy) -> Unread:
    if policy.target is None:
        return Unread("the policy does not say where the environment lives")
    return Unread(f"this server has no access to {policy.target.host}")


async def _read(asked: Awaitable[T]) -> T | Unread:
    try:
        return await asked
    except HostRefused as error:
        return Unread(f"{error}; {error.remedy}" if error.remedy else str(error))
    except (HubError, HostError) as error:
        return Unread(str(error))
