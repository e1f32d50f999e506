"""How many commits of a history a release shows, and what became of the others."""

from dataclasses import dataclass

from bot.core.release.config import ReleaseConfig
from bot.core.release.model import Change, NothingToRelease, ReleasePlan
from bot.core.sha import Sha


@dataclass(frozen=True, slots=True)
class Counts:
    """Each commit is released, hidden or reverted; ``not_conventional`` may be any of these."""

    commits: int
    released: int
    """Something of it stands in the changelog."""
    hidden: int
    """It counts, and nothing of it is shown: of a hidden type mostly."""
    reverted: int
    """It was taken back, took something back, or was left out on request."""
    not_conventional: int


def count_commits(config: ReleaseConfig, plan: ReleasePlan | NothingToRelease) -> Counts:
    changes: dict[Sha, list[Change]] = {}
    for change in plan.changes:
        changes.setdefault(change.sha, []).append(change)
    released = reverted = plain = 0
    for own in changes.values():
        counting = [change for change in own if change.counts]
        reverted += not counting
        released += isinstance(plan, ReleasePlan) and any(_shown(config, one) for one in counting)
        plain += not any(change.type for change in own)
    hidden = len(changes) - released - reverted
    return Counts(len(changes), released, hidden, reverted, plain)


def _shown(config: ReleaseConfig, change: Change) -> bool:
    if change.breaking or change.type in config.titles:
        return True
    return bool(config.other_title) and change.type not in config.hidden
