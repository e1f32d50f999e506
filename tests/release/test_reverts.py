"""Reverts, reverts of reverts, and those of what stands in an earlier release."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import CONFIG, commit, counting, headers, history, pull, settled, sha

from bot.core.release.changes import read_statements
from bot.core.release.reverts import settle


def by_git(header: str, number: int, word: str = "Revert") -> str:
    return f'{word} "{header}"\n\nThis reverts commit {sha(number)}.\n'


@pytest.mark.parametrize(
    "revert",
    [
        by_git("feat: a", 1),
        f'Revert "feat: a"\n\nThis reverts commit {sha(1)[:7]}.',
        # Squashed by GitHub's button, with the pull request's number or the header alone.
        'Revert "feat: a" (#13)\n\nReverts acme/shop#12',
        'Revert "feat: a (#12)" (#13)',
        'Revert "feat: a" (#13)',
        # Conventional.
        f"revert: feat: a\n\nThis reverts commit {sha(1)}.",
        f"revert: the noodle\n\nRefs: {sha(1)[:10]}",
        "revert: feat: a",
        'revert: "feat: a"',
        f"Revert {sha(1)[:9]}",
        f"Revert commit {sha(1)}",
        # A rewritten history does not have the id any more: the header has to do.
        f'Revert "feat: a (#12)"\n\nThis reverts commit {"0" * 40}.',
    ],
)
def test_a_revert_cancels_what_it_reverts(revert: str) -> None:
    commits = history("feat: a (#12)", "fix: b", revert)
    assert headers(commits) == ["fix: b"]
    of_a = next(change for change in settled(commits).changes if change.sha == sha(1))
    assert of_a.reverted_by == sha(3)


@pytest.mark.parametrize(
    "again",
    [
        by_git('Revert "feat: a"', 2),
        by_git("feat: a", 2, "Reapply"),
        'Revert "Revert "feat: a"" (#14)\n\nReverts acme/shop#13',
        'Revert "Revert "feat: a"" (#14)',
        'Reapply "feat: a" (#14)',
        'revert: Revert "feat: a"',
    ],
)
def test_a_revert_of_a_revert_cancels_it(again: str) -> None:
    first = commit(2, by_git("feat: a", 1), pull=pull(13))
    commits = history("feat: a", first, "fix: b", again)
    assert headers(commits) == ["fix: b", "feat: a"]
    reverted = {change.sha: change.reverted_by for change in settled(commits).changes}
    assert reverted == {sha(4): None, sha(3): None, sha(2): sha(4), sha(1): None}


def test_and_so_on() -> None:
    once = by_git("feat: a", 1)
    twice = by_git('Revert "feat: a"', 2)
    thrice = by_git('Revert "Revert "feat: a""', 3)
    four = by_git('Revert "Revert "Revert "feat: a"""', 4)
    story = ["feat: a", once, twice, thrice, four]
    assert [headers(history(*story[:length])) for length in range(1, 6)] == [
        ["feat: a"], [], ["feat: a"], [], ["feat: a"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("revert", "said"),
    [
        ('Revert "feat(x): a (#12)" (#13)', "revert(x): a (#13)"),
        (f'Revert "Add a"\n\nThis reverts commit {sha(99)}.', "revert: Add a"),
        ("revert(x)!: the noodle (#13)", "revert(x)!: the noodle (#13)"),
        (f"Revert {sha(99)}", f"revert: Revert {sha(99)}"),
        # What an earlier release took back is a change again when it is brought back.
        ('Revert "Revert "feat(x): a"" (#14)', "feat(x): a (#14)"),
        ('Reapply "feat(x)!: a"', "feat(x)!: a"),
        ('Revert "Reapply "feat: a""', "revert: a"),
        ('Reapply "Revert "Revert "feat: a"""', "feat: a"),
        ('Revert "' * 9 + "feat: a" + '"' * 9, 'Revert "feat: a"'),
        ('Revert ""', 'revert: Revert ""'),
    ],
)
def test_what_was_released_already_is_reverted_by_a_release(revert: str, said: str) -> None:
    assert headers(history("fix: b", revert)) == [said, "fix: b"]


def test_the_newest_of_several_with_one_header_is_meant() -> None:
    commits = history("chore: bump", "chore: bump", "fix: b", 'Revert "chore: bump"', "chore: bump")
    assert [change.sha for change in counting(commits)] == [sha(5), sha(3), sha(1)]
    twice = history("chore: bump", "chore: bump", 'Revert "chore: bump"', 'Revert "chore: bump"')
    assert headers(twice) == []


def test_a_number_tells_equal_headers_apart() -> None:
    commits = history("fix: b (#1)", "fix: b (#2)", 'Revert "fix: b (#1)"')
    assert headers(commits) == ["fix: b (#2)"]
    other = history("fix: b (#2)", 'Revert "fix: b (#1)"')
    assert headers(other) == ["revert: b", "fix: b (#2)"]


def test_a_revert_of_several_counts_while_one_of_them_is_not_of_the_release() -> None:
    both = f"revert: two things\n\nThis reverts commits {sha(1)}, {sha(2)}."
    assert headers(history("feat: a", "fix: b", both)) == []
    missing = f"revert: two things\n\nThis reverts commits {sha(1)} and {sha(98)}."
    assert headers(history("feat: a", "fix: b", missing)) == ["revert: two things", "fix: b"]


def test_a_merge_is_reverted_with_all_that_it_brought() -> None:
    branch = [commit(10, "feat: a", [1]), commit(11, "fix: b", [10])]
    merge = commit(20, "Merge pull request #5 from acme/x\n\nAdd a", [1, 11])
    by_id = f"This reverts commit {sha(20)}, reversing\nchanges made to {sha(1)}."
    for revert in (
        f'Revert "Merge pull request #5 from acme/x"\n\n{by_id}',
        'Revert "Add a" (#6)\n\nReverts acme/shop#5',
    ):
        commits = history(commit(1, "fix: c"), *branch, merge, commit(21, revert, [20]))
        assert headers(commits) == ["fix: c"]


def test_a_revert_merged_by_a_pull_request() -> None:
    revert = commit(10, by_git("feat: a", 1), [2])
    merge = commit(20, 'Merge pull request #6 from acme/revert-1\n\nRevert "feat: a"', [2, 10])
    assert headers(history(commit(1, "feat: a"), commit(2, "fix: b"), revert, merge)) == ["fix: b"]


def test_what_was_taken_back_asks_for_nothing() -> None:
    commits = history("feat: a\n\nRelease-As: 9.0.0", by_git("feat: a", 1), "fix: b")
    assert settled(commits).asked == ()


def test_a_squash_may_revert_beside_other_things() -> None:
    commits = history("feat: a", "fix: b\n\nrevert: feat: a")
    assert headers(commits) == ["fix: b"]


def test_what_is_skipped_takes_nothing_back() -> None:
    commits = history("feat: a", by_git("feat: a", 1), "fix: b")
    statements = read_statements(CONFIG, commits)
    kept = settle(statements, {sha(2)}).counting
    assert [change.description for change in kept] == ["b", "a"]
    assert [change.sha for change in settle(statements, {sha(3)}).counting] == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("fxr"), st.integers(0, 9)), max_size=12))
def test_it_comes_out_as_if_it_were_played(story: list[tuple[str, int]]) -> None:
    """Against the plain telling: each revert flips what it names, from the newest down."""
    texts: list[str] = []
    names: list[int | None] = []
    for kind, which in story:
        target = which % len(texts) if texts and kind == "r" else None
        names.append(target)
        if target is None:
            texts.append(f"fix: {len(texts)}")
        else:
            texts.append(f"revert: it\n\nThis reverts commit {sha(target)}.")
    alive = [True] * len(texts)
    for place in reversed(range(len(texts))):
        target = names[place]
        if target is not None and alive[place]:
            alive[target] = False
    expected = {sha(place) for place, target in enumerate(names) if target is None and alive[place]}
    assert {change.sha for change in counting(history(*texts, start=0))} == expected


def test_each_of_many_reverts_of_one_header_takes_back_one() -> None:
    commits = history(*(["fix: b"] * 1_000), *(['Revert "fix: b"'] * 999))
    assert [change.sha for change in counting(commits)] == [sha(1)]
    commits = history(*(["fix: b"] * 1_000), *(['Revert "fix: b"'] * 1_000))
    assert headers(commits) == []
