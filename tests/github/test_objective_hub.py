"""The folder of objectives, read whole at a commit."""

import pytest
from github_kit import GitHub

from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.objective_hub import GitHubObjectiveHub
from bot.core.model import Sha
from bot.ports import HubRefused
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Repository

MINT = "POST /app/installations/{installation_id}/access_tokens"
GRAPHQL = "POST /graphql"


@pytest.fixture
def objectives(hub: GitHubHub) -> GitHubObjectiveHub:
    return GitHubObjectiveHub(hub.access)


def pushed(github: GitHub, repository: Repository, files: dict[str, str | bytes]) -> Sha:
    return Sha(github.sandbox.push(repository, "main", CommitSpec("feat: change", files))[-1])


async def test_the_folder_is_one_request_and_remembered(
    github: GitHub, objectives: GitHubObjectiveHub, shop: Repository
) -> None:
    files = {"slo/a.yml": "a: 1\n", "slo/b.yaml": "b: é\n", "slo/README.md": "no\n", "c.yml": "c"}
    at = pushed(github, shop, files)
    expected = {"slo/a.yml": b"a: 1\n", "slo/b.yaml": "b: é\n".encode()}
    assert await objectives.fetch_objectives(github.ref(shop), at) == expected
    assert await objectives.fetch_objectives(github.ref(shop), at) == expected
    assert github.seen.routes() == [MINT, GRAPHQL]


async def test_a_folder_that_is_not_there_is_empty(
    github: GitHub, objectives: GitHubObjectiveHub, shop: Repository
) -> None:
    at = pushed(github, shop, {"README.md": "# Shop\n"})
    assert await objectives.fetch_objectives(github.ref(shop), at) == {}


async def test_a_file_that_cannot_be_read_is_an_error_and_not_left_out(
    github: GitHub, objectives: GitHubObjectiveHub, shop: Repository
) -> None:
    at = pushed(github, shop, {"slo/a.yml": "a: 1\n", "slo/b.yml": "x" * (2 * 1024 * 1024 + 1)})
    with pytest.raises(HubRefused, match=r"slo/b\.yml of .* is too large"):
        await objectives.fetch_objectives(github.ref(shop), at)
