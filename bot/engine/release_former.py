"""Release pull requests that the policy, or the default branch, as they were before had opened:
merged, they would release nothing."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.model import RepoRef
from bot.core.policy.release import ReleasePolicy
from bot.core.release.config import ReleaseConfig
from bot.core.release.pull_request import parse_pull
from bot.core.render import escape
from bot.engine.apply import noted
from bot.engine.publishing import Trunk
from bot.engine.release_lines import release_branches
from bot.ports import EffectRecord, Store
from bot.ports.releases import ReleaseHub, ReleasePull

_MARKER = "<!-- lockgate:release-former -->"
_STAYS = "What people committed to this branch stays on it."


@dataclass(frozen=True, slots=True)
class FormerPulls:
    releases: ReleaseHub
    store: Store

    async def close(self, trunk: Trunk) -> None:
        """Those into whatever branch, as seen from the default one."""
        lines = release_lines(trunk.policy, trunk.line.branch)
        branches = {
            (line, branch) for line in lines for branch, _ in release_branches(trunk.policy, line)
        }
        for pull in await self.releases.fetch_open_pulls(trunk.repo):
            if (pull.base, pull.branch) in branches:
                continue
            why = (
                f"By the policy as it is now nothing is released from {escape.code(pull.branch)}, "
                "so this is closed. What is to be released stands in the other release pull "
                "requests."
                if pull.base in lines
                else f"No releases are made from {escape.code(pull.base)} any more, so this is "
                "closed."
            )
            await self._close(trunk.repo, pull, trunk.config, why, trunk.cause)

    async def close_all(self, repo: RepoRef, cause: str) -> None:
        why = "The policy has no `release` any more, so this is closed: it would release nothing."
        for pull in await self.releases.fetch_open_pulls(repo):
            await self._close(repo, pull, ReleaseConfig(), why, cause)

    async def _close(
        self, repo: RepoRef, pull: ReleasePull, config: ReleaseConfig, why: str, cause: str
    ) -> None:
        text = f"{_MARKER}\n{why} {_STAYS}"
        words = parse_pull(config, pull.title, pull.body).words
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        record = EffectRecord("close_pull", repo, str(pull.ref), digest, cause)
        async with noted(record, self.store):
            await self.releases.comment_once(pull.ref, _MARKER, text)
            # Without what it was made from it is not taken for one that somebody put off.
            await self.releases.edit_pull(pull.ref, body=f"{words}\n\n{text}".strip())
            await self.releases.close_pull(pull.ref)


def release_lines(policy: ReleasePolicy, default: str) -> Sequence[str]:
    """The branches that releases are made from."""
    prerelease = policy.prerelease
    return [default] if prerelease is None else [default, prerelease.branch]
