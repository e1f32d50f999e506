"""The branches on which a merge queue keeps its candidates: ``gh-readonly-queue/``, the branch that
they are to land on, then the last pull request and the commit that the candidate is built on.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

import re
from dataclasses import dataclass

from bot.core.model import Sha

QUEUE_BRANCHES = "gh-readonly-queue/"
_BRANCH = re.compile(rf"{QUEUE_BRANCHES}(?P<base>.+)/pr-\d+-(?P<base_sha>[0-9a-f]{{40}})")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where a merge group stands; ``base_ref`` is a branch's name without ``refs/heads/``."""

    head_sha: Sha
    base_sha: Sha
    base_ref: str


def parse_candidate(branch: str, head_sha: Sha) -> Candidate | None:
    """What a branch's name tells of the candidate at its head; None if it is no queue's."""
    found = _BRANCH.fullmatch(branch)
    return Candidate(head_sha, Sha(found["base_sha"]), found["base"]) if found else None
