"""What a release is planned for, besides pushes to the default branch and its own pull request."""

from journey import SQUASH_WITH_TITLE, Journey
from test_release_pull import PACKAGE, POLICY, release_pulls, shop

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


PRERELEASES = f"{POLICY}  prerelease: {{branch: next, identifier: beta}}\n"
NEXT = "lockgate/release/next"


async def test_a_prerelease_branch_has_a_release_pull_request_of_its_own(journey: Journey) -> None:
    github = journey.github
    repository = shop(journey, PRERELEASES)
    github.push(repository, "next", "feat: add search")
    await journey.rest()
    (pull,) = release_pulls(repository, NEXT)
    assert (pull.title, pull.base_ref) == ("chore(release): v1.5.0-beta.1", "next")
    github.push(repository, "next", "feat!: drop baskets")
    await journey.rest()
    assert release_pulls(repository, NEXT) == [pull]
    assert pull.title == "chore(release): v2.0.0-beta.1"
    assert release_pulls(repository) == [], "nothing has landed on the default branch"
    github.merge(pull, "squash", by=github.user("ada"))
    await journey.rest()
    assert repository.git.refs["refs/tags/v2.0.0-beta.1"] == pull.merge_commit_sha
    (release,) = repository.releases.values()
    assert (release.tag_name, release.prerelease) == ("v2.0.0-beta.1", True)
    assert release_pulls(repository, NEXT) == [pull]
    # Once it is merged into the default branch, all of it is released from there.
    github.push(repository, "next", "fix: round prices")
    merge = github.open_pull(repository, "feat!: drop baskets", head="next")
    github.merge(merge, "squash", by=github.user("ada"))
    await journey.rest()
    assert release_pulls(repository, NEXT)[-1].title == "chore(release): v2.0.0-beta.2"
    (final,) = release_pulls(repository)
    assert (final.title, final.base_ref) == ("chore(release): v2.0.0", "main")


async def test_a_push_to_any_other_branch_costs_no_request(journey: Journey) -> None:
    repository = shop(journey, PRERELEASES)
    journey.github.push(repository, "main", "fix: round prices")
    await journey.rest()
    journey.requests.seen.clear()
    journey.github.push(repository, "topic", "feat: add search")
    await journey.rest()
    assert journey.requests.seen == []
