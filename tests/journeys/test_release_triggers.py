"""What a release is planned for, besides pushes to the default branch and its own pull request."""

from journey import SQUASH_WITH_TITLE, Journey
from test_release_pull import PACKAGE, POLICY, release_pulls

from bot.sandbox.model import Repository


def not_installed(journey: Journey, name: str) -> Repository:
    """A repository with something to release, of an account that has not installed the App."""
    files = {".github/lockgate.yml": POLICY, "package.json": PACKAGE}
    return journey.github.create_repository(
        name, files=files, message="feat: add search", install=False, **SQUASH_WITH_TITLE
    )


async def test_the_first_release_is_planned_when_the_app_is_installed(journey: Journey) -> None:
    github = journey.github
    acme = github.organization("acme")
    first, second = (not_installed(journey, f"acme/{name}") for name in ("shop", "store"))
    await journey.rest()
    assert journey.requests.seen == []
    installation = github.install(github.app, acme, repositories=[first])
    await journey.rest()
    (pull,) = release_pulls(first)
    assert pull.title == "chore(release): v0.1.0"
    assert release_pulls(second) == []
    github.select_repositories(installation, add=[second])
    await journey.rest()
    assert len(release_pulls(second)) == 1
    assert release_pulls(first) == [pull]
