"""What is read from a clone: every tag and commit, whatever people wrote into them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clones import DAY, START, Clone, git

from bot.adapters.localgit import LocalGit, LocalGitError
from bot.core.model import Sha


def moment(days: int) -> datetime:
    return datetime.fromtimestamp(START, UTC) + timedelta(days=days)


def names(tags: list) -> list[str]:
    return sorted(tag.name for tag in tags)


# --- tags ----------------------------------------------------------------------------------------


def test_a_tag_has_the_commit_it_stands_on_and_its_own_time(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a")
    clone.tag("light")
    clone.commit("feat: b")
    clone.tag("noted", annotated_at=START + 5 * DAY)
    clone.write()
    git("tag", "-f", "-a", "-m", "x", "again", "noted", cwd=tmp_path)
    git("tag", "a-tree", "HEAD^{tree}", cwd=tmp_path)
    tags = {tag.name: tag for tag in LocalGit(tmp_path).fetch_tags()}
    assert sorted(tags) == ["again", "light", "noted"]
    assert (tags["light"].sha, tags["light"].at) == (clone.id(1), moment(0))
    assert (tags["noted"].sha, tags["noted"].at) == (clone.id(2), moment(5))
    assert tags["again"].sha == clone.id(2)


def test_merged_tags_are_those_that_the_head_reaches(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a")
    clone.tag("v1.0.0")
    clone.tag("stable")
    clone.commit("feat: b", branch="ahead")
    clone.tag("v2.0.0")
    clone.write()
    git_ = LocalGit(tmp_path)
    assert names(git_.fetch_tags()) == ["stable", "v1.0.0", "v2.0.0"]
    assert names(git_.fetch_tags(Sha("HEAD"))) == ["stable", "v1.0.0"]
    assert names(git_.fetch_tags(Sha(clone.id(2)))) == ["stable", "v1.0.0", "v2.0.0"]


def test_a_repository_without_tags(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a")
    clone.write()
    assert LocalGit(tmp_path).fetch_tags() == []


# --- commits -------------------------------------------------------------------------------------


def test_commits_are_newest_first_with_their_parents(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    base = clone.commit("feat: a")
    side = clone.commit("fix: b\n\nBody.\n\n\n", branch="side", author="Béla")
    clone.commit("feat: c", parents=[base])
    merge = clone.commit("Merge pull request #1 from x/side", parents=[3, side])
    clone.write()
    commits = list(LocalGit(tmp_path).fetch_commits(None))
    assert [commit.sha for commit in commits] == [clone.id(mark) for mark in (4, 3, 2, 1)]
    assert [commit.parents for commit in commits] == [2, 1, 1, 0]
    assert commits[0].parent_shas == (clone.id(3), clone.id(side))
    assert commits[3].parent_shas == ()
    fix = commits[2]
    assert (fix.message, fix.author, fix.at) == ("fix: b\n\nBody.", "Béla", moment(1))
    assert fix.paths is None
    span = LocalGit(tmp_path).fetch_commits(Sha(clone.id(3)), Sha(clone.id(merge)))
    assert [commit.sha for commit in span] == [clone.id(merge), clone.id(side)]


def test_no_commit_stands_before_its_children_whatever_their_clocks_said(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    root = clone.commit("feat: from the future", at=START + 90 * DAY)
    old = clone.commit("fix: from the past", parents=[root], branch="side", at=START - 90 * DAY)
    new = clone.commit("fix: now", parents=[root])
    merge = clone.commit("Merge branch 'side'", parents=[new, old])
    clone.write()
    commits = LocalGit(tmp_path).fetch_commits(None)
    assert [commit.sha for commit in commits] == [
        clone.id(mark) for mark in (merge, new, old, root)
    ]


ODD_PATHS = ("\\001\\nline", "end\\n", "grün", "a" * 40, " ", "-p", "docs/a b")


def test_paths_are_told_whatever_they_are_called(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    base = clone.commit("feat: a", ODD_PATHS)
    side = clone.commit("fix: b", ["side/b"], branch="side")
    clone.commit("feat: c", ["c"], parents=[base])
    clone.commit("Merge branch 'side'", ["side/b"], parents=[3, side])
    clone.commit("chore: nothing", [])
    clone.write()
    commits = list(LocalGit(tmp_path).fetch_commits(None, paths=True))
    assert [commit.paths for commit in commits[:4]] == [(), ("side/b",), ("c",), ("side/b",)]
    assert sorted(commits[4].paths or ()) == sorted(
        ("\x01\nline", "end\n", "grün", "a" * 40, " ", "-p", "docs/a b")
    )
    clone.commit("feat: d", [" "])
    clone.write()
    assert next(iter(LocalGit(tmp_path).fetch_commits(None, paths=True))).paths == (" ",)
    plain = LocalGit(tmp_path).fetch_commits(Sha(commits[-1].sha), Sha(commits[0].sha))
    assert [commit.sha for commit in plain] == [commit.sha for commit in commits[:-1]]


def test_what_was_renamed_is_touched_in_both_places(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a", ["api/file"])
    clone.write()
    git("checkout", "-q", "main", cwd=tmp_path)
    git("mv", "api", "web", cwd=tmp_path)
    git("commit", "-q", "-m", "refactor: move", cwd=tmp_path)
    commit = next(iter(LocalGit(tmp_path).fetch_commits(None, paths=True)))
    assert commit.paths == ("api/file", "web/file")


def test_the_users_git_settings_do_not_matter(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: größer", ["lib/a"])
    clone.commit("fix: b", ["lib/b", "lib/c"])
    clone.write()
    expected = list(LocalGit(tmp_path).fetch_commits(None, paths=True))
    for key, value in [
        ("log.showRoot", "false"),
        ("log.decorate", "full"),
        ("log.follow", "true"),
        ("color.ui", "always"),
        ("i18n.commitEncoding", "latin1"),
        ("i18n.logOutputEncoding", "latin1"),
        ("format.pretty", "fuller"),
        ("diff.relative", "true"),
        ("diff.renames", "copies"),
        ("core.quotePath", "true"),
        ("core.abbrev", "4"),
        ("log.abbrevCommit", "true"),
        ("log.date", "relative"),
        ("log.diffMerges", "off"),
        ("log.excludeDecoration", "refs/tags/*"),
        ("notes.displayRef", "*"),
    ]:
        git("config", key, value, cwd=tmp_path)
    below = tmp_path / "lib"
    below.mkdir()
    assert list(LocalGit(below).fetch_commits(None, paths=True)) == expected
    assert [commit.paths for commit in expected] == [("lib/b", "lib/c"), ("lib/a",)]


def test_what_replaces_a_commit_in_one_clone_alone_does_not_matter(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a")
    clone.tag("v1.0.0")
    clone.commit("fix: b")
    clone.commit("fix: c")
    clone.write()
    expected = list(LocalGit(tmp_path).fetch_commits(None))
    git("replace", "--graft", clone.id(3), cwd=tmp_path)
    other = git("commit-tree", "-m", "feat!: x", f"{clone.id(1)}^{{tree}}", cwd=tmp_path)
    git("replace", clone.id(1), other, cwd=tmp_path)
    assert git("log", "-1", "--format=%s", "v1.0.0", cwd=tmp_path) == "feat!: x"
    assert list(LocalGit(tmp_path).fetch_commits(None)) == expected
    (tag,) = LocalGit(tmp_path).fetch_tags(Sha(clone.id(3)))
    assert tag.sha == clone.id(1)


@pytest.mark.parametrize("paths", [False, True])
def test_a_graft_is_no_shallow_clone(tmp_path: Path, paths: bool) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a")
    clone.commit("fix: b")
    clone.write()
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "grafts").write_text(f"{clone.id(2)}\n")
    with pytest.raises(LocalGitError, match=f"a graft gives {clone.id(2)[:7]}") as refused:
        list(LocalGit(tmp_path).fetch_commits(None, paths=paths))
    assert "info/grafts" in refused.value.remedy


def test_signatures_are_not_shown_among_commits(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a")
    clone.write()
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----"
    unsigned = git("cat-file", "commit", "HEAD", cwd=tmp_path)
    (tmp_path / "signed").write_text(unsigned.replace("\n\n", f"\n{signature}\n\n", 1) + "\n")
    id_ = git("hash-object", "-t", "commit", "-w", "signed", cwd=tmp_path)
    (tmp_path / "gpg").write_text("#!/bin/sh\necho 'gpg: no such key' >&2\nexit 1\n")
    (tmp_path / "gpg").chmod(0o755)
    git("config", "gpg.program", str(tmp_path / "gpg"), cwd=tmp_path)
    git("config", "log.showSignature", "true", cwd=tmp_path)
    assert "no such key" in git("log", id_, cwd=tmp_path)
    head = Sha(git("commit-tree", f"{id_}^{{tree}}", "-p", id_, "-m", "fix: b", cwd=tmp_path))
    for paths, expected in [(False, (None, None)), (True, ((), ("file",)))]:
        commits = list(LocalGit(tmp_path).fetch_commits(None, head, paths=paths))
        assert [commit.sha for commit in commits] == [head, id_]
        assert tuple(commit.paths for commit in commits) == expected


def test_messages_in_other_encodings(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: größer".encode("latin-1"), encoding="ISO-8859-1")
    clone.commit("feat: größer".encode("latin-1"))
    clone.write()
    wrong, right = LocalGit(tmp_path).fetch_commits(None)
    assert right.message == "feat: größer"
    assert wrong.message == "feat: gr��er"


def test_a_history_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    for number in range(5):
        clone.commit(f"feat: {number}\n\n" + "ä" * 200_000)
    clone.write()
    for paths in (False, True):
        commits = list(LocalGit(tmp_path).fetch_commits(None, paths=paths))
        assert [commit.message[:7] for commit in commits] == [f"feat: {n}" for n in (4, 3, 2, 1, 0)]
        assert {commit.message[9:] for commit in commits} == {"ä" * 200_000}


def test_times_beyond_the_calendar(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: a", at=2**40)
    clone.write()
    (commit,) = LocalGit(tmp_path).fetch_commits(None)
    assert commit.at == datetime.fromtimestamp(0, UTC)


def test_whoever_stops_early_leaves_no_process(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    for _ in range(3):
        clone.commit("feat: a\n\n" + "b" * 500_000)
    clone.write()
    commits = LocalGit(tmp_path).fetch_commits(None)
    next(iter(commits))
    commits.close()  # type: ignore[attr-defined]  # waits for the process: a stuck one hangs here


# --- shallow clones ------------------------------------------------------------------------------


@pytest.fixture
def origin(tmp_path: Path) -> Clone:
    """Four commits, with v1.0.0 on the second."""
    clone = Clone(tmp_path / "origin")
    clone.commit("feat: a")
    clone.commit("feat: b")
    clone.tag("v1.0.0")
    clone.commit("fix: c")
    clone.commit("fix: d")
    return clone.write()


def shallow(origin: Clone, depth: int) -> LocalGit:
    path = origin.path.parent / f"depth-{depth}"
    git("clone", "-q", f"--depth={depth}", f"file://{origin.path}", str(path), cwd=origin.path)
    return LocalGit(path)


@pytest.mark.parametrize("paths", [False, True])
def test_a_shallow_clone_that_ends_in_what_is_asked_for(origin: Clone, paths: bool) -> None:
    for depth in (1, 2, 3):
        with pytest.raises(LocalGitError) as refused:
            list(shallow(origin, depth).fetch_commits(None, paths=paths))
        assert f"ends at {origin.id(5 - depth)[:7]}" in str(refused.value)
        assert "git fetch --unshallow" in refused.value.remedy


def test_a_shallow_clone_that_holds_all_that_is_asked_for(origin: Clone) -> None:
    clone = shallow(origin, 3)
    commits = clone.fetch_commits(Sha(origin.id(2)))
    assert [commit.message for commit in commits] == ["fix: d", "fix: c"]
    (tag,) = clone.fetch_tags(Sha("HEAD"))
    assert tag.sha == origin.id(2)


# --- names and files -----------------------------------------------------------------------------


def test_names_of_commits(origin: Clone) -> None:
    clone = LocalGit(origin.path)
    for name, mark in [("v1.0.0", 2), ("main", 4), ("main~1", 3), (origin.id(1)[:10], 1)]:
        assert clone.fetch_commit_id(name) == origin.id(mark)


@pytest.mark.parametrize(
    "name",
    [
        "nowhere",
        "",
        "--all",
        "-p",
        "--output=stolen",
        "v1.0.0..main",
        "^main",
        "main^!",
        "a\nb",
    ],
)
def test_names_that_are_no_commits(origin: Clone, name: str) -> None:
    with pytest.raises(LocalGitError) as refused:
        LocalGit(origin.path).fetch_commit_id(name)
    assert f"has no commit that is called {name!r}" in str(refused.value)
    assert not list(origin.path.glob("**/stolen"))


def test_a_file_at_a_commit(origin: Clone) -> None:
    clone = LocalGit(origin.path)
    assert clone.fetch_file(Sha(origin.id(1)), "file") == b"1"
    assert clone.fetch_file(Sha(origin.id(4)), "file") == b"4"
    assert clone.fetch_file(Sha("HEAD"), "nothing") is None
    assert clone.fetch_file(Sha("HEAD"), "") is None


def test_where_the_files_are(origin: Clone) -> None:
    below = origin.path / "a" / "b"
    below.mkdir(parents=True)
    assert LocalGit(below).find_work_tree() == origin.path
    bare = origin.path.parent / "bare"
    git("clone", "-q", "--bare", str(origin.path), str(bare), cwd=origin.path)
    assert LocalGit(bare).find_work_tree() is None


REMOTES = {
    "https://github.com/o/r.git": "https://github.com/o/r",
    "https://github.com/o/r": "https://github.com/o/r",
    "https://github.com/o/r/": "https://github.com/o/r",
    "https://ada:s3cret@github.com/o/r.git": "https://github.com/o/r",
    "https://x-access-token@github.com/o/r.js": "https://github.com/o/r.js",
    "git@github.com:o/r.git": "https://github.com/o/r",
    "github.com:o/r": "https://github.com/o/r",
    "ssh://git@github.com/o/r.git": "https://github.com/o/r",
    "ssh://git@ssh.github.com:443/o/r.git": "https://github.com/o/r",
    "git://GitHub.com/o/r.git": "https://github.com/o/r",
    "ssh://git@ghe.example.com:2222/o/r.git": "https://ghe.example.com/o/r",
    "org-7@ghe.example.com:o/r.git": "https://ghe.example.com/o/r",
    "https://ghe.example.com:8443/o/r": "https://ghe.example.com:8443/o/r",
    "http://127.0.0.1:8001/o/r.git": "http://127.0.0.1:8001/o/r",
    "work:o/r.git": "",
    "https://gitlab.com/o/r.git": "",
    "https://ghe.example.com/a/b/c": "",
    "https://github.com/o": "",
    "https://github.com/o/r?s3cret": "",
    "https://a:b@c@github.com/o/r": "",
    "/srv/git/r.git": "",
    "../r": "",
    "file:///srv/git/r.git": "",
    "C:/git/r": "",
    "javascript:o/r": "",
}


def test_where_its_pages_are(origin: Clone) -> None:
    assert LocalGit(origin.path).fetch_web_url() == ""
    found = {}
    for remote in REMOTES:
        git("config", "remote.origin.url", remote, cwd=origin.path)
        found[remote] = LocalGit(origin.path).fetch_web_url()
    assert found == REMOTES


# --- what cannot be read -------------------------------------------------------------------------


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(LocalGitError, match="is in no git repository") as refused:
            LocalGit(path).fetch_tags()
        assert refused.value.remedy.startswith("name a clone with --repo PATH; ")
        with pytest.raises(LocalGitError, match="is in no git repository"):
            LocalGit(path).fetch_commit_id("main")


def test_a_repository_without_commits(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    with pytest.raises(LocalGitError, match="has no commit yet"):
        list(LocalGit(clone.path).fetch_commits(None))


def test_a_damaged_repository(origin: Clone) -> None:
    id_ = origin.id(2)
    (origin.path / ".git" / "objects" / id_[:2] / id_[2:]).unlink()
    with pytest.raises(LocalGitError) as refused:
        list(LocalGit(origin.path).fetch_commits(None))
    assert "git fsck" in refused.value.remedy


def test_without_git(origin: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(origin.path))
    with pytest.raises(LocalGitError, match="git cannot be run"):
        LocalGit(origin.path).fetch_tags()
