"""Several packages in one repository, in the sandbox with real git: what belongs to whom, one pull
request for all of them or one for each, and what follows what it depends on."""

from pathlib import Path

import pytest
from journey import Journey
from test_release_publish import told
from test_release_pull import head_of, reconcile, text
from test_release_pull import told as said_on

from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull, Repository

pytestmark = pytest.mark.slow

POLICY = """\
release:
  kind: node
  packages:
    - path: packages/core
      name: "@acme/core"
    - path: packages/api
      depends_on: ["@acme/core"]
    - path: web
"""
APART = f"{POLICY}  separate_pull_requests: true\n"
PAGE = Path(__file__).parents[2] / "docs/how-to/release-a-monorepo.md"
TOGETHER = "lockgate/release/main"


def manifest(name: str, version: str) -> str:
    return f'{{\n  "name": "{name}",\n  "version": "{version}"\n}}\n'


def shop(journey: Journey, policy: str = POLICY) -> Repository:
    """Each package was released once."""
    repository = journey.shop(policy)
    files = {
        "packages/core/package.json": manifest("@acme/core", "1.0.0"),
        "packages/api/package.json": manifest("api", "2.0.0"),
        "web/package.json": manifest("web", "3.0.0"),
    }
    journey.github.push(repository, "main", CommitSpec("chore: begin", files))
    for tag in ("core-v1.0.0", "api-v2.0.0", "web-v3.0.0"):
        journey.github.tag(repository, tag)
    return repository


def land(journey: Journey, repository: Repository, message: str, *paths: str) -> str:
    (made,) = journey.github.push(
        repository, "main", CommitSpec(message, dict.fromkeys(paths, f"{message}\n"))
    )
    return made


def set_policy(journey: Journey, repository: Repository, policy: str) -> None:
    files = {".github/lockgate.yml": policy}
    journey.github.push(repository, "main", CommitSpec("ci: release otherwise", files))


def open_pulls(repository: Repository) -> dict[str, Pull]:
    """By the last part of their branches."""
    return {
        pull.head_ref.rpartition("/")[2]: pull
        for pull in repository.pulls.values()
        if pull.state == "open" and pull.head_ref.startswith("lockgate/release/")
    }


def tags(repository: Repository) -> set[str]:
    return {ref.removeprefix("refs/tags/") for ref in repository.git.refs if "/tags/" in ref}


async def merge(journey: Journey, pull: Pull) -> None:
    journey.github.merge(pull, "squash", by=journey.github.user("ada"))
    await journey.rest()


async def test_one_pull_request_releases_two_packages_and_leaves_the_others_alone(
    journey: Journey,
) -> None:
    repository = shop(journey)
    land(journey, repository, "feat: take orders", "packages/api/orders.js")
    land(journey, repository, "fix: mend the button", "web/button.js")
    land(journey, repository, "feat: speak of the fair", "NEWS.md")
    await journey.rest()
    (pull,) = open_pulls(repository).values()
    assert pull.head_ref == TOGETHER
    assert pull.title == "chore(release): api-v2.1.0 and web-v3.0.1"
    assert "speak of the fair" not in (pull.body or ""), "it touches no package"
    changed = {
        path
        for path in ("packages/api", "packages/core", "web", "")
        if text(repository, f"{path}/CHANGELOG.md".lstrip("/"), TOGETHER)
    }
    assert changed == {"packages/api", "web"}
    assert '"2.1.0"' in text(repository, "packages/api/package.json", TOGETHER)
    assert '"3.0.1"' in text(repository, "web/package.json", TOGETHER)
    assert '"1.0.0"' in text(repository, "packages/core/package.json", TOGETHER)

    await merge(journey, pull)
    new = tags(repository) - {"core-v1.0.0", "api-v2.0.0", "web-v3.0.0"}
    assert new == {"api-v2.1.0", "web-v3.0.1"}
    assert {repository.git.refs[f"refs/tags/{tag}"] for tag in new} == {pull.merge_commit_sha}
    notes = {release.tag_name: release.body or "" for release in repository.releases.values()}
    assert notes.keys() == new
    assert "take orders" in notes["api-v2.1.0"]
    assert "mend the button" not in notes["api-v2.1.0"]
    assert "mend the button" in notes["web-v3.0.1"]
    assert open_pulls(repository) == {}
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.writes == []


async def test_the_how_to_says_what_becomes_of_its_policy(journey: Journey) -> None:
    page = PAGE.read_text(encoding="utf-8")
    policy = page.partition("```yaml\n")[2].partition("```")[0]
    repository = shop(journey, policy)
    land(journey, repository, "feat(core): add search", "packages/core/search")
    land(journey, repository, "feat: speak of the fair", "NEWS.md")
    await journey.rest()
    (pull,) = open_pulls(repository).values()
    assert f"`{pull.head_ref}`" in page
    assert f"`{pull.title}`" in page
    await merge(journey, pull)
    assert [release.latest for release in repository.releases.values()] == [False, False]


async def test_of_separate_pull_requests_one_is_merged_and_the_other_goes_on(
    journey: Journey,
) -> None:
    repository = shop(journey, APART)
    land(journey, repository, "feat: take orders", "packages/api/orders.js")
    land(journey, repository, "fix: mend the button", "web/button.js")
    await journey.rest()
    pulls = open_pulls(repository)
    assert {name: pull.title for name, pull in pulls.items()} == {
        "api": "chore(release): api-v2.1.0",
        "web": "chore(release): web-v3.0.1",
    }
    await merge(journey, pulls["api"])
    assert "api-v2.1.0" in tags(repository)
    assert "web-v3.0.1" not in tags(repository)
    assert open_pulls(repository) == {"web": pulls["web"]}
    branch = pulls["web"].head_ref
    commits = repository.git.store.ahead(head_of(repository, branch), head_of(repository))
    assert len(commits) == 1, "one commit, on the trunk that has the other's release"
    assert repository.git.store.ahead(head_of(repository), head_of(repository, branch)) == []
    assert '"2.1.0"' in text(repository, "packages/api/package.json", branch)
    await merge(journey, pulls["web"])
    assert repository.git.refs["refs/tags/web-v3.0.1"] == pulls["web"].merge_commit_sha
    assert [release.tag_name for release in repository.releases.values()] == [
        "api-v2.1.0",
        "web-v3.0.1",
    ]
    assert open_pulls(repository) == {}


async def test_a_package_is_released_with_what_it_depends_on(journey: Journey) -> None:
    repository = shop(journey)
    land(journey, repository, "feat: add search", "packages/core/search.js")
    await journey.rest()
    (pull,) = open_pulls(repository).values()
    assert pull.title == "chore(release): core-v1.1.0 and api-v2.0.1"
    assert "`@acme/core` 1.0.0 → 1.1.0" in text(repository, "packages/api/CHANGELOG.md", TOGETHER)
    journey.github.close(pull)
    await journey.rest()
    (said,) = said_on(journey, pull)
    assert "core-v1.1.0 and api-v2.0.1 are not released for now." in said.body
    journey.github.reopen(pull)
    await journey.rest()
    await merge(journey, pull)
    assert {"core-v1.1.0", "api-v2.0.1"} < tags(repository)
    assert open_pulls(repository) == {}, "what was released together moves nothing again"


async def test_apart_a_package_follows_once_what_it_depends_on_is_released(
    journey: Journey,
) -> None:
    repository = shop(journey, APART)
    land(journey, repository, "feat: add search", "packages/core/search.js")
    await journey.rest()
    (core,) = open_pulls(repository).values()
    assert core.title == "chore(release): core-v1.1.0"
    await merge(journey, core)
    (api,) = open_pulls(repository).values()
    assert api.title == "chore(release): api-v2.0.1"
    assert "`@acme/core` 1.1.0" in text(repository, "packages/api/CHANGELOG.md", api.head_ref)
    await merge(journey, api)
    assert "api-v2.0.1" in tags(repository)
    assert open_pulls(repository) == {}, "one release moves it once"


@pytest.mark.parametrize("policy", [POLICY, APART])
async def test_what_touches_no_package_releases_nothing(journey: Journey, policy: str) -> None:
    repository = shop(journey, policy)
    land(journey, repository, "feat!: tear everything down", "README.md", "scripts/build.sh")
    land(journey, repository, "fix: a folder that only begins alike", "website/a.js")
    await journey.rest()
    assert open_pulls(repository) == {}
    assert (
        journey.github.latest_checks(repository, head_of(repository), name="lockgate/release") == []
    )


SHOWN = """\
release:
  kind: node
  latest: false
  packages:
    - {path: packages/core, draft: true}
    - {path: packages/api, latest: true}
    - {path: web, draft: true}
"""


async def test_each_package_says_whether_its_release_is_a_draft_and_the_latest(
    journey: Journey,
) -> None:
    repository = shop(journey, SHOWN)
    done = {}
    for path in ("packages/core", "packages/api", "web"):
        pull = journey.github.open_pull(
            repository,
            "feat: add search",
            CommitSpec("feat: add search", {f"{path}/search.js": path}),
            head=path,
            by=journey.github.user("mona"),
        )
        journey.github.merge(pull, "squash", by=journey.github.user("ada"))
        done[path] = pull
    await journey.rest()
    (pull,) = open_pulls(repository).values()
    await merge(journey, pull)
    made = {release.tag_name: release for release in repository.releases.values()}
    assert {tag: (one.draft, one.latest) for tag, one in made.items()} == {
        "core-v1.1.0": (True, False),
        "api-v2.1.0": (False, True),
        "web-v3.1.0": (True, False),
    }
    assert len(told(journey, done["packages/api"])) == 1
    await reconcile(journey, repository)
    assert len(repository.releases) == 3, "one draft is enough"

    # What the policy says by then does not make a draft a release, and one that is deleted is none.
    journey.github.delete_release(made["web-v3.1.0"])
    set_policy(journey, repository, SHOWN.replace(", draft: true", ""))
    await journey.rest()
    assert len(repository.releases) == 2, "it is not made again"
    assert told(journey, done["web"]) == []
    assert made["core-v1.1.0"].draft
    assert told(journey, done["packages/core"]) == []
    journey.github.publish_release(made["core-v1.1.0"])
    await journey.rest()
    (said,) = told(journey, done["packages/core"])
    assert "/releases/tag/core-v1.1.0)" in said.body


async def test_what_the_policy_of_before_had_opened_is_closed_with_a_word(
    journey: Journey,
) -> None:
    repository = shop(journey, POLICY)
    land(journey, repository, "fix: mend the button", "web/button.js")
    land(journey, repository, "feat: take orders", "packages/api/orders.js")
    await journey.rest()
    together = open_pulls(repository)["main"]
    journey.github.open_pull(repository, "feat: mine", "feat: mine", head="lockgate/release/mine")
    # With one for each, and a package that is none any longer.
    set_policy(journey, repository, APART.replace("    - path: web\n", ""))
    await journey.rest()
    assert together.state == "closed"
    (said,) = said_on(journey, together)
    assert "By the policy as it is now nothing is released from" in said.body
    apart = open_pulls(repository)
    assert apart.keys() == {"api", "mine"}, "a person's own is left"
    # And back: the one for all is opened anew, since it was not a person who closed it.
    set_policy(journey, repository, POLICY)
    await journey.rest()
    assert open_pulls(repository).keys() == {"main", "mine"}
    assert apart["api"].state == "closed"


async def test_what_is_odd_about_files_is_said_and_stops_nothing(journey: Journey) -> None:
    repository = shop(journey)
    odd = {"web/package.json": manifest("web", "2.9.0"), "web/package-lock.json": "{}\n"}
    journey.github.push(repository, "main", CommitSpec("fix: mend the button", odd))
    await journey.rest()
    pull = open_pulls(repository)["main"]
    said = (
        "`web/package.json`: it said `2.9.0`, and what is released is 3.0.0;",
        (
            "`web/package-lock.json`: it holds no version of the package itself: there is nothing "
            "to set; run `npm install --package-lock-only`, and commit it."
        ),
    )
    assert all(words in (pull.body or "") for words in said)
    (check,) = journey.github.latest_checks(repository, pull.head_sha, name="lockgate/release")
    assert (check.conclusion, check.title) == ("neutral", "web-v3.0.1: 2 files to look at")
    assert all(words in (check.summary or "") for words in said)
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.writes == []


async def test_what_holds_several_pull_requests_is_said_in_one_check(journey: Journey) -> None:
    repository = shop(journey, APART)
    broken = {"web/package.json": "{}\n", "packages/api/package.json": "[]\n"}
    journey.github.push(repository, "main", CommitSpec("fix: mend all", broken))
    await journey.rest()
    assert open_pulls(repository) == {}
    (check,) = journey.github.latest_checks(
        repository, head_of(repository), name="lockgate/release"
    )
    assert check.title == "api-v2.0.1 and web-v3.0.1 cannot be prepared"
    for path in broken:
        assert path in (check.summary or "")
    journey.requests.seen.clear()
    await reconcile(journey, repository)
    assert journey.requests.writes == []
