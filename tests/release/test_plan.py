"""Which version follows, why it is that one, and when there is none."""

from dataclasses import replace

import pytest
from release_kit import CONFIG, commit, header, history, pull, sha, tag

from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.model import HistoryCommit, NothingToRelease, ReleasePlan, Steering, Tag
from bot.core.release.packages import last_release, releases
from bot.core.release.plan import plan_release, plan_releases
from bot.core.release.version import Bump, Version, parse_version

V140 = [tag("v1.4.0", 0)]


def plan(
    commits: list[HistoryCommit],
    tags: list[Tag] = V140,
    config: ReleaseConfig = CONFIG,
    steering: Steering | None = None,
) -> ReleasePlan:
    found = plan_release(config, "", tags, commits, steering or Steering())
    assert isinstance(found, ReleasePlan), found
    return found


def nothing(
    commits: list[HistoryCommit],
    tags: list[Tag] = V140,
    config: ReleaseConfig = CONFIG,
    steering: Steering | None = None,
) -> NothingToRelease:
    found = plan_release(config, "", tags, commits, steering or Steering())
    assert isinstance(found, NothingToRelease), found
    return found


FIX, FEAT, BREAKS, CHORE = "fix: b", "feat: a", "feat!: c", "chore: d"


@pytest.mark.parametrize(
    ("current", "messages", "following", "bump"),
    [
        ("1.4.0", [FIX], "1.4.1", Bump.PATCH),
        ("1.4.1", [FIX, FEAT], "1.5.0", Bump.MINOR),
        ("1.4.1", [FEAT, FIX], "1.5.0", Bump.MINOR),
        ("1.4.1", [FIX, BREAKS, FEAT], "2.0.0", Bump.MAJOR),
        ("1.4.1", ["chore!: drop Python 3.8"], "2.0.0", Bump.MAJOR),
        ("1.4.1", ["Add a\n\nBREAKING CHANGE: b"], "2.0.0", Bump.MAJOR),
        ("1.4.1", ["perf: a"], "1.4.2", Bump.PATCH),
        ("1.4.1", ["deprecate: a"], "1.5.0", Bump.MINOR),
        ("1.4.1", ['Revert "feat: of old"'], "1.4.2", Bump.PATCH),
        ("1.4.1", [FEAT, f'Revert "{FEAT}"', FIX], "1.4.2", Bump.PATCH),
        ("1.4.1+build.7", [FIX], "1.4.2", Bump.PATCH),
        # before 1.0 what breaks moves the minor version
        ("0.4.1", [FIX], "0.4.2", Bump.PATCH),
        ("0.4.1", [FEAT], "0.5.0", Bump.MINOR),
        ("0.4.1", [BREAKS], "0.5.0", Bump.MINOR),
        ("0.0.0", [BREAKS], "0.1.0", Bump.MINOR),
        # somebody says so
        ("1.4.0", [f"{FIX}\n\nRelease-As: 3.0.0", FEAT], "3.0.0", Bump.MAJOR),
        ("1.4.0", [f"{CHORE}\n\nrelease-as: v1.4.7"], "1.4.7", Bump.PATCH),
        ("0.4.0", [f"{BREAKS}\n\nRelease-As: 1.0.0"], "1.0.0", Bump.MAJOR),
        (
            "1.4.0",
            ["fix: a\n\nRelease-As: 3.0.0", "fix: b\n\nRelease-As: 2.0.0"],
            "2.0.0",
            Bump.MAJOR,
        ),
        ("1.4.0", [f"{CHORE}\n\nRelease-As: 2.0.0-rc.1"], "2.0.0-rc.1", Bump.MAJOR),
    ],
)
def test_the_next_version(current: str, messages: list[str], following: str, bump: Bump) -> None:
    found = plan(history(*messages), [tag(f"v{current}", 0)])
    assert (str(found.next), found.tag, found.bump) == (following, f"v{following}", bump)
    assert (str(found.current), found.current_tag) == (current, f"v{current}")


@pytest.mark.parametrize(
    ("most", "message", "following"),
    [
        (Bump.PATCH, BREAKS, "0.4.2"),
        (Bump.PATCH, FEAT, "0.4.2"),
        (Bump.MINOR, FEAT, "0.5.0"),
        (Bump.MINOR, BREAKS, "0.5.0"),
    ],
)
def test_before_1_0_by_policy(most: Bump, message: str, following: str) -> None:
    config = replace(CONFIG, bump_before_1_0=most)
    assert str(plan(history(message), [tag("v0.4.1", 0)], config).next) == following
    assert str(plan(history(BREAKS), [tag("v1.0.0", 0)], config).next) == "2.0.0"


@pytest.mark.parametrize(
    ("current", "messages", "reason"),
    [
        (
            "1.4.0",
            [FIX, "feat(api): add orders (#12)", "feat: more"],
            (
                f"`feat(api): add orders` ({sha(2)[:7]}) adds something, which makes 1.5.0 a minor "
                "release."
            ),
        ),
        (
            "0.4.0",
            ["fix!: `x` goes\x07 away"],
            (
                f"`fix!: 'x' goes\\u0007 away` ({sha(1)[:7]}) breaks something, which before 1.0.0 "
                "makes 0.5.0 a minor release."
            ),
        ),
        (
            "1.4.0",
            [FIX],
            f"`fix: b` ({sha(1)[:7]}) changes something, which makes 1.4.1 a patch release.",
        ),
        (
            "1.4.0",
            [f"{FIX}\n\nRelease-As: 2.0.0"],
            f"`Release-As: 2.0.0` in {sha(1)[:7]} asks for 2.0.0.",
        ),
        (
            "1.4.0",
            [f"{FIX}\n\nRelease-As: 1.4.0", f"{CHORE}\n\nRelease-As: next"],
            (
                f"`fix: b` ({sha(1)[:7]}) changes something, which makes 1.4.1 a patch release. "
                f"`Release-As: next` in {sha(2)[:7]} is not followed: it names no version such as "
                f"`2.0.0`. `Release-As: 1.4.0` in {sha(1)[:7]} is not followed: 1.4.0 is not above "
                "1.4.0."
            ),
        ),
    ],
)
def test_the_reason(current: str, messages: list[str], reason: str) -> None:
    assert plan(history(*messages), [tag(f"v{current}", 0)]).reason == reason


def test_a_long_header_is_cut_in_the_reason() -> None:
    assert len(plan(history(f"feat: {'x' * 5_000}")).reason) < 300


def test_the_first_release() -> None:
    found = plan(history(CHORE, FEAT), [])
    assert (found.current, found.current_tag, str(found.next)) == (None, "", "0.1.0")
    assert found.reason == "0.1.0 is the first release: no tag like v{version} yet."
    package = Package(first_version=Version(1, 0, 0))
    assert str(plan(history(FIX), [], replace(CONFIG, packages=(package,))).next) == "1.0.0"
    assert str(plan(history(f"{FIX}\n\nRelease-As: 2.0.0"), []).next) == "2.0.0"


@pytest.mark.parametrize(
    ("names", "last"),
    [
        ([], None),
        (["nightly", "v1", "v1.2", "1.2.3", "v01.2.3", "release-1.2.3", "v1.2.3 ", "V1.2.3"], None),
        (["v1.9.0", "v1.10.0", "v1.2.0"], "v1.10.0"),
        (["v1.2.3", "latest", "v1.2.3-x"], "v1.2.3"),
        (["v1.0.0+b", "v1.0.0+a"], "v1.0.0+b"),
        (["v2.0.0-rc.1", "v1.0.0"], "v1.0.0"),
        (["v2.0.0-rc.1"], None),
    ],
)
def test_the_last_release(names: list[str], last: str | None) -> None:
    found = last_release(Package(), [tag(name, place) for place, name in enumerate(names)])
    assert (found.tag.name if found else None) == last


def test_two_tags_on_one_commit() -> None:
    tags = [tag("v1.4.1", 1), tag("v1.4.0", 1), tag("nightly", 1)]
    found = plan(history(CHORE, FIX), tags)
    assert (str(found.current), str(found.next)) == ("1.4.1", "1.4.2")
    assert [change.sha for change in found.changes] == [sha(2)]


def test_what_was_released_is_no_part_of_it() -> None:
    """Whatever of the history is handed in: the tag decides where it begins."""
    story = history(BREAKS, FEAT, FIX, CHORE)
    found = plan(story, [tag("v1.4.0", 2), tag("v1.3.0", 1)])
    assert [header(change) for change in found.changes] == [CHORE, FIX]
    assert str(found.next) == "1.4.1"


def test_what_was_merged_after_a_release_is_part_of_the_next() -> None:
    # A branch that began before the tag and was merged after it.
    story = history(
        commit(1, CHORE),
        commit(10, FEAT, [1]),
        commit(2, FIX, [1]),
        commit(20, "Merge branch 'x'", [2, 10]),
    )
    found = plan(story, [tag("v1.4.0", 2)])
    assert [header(change) for change in found.changes] == [FEAT]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "Nothing has landed since v1.4.0."),
        (
            [CHORE, "docs: x", "Add y", "wat: z"],
            (
                "None of 4 commits since v1.4.0 makes a release: of the types `chore`, `docs` and "
                "`wat` and 1 not conventional. One of the type `feat` or `fix` does, or a "
                "`Release-As:` footer."
            ),
        ),
        (
            [FEAT, f'Revert "{FEAT}"'],
            (
                "None of 2 commits since v1.4.0 makes a release: 2 reverted or left out. One of "
                "the type `feat` or `fix` does, or a `Release-As:` footer."
            ),
        ),
        (
            [f"{CHORE}\n\nRelease-As: 1.3.0"],
            (
                "The one commit since v1.4.0 makes no release: of the type `chore`. One of the "
                "type `feat` or `fix` does, or a `Release-As:` footer. `Release-As: 1.3.0` in "
                f"{sha(1)[:7]} is not followed: 1.3.0 is not above 1.4.0."
            ),
        ),
    ],
)
def test_nothing_to_release(messages: list[str], reason: str) -> None:
    found = nothing(history(*messages))
    assert found.reason == reason
    assert str(found.current) == "1.4.0"
    assert len(found.changes) == len(messages)


def test_nothing_to_release_for_the_first_time() -> None:
    assert nothing([], []).reason == "Nothing has landed."
    assert nothing([], []).current is None


def test_people_steer() -> None:
    story = history(FIX, FEAT)
    asked = Steering(release_as=Version(3, 0, 0))
    found = plan(story, steering=asked)
    assert (str(found.next), found.reason) == ("3.0.0", "`/release as 3.0.0` asks for 3.0.0.")
    by = {"/release as 3.0.0": "ann"}
    assert plan(story, steering=replace(asked, said_by=by)).reason == (
        "`/release as 3.0.0` by `ann` asks for 3.0.0."
    )
    # A command comes before a footer.
    footer = history(f"{FIX}\n\nRelease-As: 2.0.0")
    assert str(plan(footer, steering=asked).next) == "3.0.0"
    low = plan(story, steering=Steering(release_as=Version(1, 0, 0)))
    assert str(low.next) == "1.5.0"
    assert low.reason.endswith("`/release as 1.0.0` is not followed: 1.0.0 is not above 1.4.0.")
    left = plan(story, steering=Steering(skipped=frozenset({sha(2)})))
    assert str(left.next) == "1.4.1"
    assert [change.counts for change in left.changes] == [False, True]
    assert nothing(history(FIX), steering=Steering(skipped=frozenset({sha(1)})))
    noted = plan(story, steering=Steering(notes=("Read the *guide* @acme.",)))
    assert "\n\nRead the \\*guide\\* @&#8203;acme.\n\n### Added" in noted.changelog
    assert str(plan(story, steering=Steering(prerelease=True)).next) == "1.5.0-rc.1"


def test_the_policy_asks_until_it_is_released() -> None:
    config = replace(CONFIG, packages=(Package(release_as=Version(2, 0, 0)),))
    assert str(plan(history(CHORE), V140, config).next) == "2.0.0"
    after = plan(history(FIX), [tag("v2.0.0", 0)], config)
    assert (str(after.next), "not followed" in after.reason) == ("2.0.1", False)


NEXT = replace(CONFIG, prerelease=True)


def test_prereleases() -> None:
    story = [FIX, FEAT, FIX, CHORE, BREAKS]
    first = plan(history(*story[:2]), V140, NEXT)
    assert (str(first.next), str(first.current), first.bump) == ("1.5.0-rc.1", "1.4.0", Bump.MINOR)
    assert first.reason.endswith("makes 1.5.0 a minor release. 1.5.0-rc.1 goes before it.")
    tags = [*V140, tag("v1.5.0-rc.1", 2)]
    assert (
        nothing(history(*story[:2]), tags, NEXT).reason == "Nothing has landed since v1.5.0-rc.1."
    )
    second = plan(history(*story[:3]), tags, NEXT)
    assert (str(second.next), str(second.current)) == ("1.5.0-rc.2", "1.5.0-rc.1")
    assert [change.sha for change in second.changes] == [sha(3)]
    tags.append(tag("v1.5.0-rc.2", 3))
    quiet = nothing(history(*story[:4]), tags, NEXT)
    assert quiet.reason.startswith("The one commit since v1.5.0-rc.2 makes no release")
    assert str(quiet.current) == "1.5.0-rc.2"
    assert str(plan(history(*story), tags, NEXT).next) == "2.0.0-rc.1"


def test_a_prerelease_is_followed_by_its_release() -> None:
    """Which holds all that is new since the last release, and comes although nothing landed."""
    tags = [*V140, tag("v1.5.0-rc.1", 2)]
    final = plan(history(FIX, FEAT), tags)
    assert (str(final.next), str(final.current)) == ("1.5.0", "1.4.0")
    assert [change.sha for change in final.changes] == [sha(2), sha(1)]
    promised = plan(history(CHORE, FIX), [*V140, tag("v2.0.0-rc.4", 1)])
    assert (str(promised.next), promised.reason) == (
        "2.0.0",
        "2.0.0-rc.4 was released on the way to 2.0.0.",
    )


def test_what_is_asked_for_is_asked_for_as_prereleases_too() -> None:
    asks = f"{FIX}\n\nRelease-As: 3.0.0"
    assert str(plan(history(asks), V140, NEXT).next) == "3.0.0-rc.1"
    tags = [*V140, tag("v3.0.0-rc.1", 1)]
    assert str(plan(history(asks, FEAT), tags, NEXT).next) == "3.0.0-rc.2"
    as_prerelease = f"{FIX}\n\nRelease-As: 3.0.0-rc.1"
    final = plan(history(as_prerelease, FEAT), tags)
    assert str(final.next) == "3.0.0"
    assert final.reason == f"`Release-As: 3.0.0-rc.1` in {sha(1)[:7]} asks for 3.0.0."


def test_a_prerelease_never_goes_back() -> None:
    config = replace(NEXT, prerelease_identifier="alpha")
    found = nothing(history(FIX, FEAT), [*V140, tag("v1.5.0-beta.1", 1)], config)
    assert found.reason == "1.5.0-alpha.1 would come before 1.5.0-beta.1, which is released."


def test_who_contributed() -> None:
    story = history(
        commit(1, FIX, author="Zoe"),
        commit(2, FEAT, author="ann", pull=pull(3, author="Bob")),
        commit(3, CHORE, author="zoe"),
        commit(4, CHORE, author="renovate[bot]"),
        commit(5, CHORE, author=""),
    )
    assert plan(story).contributors == ("Bob", "zoe")


API = Package("api", "packages/api", tag="api-v{version}")
CORE = Package("@acme/core", "packages/core", tag="core-v{version}")
SITE = Package("site", tag="v{version}", excluded=("packages",))
MONO = replace(CONFIG, packages=(API, CORE, SITE))


def touching(number: int, message: str, *paths: str) -> HistoryCommit:
    return commit(number, message, paths=paths)


STORY = history(
    touching(1, FEAT, "packages/api/a.py", "README.md"),
    touching(2, FIX, "packages/core/b.py"),
    touching(3, "perf: both", "packages/core/b.py", "packages/api/a.py"),
    touching(4, BREAKS, "packages/apis/not_api.py"),
)


@pytest.mark.parametrize(
    ("package", "shas"),
    [("api", [3, 1]), ("@acme/core", [3, 2]), ("site", [1])],
)
def test_a_commit_is_of_the_packages_whose_paths_it_touches(package: str, shas: list[int]) -> None:
    found = plan_release(MONO, package, [], STORY)
    assert [change.sha for change in found.changes] == [sha(number) for number in shas]


def test_tags_are_of_their_packages() -> None:
    tags = [tag("api-v2.0.0", 0), tag("core-v3.0.0", 0), tag("v9.0.0", 0), tag("v-v1.0.0", 0)]
    found = plan_release(MONO, "api", tags, STORY)
    assert isinstance(found, ReleasePlan)
    assert (found.tag, found.current_tag) == ("api-v2.1.0", "api-v2.0.0")
    assert [str(release.version) for release in releases(CORE, tags)] == ["3.0.0"]
    with pytest.raises(KeyError):
        plan_release(MONO, "apis", tags, STORY)


def test_a_commit_without_paths_is_of_those_that_its_scope_names() -> None:
    asks = touching(1, "chore(core): release\n\nRelease-As: 4.0.0")
    assert isinstance(plan_release(MONO, "@acme/core", [], history(asks)), ReleasePlan)
    assert isinstance(plan_release(MONO, "api", [], history(asks)), NothingToRelease)
    all_of_them = touching(1, "chore: release\n\nRelease-As: 4.0.0")
    assert isinstance(plan_release(MONO, "api", [], history(all_of_them)), ReleasePlan)
    unknown = commit(1, FIX, paths=None)
    assert isinstance(plan_release(MONO, "api", [], history(unknown)), ReleasePlan)


def test_a_merge_is_of_the_packages_that_its_commits_touch() -> None:
    story = history(
        touching(1, CHORE, "README.md"),
        commit(10, "wip", [1], paths=("packages/core/x",)),
        commit(20, "Merge pull request #5 from a/b\n\nfeat: x", [1, 10], paths=()),
    )
    assert isinstance(plan_release(MONO, "@acme/core", [], story), ReleasePlan)
    assert isinstance(plan_release(MONO, "api", [], story), NothingToRelease)


LINKED = replace(
    MONO,
    packages=(
        replace(SITE, depends_on=("api",)),
        replace(API, depends_on=("@acme/core",)),
        replace(CORE, depends_on=("site",)),  # a circle does no harm
    ),
)
TAGS = [tag("api-v2.0.0", 0), tag("core-v3.0.0", 0), tag("v9.0.0", 0)]


def versions(config: ReleaseConfig, story: list[HistoryCommit]) -> dict[str, str]:
    plans = plan_releases(config, TAGS, {package.name: story for package in config.packages})
    assert list(plans) == [package.name for package in config.packages]
    return {
        name: str(found.next) if isinstance(found, ReleasePlan) else ""
        for name, found in plans.items()
    }


def test_what_depends_on_a_release_is_released() -> None:
    story = history(touching(1, FEAT, "packages/core/b.py"))
    assert versions(MONO, story) == {"api": "", "@acme/core": "3.1.0", "site": ""}
    assert versions(LINKED, story) == {"site": "9.0.1", "api": "2.0.1", "@acme/core": "3.1.0"}
    alone = replace(LINKED, bump_dependents=Bump.NONE)
    assert versions(alone, story) == {"site": "", "api": "", "@acme/core": "3.1.0"}
    further = replace(LINKED, bump_dependents=Bump.MINOR)
    assert versions(further, story) == {"site": "9.1.0", "api": "2.1.0", "@acme/core": "3.1.0"}


def test_a_dependent_says_so() -> None:
    story = history(touching(1, FEAT, "packages/core/b.py"))
    found = plan_releases(LINKED, TAGS, dict.fromkeys(("api", "@acme/core"), story))["api"]
    assert isinstance(found, ReleasePlan)
    assert found.reason == (
        "It depends on `@acme/core`, released as 3.1.0, which makes 2.0.1 a patch release."
    )
    assert found.changelog.endswith("\n### Dependencies\n\n- `@acme/core` 3.0.0 → 3.1.0\n")


APART = replace(
    LINKED,
    packages=(SITE, replace(API, depends_on=("@acme/core",)), CORE),
    separate=True,
)


def apart(story: list[HistoryCommit], *more: Tag, config: ReleaseConfig = APART) -> dict[str, str]:
    plans = plan_releases(config, [*TAGS, *more], {one.name: story for one in config.packages})
    return {
        name: f"{found.next}: {found.changelog}"
        for name, found in plans.items()
        if isinstance(found, ReleasePlan)
    }


def test_apart_a_dependent_follows_what_is_released_and_not_what_is_going_to_be() -> None:
    story = history(
        touching(1, FEAT, "packages/core/b.py"),
        touching(2, CHORE, "packages/core/b.py"),
        touching(3, CHORE, "packages/api/a.py"),
    )
    assert apart(story).keys() == {"@acme/core"}
    released = tag("core-v3.1.0", 2)
    found = apart(story, released)
    assert found.keys() == {"api"}
    assert found["api"].startswith("2.0.1: ")
    assert found["api"].endswith("\n### Dependencies\n\n- `@acme/core` 3.1.0\n")
    assert apart(story, released, tag("api-v2.0.1", 3)) == {}, "one release moves it once"
    assert apart(story, tag("core-v3.1.0", 3), tag("api-v2.0.1", 2)).keys() == {"api"}
    assert apart(story, tag("core-v3.1.0", 2), tag("api-v2.0.1", 2)) == {}, "on one commit"
    none = replace(APART, bump_dependents=Bump.NONE)
    assert apart(story, released, config=none) == {}


def test_apart_a_prerelease_follows_too_and_once() -> None:
    config = replace(APART, prerelease=True)
    story = history(
        touching(1, FEAT, "packages/core/b.py"),
        touching(2, CHORE, "packages/core/b.py"),
        touching(3, CHORE, "packages/api/a.py"),
    )
    first = tag("core-v3.1.0-rc.1", 2)
    assert apart(story, first, config=config)["api"].startswith("2.0.1-rc.1: ")
    out = tag("api-v2.0.1-rc.1", 3)
    assert apart(story, first, out, config=config) == {}
    assert "`@acme/core` 3.1.0-rc.1" in apart(story, first, config=config)["api"]
    assert apart(story, first).keys() == {"@acme/core"}, "a final release waits for a final one"


def test_steering_is_of_one_package() -> None:
    story = history(touching(1, FIX, "packages/core/b.py", "packages/api/b.py"))
    plans = plan_releases(
        MONO,
        TAGS,
        {"api": story, "@acme/core": story},
        {"api": Steering(release_as=parse_version("5.0.0"))},
    )
    assert [str(found.next) for found in plans.values() if isinstance(found, ReleasePlan)] == [
        "5.0.0",
        "3.0.1",
    ]
