from collections.abc import AsyncIterator

import pytest
from github_kit import GitHub, opened

from bot.adapters.github.command_hub import GitHubCommandHub
from bot.adapters.github.hub import GitHubHub
from bot.adapters.github.release_hub import GitHubReleaseHub
from bot.sandbox.model import Repository


@pytest.fixture
async def github() -> AsyncIterator[GitHub]:
    async with opened() as found:
        yield found


@pytest.fixture
def hub(github: GitHub) -> GitHubHub:
    return github.connect()


@pytest.fixture
def commands(hub: GitHubHub) -> GitHubCommandHub:
    return GitHubCommandHub(hub.access)


@pytest.fixture
def releases(hub: GitHubHub) -> GitHubReleaseHub:
    return GitHubReleaseHub(hub.access)


@pytest.fixture
def shop(github: GitHub) -> Repository:
    return github.sandbox.create_repository("octo/shop")
