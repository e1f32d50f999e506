"""Releases by hand: what a worker does about them, at once and told, or only told."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from bot.core.model import RepoRef
from bot.engine.publishing import Completed, Trunk
from bot.engine.release_outcomes import Renewed
from bot.engine.releases import Releases
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
    """Tags of what was merged and has none yet: nothing was planned there, since it would be
    planned once more."""


@dataclass(frozen=True, slots=True)
class ReleaseRuns:
    """With ``dry`` nothing is written on GitHub, and nothing noted of a release."""

    releases: Releases

    async def renew(self, repo: RepoRef, *, dry: bool) -> Renewals:
        """
        Raises:
            NotReleasing: the policy cannot be used, or has no ``release``.
        """
        pulls: list[Renewed] = []
        merged: list[str] = []
        async for trunk in await self._trunks(repo, "lockgate release pr", dry=dry):
            groups = await self.releases.lines.fetch_groups(trunk)
            tags = {tag.name for tag in trunk.line.tags}
            waiting = [
                one.made.tag
                for one in await self.releases.publish(replace(trunk, dry=True), groups)
                if one.made.state is ReleaseState.MERGED
                and not one.refused
                and one.made.tag not in tags
            ]
            merged += waiting
            pulls += [] if waiting else await self.releases.renew(trunk, groups)
        return Renewals(pulls, merged)

    async def publish(self, repo: RepoRef, *, dry: bool) -> Sequence[Completed]:
        """What was merged and is not complete, as far as it has got. Raises as ``renew``."""
        done: list[Completed] = []
        async for trunk in await self._trunks(repo, "lockgate release publish", dry=dry):
            groups = await self.releases.lines.fetch_groups(trunk)
            done += await self.releases.publish(trunk, groups)
        return done

    async def _trunks(self, repo: RepoRef, cause: str, *, dry: bool) -> AsyncIterator[Trunk]:
        files = await self.releases.commands.fetch_trunk_policy(repo)
        policy = await self.releases.policies.in_force(repo, files)
        if policy.fault:
            remedy = "mend it on the default branch; `lockgate policy check` tells what is wrong"
            raise NotReleasing(policy.fault, remedy)
        if policy.release is None:
            raise NotReleasing(
                f"the policy of {repo.full_name} has no `release`, so nothing is released there",
                "add `release:` to .github/lockgate.yml on the default branch",
            )
        return self.releases.lines.fetch_trunks(repo, policy.release, cause, dry=dry)
