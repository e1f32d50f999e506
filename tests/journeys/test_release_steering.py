"""``/release …`` on a release pull request, and where it is refused."""

import re

import pytest
from journey import Journey

from bot.adapters.postgres.steering import PostgresSteering
from bot.adapters.postgres.store import PostgresStore
from bot.core.release.model import Steering
from bot.core.release.steering import decide_steering
from bot.core.release.version import Version
from bot.core.render.command import answered_in
from bot.sandbox.model import Pull

pytestmark = pytest.mark.slow

BRANCH = "lockgate/release/main"
TWO = """\
release:
  packages:
    - path: api
    - path: web
"""


async def say(journey: Journey, pull: Pull, body: str, *, by: str = "ada") -> str:
    comment = journey.github.comment(pull, body, by=journey.github.user(by))
    await journey.rest()
    answers = [c.body for c in journey.comments_of(pull) if answered_in(c.body) == comment.id]
    return "\n".join(answers)


async def steering_of(journey: Journey, pull: Pull, package: str = "") -> Steering:
    store = journey.bot.store
    assert isinstance(store, PostgresStore)
    wishes = await PostgresSteering(store.pool).fetch_wishes(pull.repository.id, pull.number)
    return decide_steering(wishes, package)


def opened(journey: Journey, policy: str = "release: {}\n", head: str = BRANCH) -> Pull:
    """A pull request as a release's would be, with ada as an administrator."""
    repository = journey.shop(policy)
    journey.github.set_role(repository, journey.github.user("ada"), "maintain")
    return journey.github.open_pull(repository, "chore(release): v1.0.0", "chore: x", head=head)


async def test_the_release_is_steered_and_the_audit_log_has_every_word(journey: Journey) -> None:
    pull = opened(journey)
    trunk = pull.repository.branch("main")
    assert trunk is not None
    assert "asks for version `2.0.0`" in await say(journey, pull, "/release as 2.0.0")
    assert "asks for a prerelease" in await say(journey, pull, "/release prerelease")
    said = await say(journey, pull, f"/release skip {trunk[:9]}")
    assert f"`{trunk[:7]}`" in said
    assert "Its code is released all the same" in said
    assert "Grüße" in await say(journey, pull, "/release note Grüße, *all*")
    steering = await steering_of(journey, pull)
    assert steering.release_as == Version(2, 0, 0)
    assert steering.prerelease
    assert steering.skipped == {trunk}
    assert steering.notes == ("Grüße, all",)
    assert set(steering.said_by.values()) == {"ada"}
    assert "4 commands of this pull request taken back" in await say(
        journey, pull, "/release reset"
    )
    assert await steering_of(journey, pull) == Steering()
    assert "Nothing was asked for" in await say(journey, pull, "/release reset")
    entries = [each.entry for each in await journey.bot.audit.fetch_entries(kind="command")]
    assert sorted(str(entry.detail["line"]) for entry in entries) == [
        "/release as 2.0.0",
        "/release note Grüße, all",
        "/release prerelease",
        "/release reset",
        "/release reset",
        f"/release skip {trunk[:9]}",
    ]
    assert {entry.actor for entry in entries} == {"ada"}


async def test_of_several_packages_one_is_named(journey: Journey) -> None:
    pull = opened(journey, TWO)
    said = await say(journey, pull, "/release as 2.0.0")
    assert "several packages, `api` and `web`" in said
    assert "`/release as 2.0.0 api`" in said
    assert "`/release as 2.0.0 api`" in await say(journey, pull, "/release as 2.0.0 apii")
    await say(journey, pull, "/release as 2.0.0 api")
    await say(journey, pull, "/release prerelease")
    assert "entries of `api`:**" in await say(journey, pull, "/release note --package api Faster.")
    said = await say(journey, pull, "/release note --package wen Slower.")
    assert "for no package `wen`, but for `api` and `web`" in said
    assert "`/release note --package web Slower.`" in said
    trunk = pull.repository.branch("main") or ""
    said = await say(journey, pull, f"/release skip {trunk[:7]} --package web")
    assert "is left out of `web` by ada" in said
    api, web = [await steering_of(journey, pull, name) for name in ("api", "web")]
    assert (api.release_as, api.prerelease) == (Version(2, 0, 0), True)
    assert (web.release_as, web.prerelease) == (None, True)
    assert (api.notes, web.notes) == (("Faster.",), ())
    assert (api.skipped, web.skipped) == (frozenset(), {trunk})


async def test_a_pull_request_of_one_package_needs_no_name(journey: Journey) -> None:
    pull = opened(journey, f"{TWO}  separate_pull_requests: true\n", head="lockgate/release/api")
    assert "for no package `web`" in await say(journey, pull, "/release as 2.0.0 web")
    assert "asks for version `2.0.0`" in await say(journey, pull, "/release as 2.0.0")
    assert (await steering_of(journey, pull, "api")).release_as == Version(2, 0, 0)


async def test_the_pull_request_is_renewed_by_what_is_asked_for(journey: Journey) -> None:
    repository = journey.shop("release: {}\n")
    journey.github.set_role(repository, journey.github.user("ada"), "maintain")
    journey.github.push(repository, "main", "feat: add search")
    await journey.rest()
    (pull,) = repository.pulls.values()
    assert pull.title == "chore(release): v0.1.0"
    await say(journey, pull, "/release as 2.0.0")
    assert pull.title == "chore(release): v2.0.0"
    await say(journey, pull, "/release prerelease")
    assert pull.title == "chore(release): v2.0.0-rc.1"
    await say(journey, pull, "/release note Mind the *step*.")
    assert "Mind the step." in (pull.body or "")
    await say(journey, pull, "/release reset")
    assert pull.title == "chore(release): v0.1.0"
    assert "Mind the step." not in (pull.body or "")


async def test_a_release_from_a_prerelease_branch_is_steered_by_itself(journey: Journey) -> None:
    github = journey.github
    repository = journey.shop("release:\n  prerelease: {branch: next, identifier: beta}\n")
    github.set_role(repository, github.user("ada"), "maintain")
    github.tag(repository, "v1.4.0")
    github.push(repository, "main", "fix: round prices")
    (only_there,) = github.push(repository, "next", "feat: add search")
    github.push(repository, "next", "fix: sort what is found")
    await journey.rest()
    pulls = {pull.base_ref: pull for pull in repository.pulls.values()}
    final, pre = pulls["main"], pulls["next"]
    assert (final.title, pre.title) == ("chore(release): v1.4.1", "chore(release): v1.5.0-beta.1")
    # What is left out must be on the branch that is released.
    assert "That commit is not on `main`" in await say(
        journey, final, f"/release skip {only_there}"
    )
    assert "is left out" in await say(journey, pre, f"/release skip {only_there}")
    assert pre.title == "chore(release): v1.4.1-beta.1"
    await say(journey, pre, "/release note Only for the brave.")
    assert "Only for the brave." in (pre.body or "")
    await say(journey, pre, "/release prerelease")
    assert pre.title == "chore(release): v1.4.1-beta.1", "it is one already"
    await say(journey, pre, "/release as 2.0.0-beta.7")
    assert pre.title == "chore(release): v2.0.0-beta.7"
    assert final.title == "chore(release): v1.4.1", "the other one has wishes of its own"
    assert "Only for the brave." not in (final.body or "")
    await say(journey, pre, "/release reset")
    assert pre.title == "chore(release): v1.5.0-beta.1"


async def test_what_leaves_nothing_to_release_closes_it_and_can_be_taken_back(
    journey: Journey,
) -> None:
    github, repository = journey.github, journey.shop("release: {}\n")
    github.set_role(repository, github.user("ada"), "maintain")
    github.push(repository, "main", "feat: add search", "fix: round prices")
    await journey.rest()
    (pull,) = repository.pulls.values()
    github.edit_pull(pull, body=f"Wait for the fair.\n\n{pull.body}")
    for commit in unreleased(pull):
        assert pull.state == "open"
        await say(journey, pull, f"/release skip {commit}")
    assert pull.state == "closed"
    (said,) = [c.body for c in journey.comments_of(pull) if "lockgate:release-" in c.body]
    assert "All there was to release is left out" in said
    assert "`/release reset`, then press **Reopen pull request**" in said
    assert (pull.body or "").startswith("Wait for the fair.\n\n<!--")
    github.push(repository, "main", "docs: and more")
    await journey.rest()
    assert list(repository.pulls.values()) == [pull], "nothing new has landed"
    assert "Reopened, it is renewed" in await say(journey, pull, "/release reset")
    github.reopen(pull)
    await journey.rest()
    assert (pull.state, pull.title) == ("open", "chore(release): v0.1.0")
    assert (pull.body or "").startswith("Wait for the fair.\n\n<!--")
    assert "round prices" in (pull.body or "")


def unreleased(pull: Pull) -> list[str]:
    """The commits that a description names."""
    return re.findall(r"/commit/([0-9a-f]{40})", pull.body or "")


@pytest.mark.parametrize(
    ("policy", "head", "against"),
    [
        ("release: {}\n", "add-search", "This is no release pull request."),
        ("", BRANCH, "The policy has no `release`"),
        ("release: {kind: nod}\n", BRANCH, "Mend the policy"),
    ],
)
async def test_elsewhere_it_is_refused(
    journey: Journey, policy: str, head: str, against: str
) -> None:
    pull = opened(journey, policy, head)
    assert against in await say(journey, pull, "/release as 2.0.0")
    assert await steering_of(journey, pull) == Steering()


async def test_what_does_not_do_is_refused(journey: Journey) -> None:
    pull = opened(journey)
    journey.github.set_role(pull.repository, journey.github.user("mona"), "write")
    for line, by, against in (
        ("as 2.0.0", "mona", "you have the role `write`"),
        ("as 2.0.0 api", "ada", "There is no package `api`"),
        ("as two", "ada", "`two` is no version"),
        ("skip 1234567", "ada", "Name a commit by more of its id."),
        (f"skip {pull.head_sha}", "ada", "That commit is not on `main`"),
    ):
        assert against in await say(journey, pull, f"/release {line}", by=by)
    assert await steering_of(journey, pull) == Steering()


async def test_what_is_merged_or_closed_is_steered_no_more(journey: Journey) -> None:
    pull = opened(journey)
    journey.github.close(pull)
    assert "Reopen it" in await say(journey, pull, "/release prerelease")
    journey.github.reopen(pull)
    journey.github.merge(pull, "squash")
    assert "was merged" in await say(journey, pull, "/release prerelease")
    assert await steering_of(journey, pull) == Steering()
