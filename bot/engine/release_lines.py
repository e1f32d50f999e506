"""The branches that releases are made from, and the pull requests that lead there."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from bot.core.model import PullState, RepoRef
from bot.core.policy.release import ReleasePolicy, release_config
from bot.core.release.pull_request import branch_name
from bot.engine.publishing import Trunk
from bot.ports import HubGone
from bot.ports.releases import ReleaseHub, ReleaseLine, ReleasePull

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Group:
    """Packages that are released together. ``pulls`` are those from its branch, newest first."""

    branch: str
    packages: Sequence[str]
    pulls: Sequence[ReleasePull]

    def ours_into(self, base: str) -> list[ReleasePull]:
        return [pull for pull in self.pulls if pull.ours and pull.base == base]

    def open_into(self, base: str) -> ReleasePull | None:
        ours = self.ours_into(base)
        return next((pull for pull in ours if pull.state is PullState.OPEN), None)


@dataclass(frozen=True, slots=True)
class Lines:
    """``site`` is where GitHub's pages for people are."""

    releases: ReleaseHub
    site: str

    async def fetch_trunks(
        self, repo: RepoRef, policy: ReleasePolicy, cause: str, *, dry: bool = False
    ) -> AsyncIterator[Trunk]:
        """The default branch, and that which prereleases are made from, if it is there. Each is
        read when it is asked for."""
        line = await self.releases.fetch_line(repo)
        yield self._trunk(repo, line, policy, cause, dry=dry)
        if policy.prerelease is None or policy.prerelease.branch == line.branch:
            return
        try:
            line = await self.releases.fetch_line(repo, policy.prerelease.branch)
        except HubGone:
            log.info("prerelease_branch_gone", repository=repo.full_name)
            return
        yield self._trunk(repo, line, policy, cause, dry=dry)

    async def fetch_groups(self, trunk: Trunk) -> list[Group]:
        return [
            Group(branch, names, await self.releases.fetch_pulls(trunk.repo, branch))
            for branch, names in release_branches(trunk.policy, trunk.line.branch)
        ]

    def _trunk(
        self, repo: RepoRef, line: ReleaseLine, policy: ReleasePolicy, cause: str, *, dry: bool
    ) -> Trunk:
        url = f"{self.site}/{repo.full_name}"
        config = release_config(policy, branch=line.branch, repo_url=url)
        return Trunk(repo, line, policy, config, cause, dry)


def release_branches(policy: ReleasePolicy, line: str) -> list[tuple[str, list[str]]]:
    """The branches of release pull requests into a line, with the packages that each releases."""
    names = [package.called for package in policy.whole]
    if policy.separate_pull_requests:
        # Beside those of the default branch, which are named after the packages alone.
        own = policy.prerelease is not None and policy.prerelease.branch == line
        before = f"{line}:" if own else ""
        return [(branch_name(f"{before}{name}" if name else line), [name]) for name in names]
    return [(branch_name(line), names)]
