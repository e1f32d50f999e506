"""What holds for every history."""

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import CONFIG, header, history, settled, sha, tag

from bot.core.release.ancestry import claim_merged, claim_reached
from bot.core.release.changelog import render_changelog
from bot.core.release.changelog_file import find_section, insert_section
from bot.core.release.model import HistoryCommit, NothingToRelease, ReleasePlan
from bot.core.release.plan import plan_release
from bot.core.release.version import Version

MESSAGES = [
    "feat: a",
    "feat(x)!: b (#2)",
    "fix(y): c",
    "fix: d\n\nBREAKING CHANGE: words\n\n- more",
    "perf: e",
    "chore: f",
    "docs!: g",
    "Add h",
    "wat: i",
    "refactor: j (#3)\n\nfix: k\n\nfeat: l",
    "Merge branch 'x' into y",
    "",
]
stories = st.lists(st.sampled_from(MESSAGES), max_size=10)
V1 = [tag("v1.0.0", 0)]


def next_version(commits: list[HistoryCommit]) -> Version:
    plan = plan_release(CONFIG, "", V1, commits)
    return plan.next if isinstance(plan, ReleasePlan) else Version(1, 0, 0)


@settings(max_examples=60, deadline=None)
@given(stories, stories)
def test_a_version_only_moves_up_with_more_commits(story: list[str], more: list[str]) -> None:
    assert next_version(history(*story)) <= next_version(history(*story, *more))


@settings(max_examples=60, deadline=None)
@given(stories, st.randoms(use_true_random=False))
def test_the_order_of_the_commits_moves_no_version(story: list[str], random) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(story, len(story))
    assert next_version(history(*story)) == next_version(history(*shuffled))


def entries(commits: list[HistoryCommit], base: int) -> list[str]:
    """The lines of the section of all that stands above a commit."""
    plan = plan_release(CONFIG, "", [tag("v1.0.0", base)], commits)
    return sorted(
        re.findall(r"^- .*$", plan.changelog, re.MULTILINE) if isinstance(plan, ReleasePlan) else []
    )


@settings(max_examples=60, deadline=None)
@given(stories, stories)
def test_a_changelog_is_that_of_its_parts(older: list[str], newer: list[str]) -> None:
    # so that neither part is without a release
    story = ["fix: begin", *older, "fix: go on", *newer]
    middle = len(older) + 1
    whole = history(*story)
    older_part, newer_part = whole[-middle:], whole
    assert entries(whole, 0) == sorted([*entries(older_part, 0), *entries(newer_part, middle)])


@settings(max_examples=60, deadline=None)
@given(stories, st.data())
def test_but_for_what_is_reverted(story: list[str], data: st.DataObject) -> None:
    story = ["fix: begin", *story]
    target = data.draw(st.integers(1, len(story)))
    reverted = history(*story, f'Revert "x"\n\nThis reverts commit {sha(target)}.')
    gone = [
        header(change) for change in settled(history(*story)).changes if change.sha == sha(target)
    ]
    left = sorted([header(change) for change in settled(reverted).counting] + gone)
    assert left == sorted(header(change) for change in settled(history(*story)).changes)


@settings(max_examples=60, deadline=None)
@given(stories)
def test_the_section_of_a_plan_is_that_of_the_whole_changelog(story: list[str]) -> None:
    """Once it is tagged; but for the date, which is then the tag's."""
    commits = history(*story)
    plan = plan_release(CONFIG, "", V1, commits)
    if isinstance(plan, NothingToRelease):
        return
    # what was released by the tag does not belong to what is compared
    tags = [*V1, tag(plan.tag, len(story))]
    start = history("chore: start", start=0)
    whole = render_changelog(CONFIG, CONFIG.package(""), tags, [*commits, *start])
    assert find_section(whole, plan.next) == plan.changelog
    assert insert_section(whole, plan.changelog, plan.next, "") == whole


@settings(max_examples=60, deadline=None)
@given(stories)
def test_a_history_without_parents_is_read_by_its_order(story: list[str]) -> None:
    commits = history(*story)
    bare = [replace(commit, parent_shas=None) for commit in commits]
    for base in range(len(story) + 1):
        tags = [tag("v1.0.0", base)]
        assert plan_release(CONFIG, "", tags, bare) == plan_release(CONFIG, "", tags, commits)


@st.composite
def graphs(draw: st.DrawFn) -> list[HistoryCommit]:
    """Any history that a tip reaches whole, the newest first."""
    size = draw(st.integers(1, 10))
    commits = []
    for number in range(size):
        some = (
            st.lists(st.integers(0, number - 1), max_size=3, unique=True) if number else st.just([])
        )
        parents = draw(some)
        commits.append(
            HistoryCommit(
                sha(number),
                "fix: a",
                tag("x", number).at,
                "ann",
                len(parents),
                tuple(map(sha, parents)),
            )
        )
    return commits[::-1]


def ancestors(commits: list[HistoryCommit], start: str) -> set[str]:
    """Told slowly: the commit and all that it reaches."""
    parents = {commit.sha: commit.parent_shas or () for commit in commits}
    found: set[str] = set()
    waiting = [start]
    while waiting:
        at = waiting.pop()
        if at in parents and at not in found:
            found.add(at)
            waiting += parents[at]
    return found


@settings(max_examples=80, deadline=None)
@given(graphs(), st.lists(st.integers(0, 11), max_size=4))
def test_who_reaches_what(commits: list[HistoryCommit], numbers: list[int]) -> None:
    marks = [sha(number) for number in numbers]
    reached = [ancestors(commits, mark) for mark in marks]
    assert claim_reached(commits, marks) == [
        next((place for place, found in enumerate(reached) if commit.sha in found), None)
        for commit in commits
    ]


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_who_merged_what(commits: list[HistoryCommit]) -> None:
    by_sha = {commit.sha: commit for commit in commits}
    trunk = [commits[0]]
    while trunk[-1].parent_shas:
        trunk.append(by_sha[trunk[-1].parent_shas[0]])
    expected: dict[str, str] = {}
    for merge in trunk:
        first, *others = merge.parent_shas or ("",)
        brought = set().union(*(ancestors(commits, other) for other in others))
        for found in brought - ancestors(commits, first):
            expected[found] = merge.sha
    owners = claim_merged(commits)
    told = {
        commit.sha: commits[owner].sha
        for commit, owner in zip(commits, owners, strict=True)
        if owner is not None
    }
    assert told == expected
