"""A policy file is written, broken, mended and shared: what the pull requests say of it."""

import json

import pytest
from journey import Journey

from bot.core.policy import POLICY_PATH
from bot.sandbox.code import CommitSpec
from bot.sandbox.model import Pull, Repository

MISSPELT = """\
commits:
  types: [feat, fix]
  scope: [shop]
"""
BOMB = """\
a: &a [x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e]
g: [*f, *f, *f, *f, *f, *f, *f, *f, *f]
"""
ONLY_FIX = "commits:\n  types: [fix]\n"


def write_policy(journey: Journey, repository: Repository, text: str | None, branch="main") -> None:
    change = CommitSpec("chore: change the policy", {POLICY_PATH: text})
    journey.github.push(repository, branch, change)


def texts_of(journey: Journey, pull: Pull) -> str:
    check = journey.check_of(pull)
    (comment,) = journey.comments_of(pull)
    return "\n".join(map(str, (check.title, check.summary, check.text, comment.body)))


async def test_a_misspelt_key_fails_the_check_where_it_stands(journey: Journey):
    pull = journey.github.open_pull(journey.shop(MISSPELT), "feat: add search")
    assert await journey.verdict(pull) == "failure"
    check = journey.check_of(pull)
    assert check.title == ".github/lockgate.yml has 1 problem"
    (annotation,) = check.annotations
    assert (annotation["path"], annotation["start_line"]) == (POLICY_PATH, 3)
    assert annotation["start_column"] == 3
    assert "Did you mean `scopes`" in texts_of(journey, pull)
    assert check.actions == [], "a title cannot mend a policy"


async def test_every_problem_of_a_policy_is_told_at_once(journey: Journey):
    policy = "commit:\n  types: [feat]\ncommits:\n  subject_case: lower\n  types: 7\n"
    pull = journey.github.open_pull(journey.shop(policy), "feat: add search")
    assert await journey.verdict(pull) == "failure"
    lines = [annotation["start_line"] for annotation in journey.check_of(pull).annotations]
    assert lines == [1, 4, 5]


async def test_a_syntax_error_fails_the_check_where_it_stands(journey: Journey):
    pull = journey.github.open_pull(journey.shop("commits:\n  types: [feat\n"), "feat: add search")
    assert await journey.verdict(pull) == "failure"
    assert [a["path"] for a in journey.check_of(pull).annotations] == [POLICY_PATH]


async def test_a_bomb_of_aliases_fails_and_harms_nobody(journey: Journey):
    repository = journey.shop(BOMB)
    bombed = journey.github.open_pull(repository, "feat: add search")
    other = journey.github.create_repository("octo/other")
    peaceful = journey.github.open_pull(other, "feat: add search")
    assert await journey.verdict(bombed) == "failure"
    assert await journey.verdict(peaceful) == "success"
    assert "alias" in texts_of(journey, bombed)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("# " + "x" * 1_000_000, "too large"),
        (b"\x00\xff\xfe" * 100, "not a text file"),
        (None, "not a file"),
    ],
    ids=["1 MB", "binary", "a folder"],
)
async def test_what_cannot_be_read_never_passes(
    journey: Journey, content: str | bytes | None, reason: str
):
    files = {f"{POLICY_PATH}/inside": "x"} if content is None else {POLICY_PATH: content}
    repository = journey.github.create_repository("octo/shop", files={"README.md": "x", **files})
    pull = journey.github.open_pull(repository, "feat: add search")
    assert await journey.verdict(pull) == "failure"
    assert reason in texts_of(journey, pull)


async def test_a_policy_that_github_does_not_hand_over_never_passes(journey: Journey):
    """The repository has none, and whether the organisation has one is not told."""
    github = journey.github
    shared = github.create_repository("octo/.github", files={POLICY_PATH: ONLY_FIX}, private=True)
    shop = journey.shop()
    installation = github.installation_of(github.app, shop)
    github.select_repositories(installation, add=[shop], remove=[shared])
    pull = github.open_pull(shop, "feat: add search")
    conclusion = await journey.verdict(pull)
    told = texts_of(journey, pull)
    # GitHub says NOT_FOUND of a repository that is there and closed to us: nobody can tell the two
    # apart, so the defaults hold, and are named.
    assert conclusion == "success"
    assert "built-in defaults" in told


async def test_the_organisations_policy_is_in_force_where_there_is_no_other(journey: Journey):
    journey.github.create_repository("octo/.github", files={POLICY_PATH: ONLY_FIX})
    pull = journey.github.open_pull(journey.shop(), "feat: add search")
    own = journey.github.create_repository("octo/own", files={POLICY_PATH: "commits: {}\n"})
    other = journey.github.open_pull(own, "feat: add search")
    assert await journey.verdict(pull) == "failure"
    assert await journey.verdict(other) == "success"
    assert "the organisation's policy" in texts_of(journey, pull)


async def test_a_broken_policy_of_the_organisation_is_no_fallback_either(journey: Journey):
    journey.github.create_repository("octo/.github", files={POLICY_PATH: MISSPELT})
    pull = journey.github.open_pull(journey.shop(), "feat: add search")
    assert await journey.verdict(pull) == "failure"
    assert "Did you mean `scopes`" in texts_of(journey, pull)
    assert journey.check_of(pull).annotations == [], "the file is in another repository"


async def test_the_organisations_policy_changes_and_all_its_repositories_follow(journey: Journey):
    github = journey.github
    shared = github.create_repository("octo/.github", files={"README.md": "shared"})
    repositories = [github.create_repository(f"octo/part-{n}") for n in range(3)]
    pulls = [
        github.open_pull(repository, "feat: add search")
        for repository in repositories
        for _ in range(2)
    ]
    assert [await journey.verdict(pull) for pull in pulls] == ["success"] * 6
    write_policy(journey, shared, ONLY_FIX)
    assert [await journey.verdict(pull) for pull in pulls] == ["failure"] * 6


async def test_a_policy_push_refreshes_every_pull_request_into_that_branch(journey: Journey):
    github, repository = journey.github, journey.shop()
    github.push(repository, "next", "chore: next")
    onto_main = [github.open_pull(repository, "feat: a") for _ in range(5)]
    onto_next = github.open_pull(repository, "feat: a", base="next")
    closed = github.open_pull(repository, "feat: a")
    assert {await journey.verdict(p) for p in [*onto_main, onto_next, closed]} == {"success"}
    github.close(closed)
    await journey.rest()
    write_policy(journey, repository, ONLY_FIX)
    assert [await journey.verdict(pull) for pull in onto_main] == ["failure"] * 5
    assert await journey.verdict(onto_next) == "success"
    assert await journey.verdict(closed) == "success"


async def test_a_push_that_leaves_the_policy_alone_asks_nothing(journey: Journey):
    repository = journey.shop()
    journey.github.open_pull(repository, "feat: add search")
    await journey.rest()
    journey.requests.seen.clear()
    journey.github.push(repository, "main", "docs: read me")
    await journey.rest()
    assert journey.requests.seen == []


async def test_a_pull_requests_own_policy_does_not_judge_it(journey: Journey):
    repository = journey.shop(ONLY_FIX)
    loosened = CommitSpec("feat: allow feat", {POLICY_PATH: "commits: {}\n"})
    pull = journey.github.open_pull(repository, "feat: allow feat", loosened)
    assert await journey.verdict(pull) == "failure"


async def test_mending_the_policy_turns_the_check_green_without_old_annotations(journey: Journey):
    repository = journey.shop()
    pull = journey.github.open_pull(repository, "feat: add search")
    assert await journey.verdict(pull) == "success"
    write_policy(journey, repository, MISSPELT)
    assert await journey.verdict(pull) == "failure"
    broken = journey.check_of(pull)
    assert broken.annotations
    write_policy(journey, repository, MISSPELT.replace("scope:", "scopes:"))
    assert await journey.verdict(pull) == "success"
    mended = journey.check_of(pull)
    assert mended.id != broken.id, "annotations can only be left behind with the run"
    assert mended.annotations == []
    assert "Did you mean" not in texts_of(journey, pull)
    evaluation = await journey.bot.store.fetch_evaluation("octo", "shop", pull.number)
    assert evaluation.verdict == "pass"
    assert "Did you mean" not in json.dumps(evaluation.result)


async def test_removing_the_policy_brings_the_defaults_back(journey: Journey):
    repository = journey.shop(ONLY_FIX)
    pull = journey.github.open_pull(repository, "feat: add search")
    assert await journey.verdict(pull) == "failure"
    write_policy(journey, repository, None)
    assert await journey.verdict(pull) == "success"
    assert "built-in defaults" in texts_of(journey, pull)
