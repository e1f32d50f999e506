"""Histories written down: the oldest commit first, as one tells a story."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.core.model import Sha
from bot.core.release.changes import read_statements
from bot.core.release.config import ReleaseConfig
from bot.core.release.model import Change, HistoryCommit, PullSummary, Tag
from bot.core.release.reverts import Settled, settle

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPO = "https://github.com/acme/shop"
CONFIG = ReleaseConfig(repo_url=REPO)


def sha(number: int) -> Sha:
    """Told apart by their first seven characters, and no two look alike."""
    return Sha(f"{number * 2654435761 % 2**32:08x}".rjust(40, "c")[::-1])


def commit(number: int, message: str, after: Sequence[int] = (), **fields: object) -> HistoryCommit:
    """The commit of a number, after the one before it unless others are given."""
    on = tuple(map(sha, after)) if after else ((sha(number - 1),) if number else ())
    made = HistoryCommit(sha(number), message, DAY + timedelta(hours=number), "ann", len(on), on)
    return replace(made, **fields)  # type: ignore[arg-type]


def history(*messages: str | HistoryCommit, start: int = 1) -> list[HistoryCommit]:
    """Commits on one line, given the oldest first, the newest first."""
    commits = [
        commit(start + place, message) if isinstance(message, str) else message
        for place, message in enumerate(messages)
    ]
    return commits[::-1]


def pull(number: int, title: str = "", body: str = "", author: str = "bob") -> PullSummary:
    return PullSummary(number, title, body, author)


def tag(name: str, number: int) -> Tag:
    """On the commit of that number."""
    return Tag(name, sha(number), DAY + timedelta(hours=number, minutes=5))


def settled(commits: Sequence[HistoryCommit], config: ReleaseConfig = CONFIG) -> Settled:
    return settle(read_statements(config, commits))


def counting(commits: Sequence[HistoryCommit], config: ReleaseConfig = CONFIG) -> list[Change]:
    return settled(commits, config).counting


def headers(commits: Sequence[HistoryCommit], config: ReleaseConfig = CONFIG) -> list[str]:
    """What counts, the newest first, as headers."""
    return [header(change) for change in counting(commits, config)]


def header(change: Change) -> str:
    scope = f"({change.scope})" if change.scope else ""
    mark = "!" if change.breaking else ""
    suffix = f" (#{change.pull})" if change.pull else ""
    type_ = f"{change.type}{scope}{mark}: " if change.type else ""
    return f"{type_}{change.description}{suffix}"
