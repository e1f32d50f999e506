"""What the engine asks GitHub on a repository's service level objectives."""

from collections.abc import Mapping
from typing import Protocol

from bot.core.model import RepoRef, Sha

OBJECTIVES_FOLDER = "slo"


class ObjectiveHub(Protocol):
    async def fetch_objectives(self, repo: RepoRef, at: Sha) -> Mapping[str, bytes]:
        """The YAML files of ``slo/`` at a commit, by path; none where there is no such folder. A
        file that cannot be read is an error, never left out.

        Raises:
            HubUnavailable, HubGone, HubRefused: they could not be read.
        """
        ...
