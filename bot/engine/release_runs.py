"""Releases by hand: what a worker does about them, at once and told, or only told."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.model import RepoRef
from bot.engine.commands import usable_environments
from bot.engine.publishing import Completed, Trunk
from bot.engine.release_outcomes import Renewed
from bot.engine.releases import Group, Releases
from bot.ports.release_ledger import ReleaseState


class NotReleasing(Exception):
    """Nothing can be released as things stand. ``remedy`` is the one thing to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Renewals:
    pulls: Sequence[Renewed]
    merged: Sequence[str] = ()
    """Tags of what was merged and has none yet: nothing was planned then, since it would be planned
    once more."""


@dataclass(frozen=True, slots=True)
class ReleaseRuns:
    """With ``dry`` nothing is written on GitHub, and nothing noted of a release."""

    releases: Releases

    async def renew(self, repo: RepoRef, *, dry: bool) -> Renewals:
        """
        Raises:
            NotReleasing: the policy cannot be used, or has no ``release``.
        """
        trunk, groups = await self._read(repo, "lockgate release pr", dry=dry)
        tags = {tag.name for tag in trunk.line.tags}
        merged = [
            one.made.tag
            for one in await self.releases.publish(replace(trunk, dry=True), groups)
            if one.made.state is ReleaseState.MERGED
            and not one.refused
            and one.made.tag not in tags
        ]
        return (
            Renewals((), merged) if merged else Renewals(await self.releases.renew(trunk, groups))
        )

    async def publish(self, repo: RepoRef, *, dry: bool) -> Sequence[Completed]:
        """What was merged and is not complete, as far as it has got. Raises as ``renew``."""
        trunk, groups = await self._read(repo, "lockgate release publish", dry=dry)
        return await self.releases.publish(trunk, groups)

    async def _read(self, repo: RepoRef, cause: str, *, dry: bool) -> tuple[Trunk, list[Group]]:
        files = await self.releases.commands.fetch_trunk_policy(repo)
        policy = await usable_environments(self.releases.operations, repo.id, files)
        if policy.fault:
            remedy = "mend it on the default branch; `lockgate policy check` tells what is wrong"
            raise NotReleasing(policy.fault, remedy)
        if policy.release is None:
            raise NotReleasing(
                f"the policy of {repo.full_name} has no `release`, so nothing is released there",
                "add `release:` to .github/lockgate.yml on the default branch",
            )
        trunk = await self.releases.fetch_trunk(repo, policy.release, cause, dry=dry)
        return trunk, await self.releases.fetch_groups(trunk)
