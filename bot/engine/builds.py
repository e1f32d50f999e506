"""Which build a command is about, and where the environment lives that it is to go to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.commands.authority import head_moved
from bot.core.commands.requests import Named, Refusal, ShaPrefix, TagName
from bot.core.hosting import Build, HostTarget
from bot.core.policy.environments import EnvironmentPolicy
from bot.core.promotion import pick_build
from bot.engine.asked import Asked
from bot.ports import HubGone
from bot.ports.host import Host
from bot.ports.operations import CommandHub


@dataclass(frozen=True, slots=True)
class Builds:
    hub: CommandHub
    hosts: Mapping[str, Host]

    def target_of(self, said: str, policy: EnvironmentPolicy) -> HostTarget | Refusal:
        target = policy.target
        if target is None:
            return Refusal(
                said,
                "The policy does not say where that environment lives.",
                "Add `vercel` or `workflow` to it.",
            )
        if target.host not in self.hosts:
            return Refusal(
                said,
                f"This server has no access to {target.host}.",
                "Whoever runs it sets VERCEL_TOKEN; `lockgate doctor` checks it.",
            )
        return target

    async def build_of(self, said: str, named: Named | None, asked: Asked) -> Build | Refusal:
        """The commit that is meant, by name or by the pull request."""
        pull = asked.pull
        if named is None and not pull.merged:
            moved = head_moved(said, asked.seen_head, pull.head_sha)
            if moved:
                return moved
        match named:
            case ShaPrefix(text=name) | TagName(name=name):
                pass
            case None:
                name = (pull.merge_sha if pull.merged else pull.head_sha) or pull.head_sha
        trunk, _ = await self.hub.fetch_trunk(asked.ref.repo)
        try:
            commit = await self.hub.fetch_commit(asked.ref.repo, name, trunk=trunk)
        except HubGone as error:
            return Refusal(said, f"{error}.", "Name a commit or a tag of this repository.")
        number = commit.pull_number or (asked.ref.number if named is None else 0)
        return Build(commit.commit.sha, tag=commit.tag, pull_number=number)

    async def at_host(self, build: Build, asked: Asked, target: HostTarget) -> Build:
        """With the host's newest production build of the commit, where there is one."""
        builds = await self.hosts[target.host].fetch_builds(asked.ref.repo, target, build.sha)
        made = pick_build(builds, build.sha)
        return replace(build, deployment_id=made.id) if made else build
