"""The repositories are real: git itself reads them, and agrees with what the sandbox says."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from bot.sandbox.code import CommitSpec
from bot.sandbox.errors import ApiError
from bot.sandbox.model import Repository
from bot.sandbox.server import Sandbox


def git(*args: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(["git", *args], cwd=cwd, capture_output=True, check=True)
    return done.stdout.decode().strip()


def message(shop: Repository, oid: str | None) -> str:
    return shop.git.store.commit(oid or "").message


def test_git_clones_and_fetches_it(github: Sandbox, shop: Repository, tmp_path: Path) -> None:
    pull = github.open_pull(shop, "feat: x", CommitSpec("feat: x", {"x.txt": "x\n"}), head="x")
    copy = tmp_path / "copy"
    git("clone", "--quiet", shop.git.path, copy)
    assert (copy / "a/b.txt").read_text() == "b\n"
    git("fetch", "--quiet", "origin", f"refs/pull/{pull.number}/head", cwd=copy)
    assert git("rev-parse", "FETCH_HEAD", cwd=copy) == pull.head_sha
    assert git("show", "FETCH_HEAD:x.txt", cwd=copy) == "x"
    git("fsck", "--strict", cwd=shop.git.path)


def test_a_push_by_git_moves_the_pull_request(
    github: Sandbox, shop: Repository, tmp_path: Path
) -> None:
    pull = github.open_pull(shop, "feat: x", "feat: x", head="x")
    copy = tmp_path / "copy"
    git("clone", "--quiet", "--branch", "x", shop.git.path, copy)
    identity = ("-c", "user.name=Mona", "-c", "user.email=mona@example.com")
    git(*identity, "commit", "--quiet", "--allow-empty", "-m", "feat: by hand", cwd=copy)
    git("push", "--quiet", cwd=copy)
    github.receive(shop)
    assert pull.head_sha == git("rev-parse", "HEAD", cwd=copy)
    assert shop.git.refs["refs/pull/1/head"] == pull.head_sha
    assert [message(shop, oid) for oid in github.commits_of(pull)] == [
        "feat: x\n",
        "feat: by hand\n",
    ]


def test_the_graph_agrees_with_git(github: Sandbox, shop: Repository) -> None:
    github.push(shop, "one", "a", "b")
    github.push(shop, "two", "c", onto="one")
    for number in range(3):
        github.push(shop, "main", f"m{number}")
        side = github.open_pull(shop, f"side {number}", f"s{number}", head=f"side-{number}")
        github.push(shop, "one", f"o{number}")
        github.merge(side, "merge")
    back = github.open_pull(shop, "back", head="main", base="one")
    github.merge(back, "merge")
    github.push(shop, "main", "last")
    tips = [oid for ref, oid in shop.git.refs.items() if ref.startswith("refs/heads/")]
    store = shop.git.store
    for one in tips:
        for other in tips:
            ahead = git("rev-list", f"{other}..{one}", cwd=shop.git.path).split()
            assert set(store.ahead(one, other)) == set(ahead)
            assert (
                store.merge_base(one, other)
                in git("merge-base", "--all", one, other, cwd=shop.git.path).split()
            )
            ordered = store.ahead(one, other)
            for index, oid in enumerate(ordered):
                assert not set(store.commit(oid).parents) & set(ordered[index:])


def test_a_merge_commit(github: Sandbox, shop: Repository) -> None:
    pull = github.open_pull(shop, "feat: x", "one", "two", head="x", body="why")
    tip = shop.branch("main")
    sha = github.merge(pull, "merge")
    assert message(shop, sha) == "Merge pull request #1 from octo/x\n\nfeat: x\n"
    assert shop.git.store.commit(sha).parents == (tip, pull.head_sha)
    assert shop.branch("main") == sha == pull.merge_commit_sha


@pytest.mark.parametrize(
    ("title", "body", "commits", "expected"),
    [
        ("COMMIT_OR_PR_TITLE", "COMMIT_MESSAGES", ["fix: a\n\nwhy"], "fix: a (#1)\n\nwhy\n"),
        ("COMMIT_OR_PR_TITLE", "BLANK", ["a", "b"], "feat: x (#1)\n"),
        ("PR_TITLE", "PR_BODY", ["a"], "feat: x (#1)\n\nthe body\n"),
        ("PR_TITLE", "COMMIT_MESSAGES", ["a\n\nmore", "b"], "feat: x (#1)\n\n* a\n\nmore\n\n* b\n"),
    ],
)
def test_a_squash_takes_its_message_from_the_settings(
    github: Sandbox, title: str, body: str, commits: list[str], expected: str
) -> None:
    shop = github.create_repository(
        "octo/shop", squash_merge_commit_title=title, squash_merge_commit_message=body
    )
    pull = github.open_pull(shop, "feat: x", *commits, body="the body")
    sha = github.merge(pull, "squash")
    assert message(shop, sha) == expected
    assert len(shop.git.store.commit(sha).parents) == 1


def test_a_squash_names_the_other_authors(github: Sandbox, shop: Repository) -> None:
    ada = github.user("ada", name="Ada", email="ada@example.com")
    pull = github.open_pull(shop, "feat: x", "one", CommitSpec("two", author=ada))
    body = message(shop, github.merge(pull, "squash"))
    assert body.endswith("---------\n\nCo-authored-by: Ada <ada@example.com>\n")


def test_a_rebase_replays_each_commit(github: Sandbox, shop: Repository) -> None:
    pull = github.open_pull(
        shop, "x", CommitSpec("one", {"1": "1"}), CommitSpec("two", {"2": "2"}), head="x"
    )
    github.push(shop, "main", CommitSpec("meanwhile", {"3": "3"}))
    tip = shop.branch("main") or ""
    sha = github.merge(pull, "rebase")
    replayed = shop.git.store.ahead(sha, tip)
    assert [message(shop, oid) for oid in replayed] == ["one\n", "two\n"]
    assert {item.name for item in shop.git.store.tree(shop.git.store.commit(sha).tree)} >= {
        "1", "2", "3",
    }  # fmt: skip
    assert [len(shop.git.store.commit(oid).parents) for oid in replayed] == [1, 1]
    assert [shop.git.store.commit(b).parents[0] for a, b in pairwise([tip, *replayed])] == [
        tip, replayed[0],
    ]  # fmt: skip


def test_a_conflict_is_refused(github: Sandbox, shop: Repository) -> None:
    pull = github.open_pull(shop, "x", CommitSpec("x", {"README.md": "mine\n"}))
    assert github.mergeable(pull)
    github.push(shop, "main", CommitSpec("y", {"README.md": "theirs\n"}))
    assert not github.mergeable(pull)
    for method in ("merge", "squash", "rebase"):
        with pytest.raises(ApiError) as refused:
            github.merge(pull, method)
        assert refused.value.status == 405


def test_a_merge_queue_builds_what_would_land(github: Sandbox, shop: Repository) -> None:
    one = github.open_pull(shop, "feat: one", CommitSpec("one", {"1": "1"}))
    two = github.open_pull(shop, "feat: two", CommitSpec("two", {"2": "2"}))
    base = shop.branch("main") or ""
    group = github.request_merge_group([one, two], "squash")
    assert shop.git.refs[group.head_ref] == group.head_sha
    landing = shop.git.store.ahead(group.head_sha, base)
    assert [message(shop, oid) for oid in landing] == ["one (#1)\n", "two (#2)\n"]
    assert shop.branch("main") == base
    github.end_merge_group(shop, group)
    assert shop.branch("main") == group.head_sha
    assert one.merged_at is not None
    assert group.head_ref not in shop.git.refs


def test_a_fork_shares_the_objects(github: Sandbox, shop: Repository) -> None:
    fork = github.fork(shop, github.user("fan"))
    pull = github.open_pull(shop, "feat: x", "feat: x", head="x", fork=fork)
    assert pull.crosses
    assert shop.branch("x") is None
    assert git("rev-parse", "refs/pull/1/head", cwd=shop.git.path) == fork.branch("x")
    github.push(fork, "x", "feat: more")
    assert git("rev-parse", "refs/pull/1/head", cwd=shop.git.path) == fork.branch("x")
    github.delete_repository(fork)
    assert pull.head_repository is None
    assert len(github.commits_of(pull)) == 2


def test_odd_messages_and_paths_come_through(github: Sandbox, shop: Repository) -> None:
    odd = 'feat: "quotes" \\ and ünïcode 🎉\n\n\n\ttabs\n\nReviewed-by: Z\n'
    path = 'dir with "quotes"/ünï\\code.txt'
    github.push(shop, "odd", CommitSpec(odd, {path: "text"}))
    tip = shop.branch("odd") or ""
    assert message(shop, tip) == odd
    found = shop.git.store.at_path(tip, path)
    assert found is not None
    assert found[2] == b"text"
    assert git("log", "-1", "--format=%B", tip, cwd=shop.git.path) == odd.strip()


def test_many_pull_requests_are_quickly_there(github: Sandbox, shop: Repository) -> None:
    pulls = github.open_pulls(shop, [f"feat: {number}" for number in range(300)])
    assert [pull.number for pull in pulls] == list(range(1, 301))
    assert all(len(github.commits_of(pull)) == 1 for pull in pulls)
    refs = git("for-each-ref", "--format=%(refname)", "refs/pull", cwd=shop.git.path).split()
    assert len(refs) == 300


def test_processes_are_given_back(github: Sandbox) -> None:
    """Each repository that is read holds a process; an old one's is ended and started again."""
    shops = [github.create_repository(f"octo/shop-{number}") for number in range(30)]
    for shop in shops:
        github.open_pull(shop, "feat: x")
    assert github.git_host.open_processes <= 48
    assert github.mergeable(shops[0].pulls[1])
    assert shops[0].git.store.read(f"{shops[0].branch('main')}:README.md") is not None


INTERRUPTED = """
import os, signal, sys
from pathlib import Path
from bot.sandbox.git import GitHost

signal.signal(signal.SIGINT, lambda *_: None)
store = GitHost(Path(sys.argv[1])).create("shop").store
oid = store.write_object("blob", b"kept")
store.read(oid)
os.killpg(0, signal.SIGINT)
for _ in range(10):
    store.write_object("blob", b"another")
    assert store.read(oid)[2] == b"kept"
"""


def test_ctrl_c_is_for_the_program_and_not_for_its_git(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    assert (ended.returncode, ended.stderr) == (0, "")
