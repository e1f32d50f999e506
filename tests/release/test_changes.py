"""What a history says: who speaks for whom, and nothing twice."""

import pytest
from release_kit import CONFIG, commit, counting, headers, history, pull, settled, sha

from bot.core.release.ancestry import claim_merged, claim_reached
from bot.core.release.changes import read_statements
from bot.core.release.model import Change, HistoryCommit


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("feat: add x", Change(sha(1), "feat", "", "", "add x")),
        ("FEAT( api ): add x (#4)", Change(sha(1), "feat", "api", "", "add x", 4)),
        ("feat!: add x", Change(sha(1), "feat", "", "add x", "add x")),
        (
            "feat!: add x\n\nBREAKING CHANGE: y\n\nmore\n\nBREAKING-CHANGE: z",
            Change(sha(1), "feat", "", "y\n\nmore\n\nz", "add x"),
        ),
        ("Add x (#4)", Change(sha(1), "", "", "", "Add x", 4)),
        ("Add x\n\nBREAKING CHANGE: y", Change(sha(1), "", "", "y", "Add x")),
        ("wat: add x", Change(sha(1), "wat", "", "", "add x")),
        ("fixup! feat: add x", Change(sha(1), "", "", "", "fixup! feat: add x")),
        ("fix:", Change(sha(1), "fix", "", "", "fix:")),
        ("", Change(sha(1), "", "", "", "")),
        ("caf\udce9", Change(sha(1), "", "", "", "caf\udce9")),
    ],
)
def test_a_commit(message: str, change: Change) -> None:
    assert counting(history(message)) == [change]


def test_a_commit_has_the_pull_request_that_it_is_known_by() -> None:
    known = commit(1, "feat: a", pull=pull(7))
    squashed = commit(2, "feat: b (#8)", pull=pull(9))
    assert headers(history(known, squashed)) == ["feat: b (#8)", "feat: a (#7)"]


def test_a_squash_says_several_things() -> None:
    squash = history("feat: a (#3)\n\nProse.\n\nfix(x): b\n\nperf: c")
    assert headers(squash) == ["feat: a (#3)", "fix(x): b (#3)", "perf: c (#3)"]


def test_a_squash_of_one_commit_has_its_message_once() -> None:
    assert headers(history("fix: a (#3)\n\nfix: a\n\nSigned-off-by: B <b@c.d>")) == ["fix: a (#3)"]


def merged(title: str, *branch: str, wording: str = "") -> list[HistoryCommit]:
    """A trunk commit, a branch with those commits, and the merge of it, on a trunk that went on."""
    start = commit(1, "chore: start")
    other = commit(2, "chore: meanwhile")
    side = [
        commit(10 + place, text, [9 + place if place else 1]) for place, text in enumerate(branch)
    ]
    words = wording or f"Merge pull request #5 from acme/x\n\n{title}"
    merge = commit(20, words, [2, 9 + len(branch)])
    return history(start, other, *side, merge)


@pytest.mark.parametrize(
    ("title", "branch", "said"),
    [
        # The title speaks where the commits say nothing.
        ("feat: add x", ["wip", "more"], ["feat: add x (#5)"]),
        ("Add x", ["wip", "more"], ["Add x (#5)"]),
        # The commits speak where they say as much.
        ("feat: add x", ["feat(a): b", "fix: c"], ["fix: c (#5)", "feat(a): b (#5)"]),
        ("Add x", ["fix: c"], ["fix: c (#5)"]),
        # Both do where the title says more: nothing that breaks is missed.
        ("feat!: add x", ["feat: b"], ["feat!: add x (#5)", "feat: b (#5)"]),
        ("fix: x", ["chore: b"], ["fix: x (#5)", "chore: b (#5)"]),
        # Nothing that a branch says is lost beside what is conventional.
        ("fix: x", ["fix: a", "wip"], ["wip (#5)", "fix: a (#5)"]),
        ("", ["wip"], ["wip (#5)"]),
    ],
)
def test_a_merge_is_described_by_its_pull_request(
    title: str, branch: list[str], said: list[str]
) -> None:
    trunk = ["chore: meanwhile", "chore: start"]
    assert sorted(headers(merged(title, *branch))) == sorted([*said, *trunk])


def test_a_merge_with_the_title_for_its_own() -> None:
    commits = merged("", "wip", wording="feat: add x (#5)")
    assert headers(commits)[0] == "feat: add x (#5)"
    assert "wip" not in "".join(headers(commits))


def test_a_merge_by_git_says_nothing_itself() -> None:
    commits = merged("", "feat: a", "wip", wording="Merge branch 'x' into main")
    assert headers(commits)[:2] == ["wip", "feat: a"]
    assert len(headers(commits)) == 4


def test_a_merge_may_ask_for_a_version() -> None:
    commits = merged("", "fix: a", wording="Merge branch 'x'\n\nRelease-As: 3.0.0")
    assert [asked.text for asked in settled(commits).asked] == ["3.0.0"]
    assert len(headers(commits)) == 3


def test_a_squash_that_calls_itself_a_merge_is_not_lost() -> None:
    assert headers(history("Merge branch 'x' into main")) == ["Merge branch 'x' into main"]
    said = "Merge pull request #5 from acme/x\n\nfeat: add x\n\nBREAKING CHANGE: y"
    (change,) = counting(history(said))
    assert (change.type, change.pull, change.breaking) == ("feat", 5, "y")


def test_merges_are_told_without_parents_too() -> None:
    """By the pull requests that GitHub knows the commits by."""
    known = [
        commit(1, "wip", parent_shas=None, pull=pull(5, "feat: a")),
        commit(
            2,
            "Merge pull request #5 from x/y",
            parents=2,
            parent_shas=None,
            pull=pull(5, "feat: a"),
        ),
        commit(3, "fix: b", parent_shas=None),
    ]
    assert headers(history(*known)) == ["fix: b", "feat: a (#5)"]


def test_a_pull_request_of_a_rebase_is_overridden_once() -> None:
    body = "Please:\n\nBEGIN_COMMIT_OVERRIDE\nfeat: one thing\nfix: another\nEND_COMMIT_OVERRIDE\n"
    rebased = [commit(n, f"fix: step {n}", pull=pull(5, body=body)) for n in (1, 2, 3)]
    commits = history(*rebased, commit(4, "fix: d"))
    assert headers(commits) == ["fix: d", "feat: one thing (#5)", "fix: another (#5)"]
    assert counting(commits)[1].sha == sha(3)


def test_a_merge_is_overridden_with_all_that_it_brings() -> None:
    body = "BEGIN_COMMIT_OVERRIDE\nfeat: one thing\nEND_COMMIT_OVERRIDE"
    known = {"pull": pull(5, "fix: x", body)}
    side = commit(10, "feat!: not so", [1], **known)
    merge = commit(20, "Merge pull request #5 from x/y\n\nfix: x", [1, 10], **known)
    assert headers(history(commit(1, "chore: a"), side, merge)) == [
        "feat: one thing (#5)",
        "chore: a",
    ]


def test_an_empty_block_leaves_a_commit_out() -> None:
    body = "BEGIN_COMMIT_OVERRIDE\nEND_COMMIT_OVERRIDE"
    assert headers(history(commit(1, "feat: a", pull=pull(5, body=body)), "fix: b")) == ["fix: b"]


def test_which_commits_a_merge_brought() -> None:
    # 1 ─ 2 ─ 5 ─ 8 (trunk); 3 ─ 4 merged by 5; 6 (on 3) ─ 7 (merges 2 into itself) merged by 8
    commits = history(
        commit(1, "a"),
        commit(2, "b", [1]),
        commit(3, "c", [1]),
        commit(4, "d", [3]),
        commit(5, "e", [2, 4]),
        commit(6, "f", [3]),
        commit(7, "g", [6, 2]),
        commit(8, "h", [5, 7]),
    )
    brought = {
        commits[place].sha: commits[owner].sha
        for place, owner in enumerate(claim_merged(commits))
        if owner is not None
    }
    assert brought == {sha(3): sha(5), sha(4): sha(5), sha(6): sha(8), sha(7): sha(8)}
    assert claim_reached(commits, [sha(4), sha(99), sha(5)]) == [
        None, None, None, 2, 0, 0, 2, 0,
    ]  # fmt: skip


def test_statements_keep_the_order_of_the_commits() -> None:
    commits = merged("feat: a", "wip")
    assert [statement.commit for statement in read_statements(CONFIG, commits)] == commits
