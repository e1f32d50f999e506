"""``lockgate release plan`` on real git repositories."""

import json
import os
import pty
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from clones import Clone, git, linear

from bot.cli import history
from bot.cli.main import main
from bot.core.release.version import parse_version

ROOT = Path(__file__).parents[2]
REMOTE = "https://ada:s3cret@github.com/acme/shop.git"


def plan(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["release", "plan", "--repo", str(path), *arguments])


def planned(path: Path, *arguments: str) -> dict[str, Any]:
    result = plan(path, "--format", "json", *arguments)
    assert result.exit_code in (0, 3), result.stderr
    assert result.stderr == ""
    return json.loads(result.stdout)


def headers(found: dict[str, Any]) -> list[str]:
    return [commit["description"] for commit in found["commits"]]


@pytest.fixture
def shop(tmp_path: Path) -> Clone:
    """A release, and after it one commit of each kind; the last reverts the one before it."""
    clone = Clone(tmp_path / "shop", REMOTE)
    clone.commit("feat: sell things")
    clone.tag("v1.0.0")
    clone.commit("fix(cart): count what is in it (#3)")
    trunk = clone.commit("feat: search by colour\n\nBREAKING CHANGE: `q` is called `query`.")
    side = clone.commit("perf: look less", parents=[2], branch="side")
    clone.commit(
        "Merge pull request #7 from acme/side\n\nfeat(web): go dark", parents=[trunk, side]
    )
    clone.commit("docs: say how")
    clone.commit("Update stuff")
    oops = clone.commit("fix: oops")
    clone.write()
    clone.commit(f'Revert "fix: oops"\n\nThis reverts commit {clone.id(oops)}.')
    return clone.write()


SHOP_CHANGELOG = """\
## [2.0.0](https://github.com/acme/shop/compare/v1.0.0...v2.0.0) - 2026-01-09

### Breaking changes

- `q` is called `query`. ([{3:.7}](https://github.com/acme/shop/commit/{3}))

### Added

- search by colour ([{3:.7}](https://github.com/acme/shop/commit/{3}))
- **web:** go dark ([#7](https://github.com/acme/shop/pull/7))

### Changed

- look less ([#7](https://github.com/acme/shop/pull/7))

### Fixed

- **cart:** count what is in it ([#3](https://github.com/acme/shop/pull/3))

### Other

- Update stuff ([{7:.7}](https://github.com/acme/shop/commit/{7}))
"""


def with_ids(text: str, clone: Clone) -> str:
    return text.format("", *(clone.id(mark) for mark in range(1, clone.count + 1)))


def test_a_plan_as_json(shop: Clone) -> None:
    def commit(mark: int, type_: str | None, description: str, **more: Any) -> dict[str, Any]:
        empty = {"scope": None, "breaking": False, "pr": None, "reverted_by": None}
        known = {"sha": shop.id(mark), "type": type_, "description": description}
        return {**empty, **known, **more}

    found = planned(shop.path)
    assert found == {
        "package": "",
        "current": "1.0.0",
        "next": "2.0.0",
        "bump": "major",
        "reason": (
            f"`feat!: search by colour` ({shop.id(3):.7}) breaks something, "
            "which makes 2.0.0 a major release."
        ),
        "commits": [
            commit(9, "revert", "oops"),
            commit(8, "fix", "oops", reverted_by=shop.id(9)),
            commit(7, None, "Update stuff"),
            commit(6, "docs", "say how"),
            commit(5, "feat", "go dark", scope="web", pr=7),
            commit(4, "perf", "look less", pr=7),
            commit(3, "feat", "search by colour", breaking=True),
            commit(2, "fix", "count what is in it", scope="cart", pr=3),
        ],
        "changelog": with_ids(SHOP_CHANGELOG, shop),
        "counts": {
            "commits": 8,
            "released": 5,
            "hidden": 1,
            "reverted": 2,
            "not_conventional": 1,
        },
    }
    assert list(found) == [
        "package", "current", "next", "bump", "reason", "commits", "changelog", "counts",
    ]  # fmt: skip
    assert list(found["commits"][0]) == [
        "sha", "type", "scope", "breaking", "description", "pr", "reverted_by",
    ]  # fmt: skip


SHOP_TEXT = """\
v2.0.0, a major release after v1.0.0
`feat!: search by colour` ({3:.7}) breaks something, which makes 2.0.0 a major release.

  {9:.7}  revert        oops, counts for nothing
  {8:.7}  fix           oops, reverted by {9:.7}
  {7:.7}  –             Update stuff
  {6:.7}  docs          say how
  {5:.7}  feat    web   go dark (#7)
  {4:.7}  perf          look less (#7)
  {3:.7}  feat          search by colour, breaking
  {2:.7}  fix     cart  count what is in it (#3)
"""


def test_a_plan_as_text(shop: Clone) -> None:
    result = plan(shop.path)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == with_ids(SHOP_TEXT, shop)


def test_the_credentials_of_the_remote_are_never_told(shop: Clone) -> None:
    for arguments in ([], ["--format", "json"], ["--to", "nowhere"], ["--package", "nowhere"]):
        assert "s3cret" not in plan(shop.path, *arguments).output


def test_a_long_table_is_cut_and_json_is_not(tmp_path: Path) -> None:
    clone = linear(tmp_path, {f"fix: {number}": "" for number in range(40)})
    lines = plan(clone.path).stdout.splitlines()
    assert len(lines) == 3 + 30 + 1
    assert lines[-1] == "  … and 10 more, which --format json tells."
    assert len(planned(clone.path)["commits"]) == 40


def test_hostile_text_cannot_steer_the_terminal(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"fix(\x1b[2J): \x1b]0;x\x07 \u202e b": ""})
    output = plan(clone.path).output
    assert not any(char in output for char in "\x1b\x07\u202e")


def on_terminal(clone: Clone, **environment: str) -> str:
    """What the command writes to a terminal."""
    main_end, command_end = pty.openpty()
    code = "from bot.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "release", "plan"],
        cwd=clone.path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **environment},
        stdout=command_end,
        stderr=subprocess.PIPE,
    )
    os.close(command_end)
    written = b""
    while True:
        try:
            chunk = os.read(main_end, 4096)
        except OSError:  # Linux says so at the end
            break
        if not chunk:
            break
        written += chunk
    os.close(main_end)
    process.communicate()
    return written.decode().replace("\r\n", "\n")


def test_colour_is_for_terminals_that_want_it(shop: Clone) -> None:
    text = with_ids(SHOP_TEXT, shop)
    coloured = on_terminal(shop, NO_COLOR="")
    assert "\x1b[" in coloured
    assert coloured != text
    assert on_terminal(shop, NO_COLOR="1") == text


# --- nothing to release --------------------------------------------------------------------------


def test_nothing_landed(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0"})
    result = plan(clone.path, "--format", "json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "package": "",
        "current": "1.0.0",
        "next": None,
        "bump": "none",
        "reason": "Nothing has landed since v1.0.0.",
        "commits": [],
        "changelog": "",
        "counts": dict.fromkeys(
            ("commits", "released", "hidden", "reverted", "not_conventional"), 0
        ),
    }


def test_what_landed_makes_no_release(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "docs: b": ""})
    result = plan(clone.path)
    assert result.exit_code == 3
    title, reason, _, row = result.stdout.splitlines()
    assert title == "Nothing to release after 1.0.0"
    assert "since v1.0.0 makes no release: of the type `docs`." in reason
    assert row == f"  {clone.id(2):.7}  docs  b"


# --- tags ----------------------------------------------------------------------------------------


def test_the_first_release(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"Initial commit": "", "feat: a": ""})
    found = planned(clone.path)
    assert (found["current"], found["next"], len(found["commits"])) == (None, "0.1.0", 2)
    assert plan(clone.path).stdout.startswith("v0.1.0, the first release\n")


def test_tags_that_are_no_versions_are_passed_over(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "fix: b": "", "fix: c": ""})
    for name in ("latest", "v9", "9.0.0", "v9.0", "v09.0.0", "V9.0.0", "v9.0.0-", "release/v9.0.0"):
        git("tag", name, clone.id(2), cwd=clone.path)
    assert (planned(clone.path)["current"], planned(clone.path)["next"]) == ("1.0.0", "1.0.1")


def test_two_tags_on_one_commit(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "fix: b": ""})
    for name in ("v1.1.0", "v0.9.0", "stable"):
        git("tag", name, clone.id(1), cwd=clone.path)
    assert (planned(clone.path)["current"], planned(clone.path)["next"]) == ("1.1.0", "1.1.1")


def test_a_tag_that_the_head_does_not_reach_counts_for_nothing(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "fix: b": ""})
    clone.commit("feat!: elsewhere", parents=[1], branch="next")
    clone.tag("v2.0.0")
    clone.commit("feat: and on", branch="next")
    clone.tag("v2.1.0-rc.1")
    clone.write()
    found = planned(clone.path)
    assert (found["current"], found["next"], headers(found)) == ("1.0.0", "1.0.1", ["b"])
    found = planned(clone.path, "--to", "next")
    assert (found["current"], found["next"]) == ("2.0.0", "2.1.0")


def test_a_prerelease_that_the_head_does_not_reach_promises_nothing(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "fix: b": ""})
    clone.commit("feat: c", parents=[1], branch="next")
    clone.tag("v1.1.0-rc.1")
    clone.write()
    assert planned(clone.path)["next"] == "1.0.1"
    assert planned(clone.path, "--to", "next")["next"] == "1.1.0"


@pytest.mark.parametrize("head", ["v1.0.1", "main"])
def test_the_whole_history_is_not_walked_to_find_the_last_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str
) -> None:
    clone = linear(tmp_path / "clone", {"feat: a": "v1.0.0", "fix: b": "v1.0.1"})
    if head == "main":
        clone.commit("fix: c")
        clone.write()
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    plan(clone.path, "--to", head)
    traced = trace.read_text()
    assert "v1.0.1" in traced or clone.id(2) in traced
    assert "for-each-ref" in traced
    assert "--merged" not in traced


def test_a_head_behind_the_last_tag(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "fix: b": "", "fix: c": "v1.0.1"})
    result = plan(clone.path, "--to", clone.id(2))
    assert result.exit_code == 2
    assert f"there is a tag v1.0.1 on {clone.id(3):.7} already" in result.stderr
    assert f"which {clone.id(2)} does not contain" in result.stderr
    assert "Release-As" in result.stderr
    found = planned(clone.path, "--to", clone.id(1))
    assert (found["current"], found["next"]) == ("1.0.0", None)


def test_a_release_that_was_tagged_on_a_side_branch_and_merged(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    base = clone.commit("feat: a")
    fix = clone.commit("fix: urgent", branch="hotfix")
    clone.tag("v1.0.1")
    trunk = clone.commit("feat: b", parents=[base])
    clone.commit("Merge branch 'hotfix'", parents=[trunk, fix])
    clone.write()
    found = planned(clone.path)
    assert (found["current"], found["next"], headers(found)) == ("1.0.1", "1.1.0", ["b"])


@pytest.mark.parametrize("seed", range(8))
def test_the_last_release_is_the_highest_tag_that_is_reached(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    clone = Clone(tmp_path)
    for number in range(1, 16):
        known = range(1, number)
        parents = chance.sample(known, min(len(known), chance.choice([1, 1, 2])))
        branch = "main" if number == 15 else f"side-{number}"
        clone.commit(f"fix: {number}", parents=parents, branch=branch)
        if chance.random() < 0.4:
            rc = chance.choice(["", "", "-rc.1"])
            clone.tag(f"v1.{chance.randrange(30)}.{number}{rc}")
    clone.write()
    reached = git("tag", "--merged", "main", cwd=tmp_path).split()
    finals = [version for tag in reached if not (version := parse_version(tag[1:])).prerelease]
    found = planned(clone.path)
    last = max(finals, default=None)
    assert found["current"] == (str(last) if last else None)
    span = git("rev-list", *([f"v{last}..main"] if last else ["main"]), cwd=tmp_path).split()
    assert {commit["sha"] for commit in found["commits"]} == {
        sha for sha in span if len(git("log", "-1", "--format=%P", sha, cwd=tmp_path).split()) < 3
    }


# --- from and to ---------------------------------------------------------------------------------


def test_from_and_to(tmp_path: Path) -> None:
    clone = linear(
        tmp_path, {"feat: a": "v1.0.0", "fix: b": "v1.0.1", "feat: c": "v1.1.0", "fix: d": ""}
    )
    for arguments, current, following, said in [
        ([], "1.1.0", "1.1.1", ["d"]),
        (["--from", "v1.0.0"], "1.0.0", "1.1.0", ["d", "c", "b"]),
        (["--from", clone.id(2)[:9]], "1.0.1", "1.1.0", ["d", "c"]),
        (["--from", "v1.0.0", "--to", "v1.0.1"], "1.0.0", "1.0.1", ["b"]),
        (["--to", "v1.1.0"], "1.1.0", None, []),
    ]:
        found = planned(clone.path, *arguments)
        assert (found["current"], found["next"], headers(found)) == (current, following, said)


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize(
    "name", ["v9.9.9", "--all", "-p", "--output=stolen", "HEAD..HEAD", "^HEAD"]
)
def test_what_is_no_commit_is_named(shop: Clone, option: str, name: str) -> None:
    result = plan(shop.path, f"{option}={name}")
    assert (result.exit_code, result.stdout) == (2, "")
    error, help_ = result.stderr.splitlines()
    assert error == f"error: {shop.path} has no commit that is called '{name}'"
    assert help_.startswith("help: give a tag, a branch or a commit's id")
    assert not list(shop.path.glob("**/stolen"))


def test_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for path in (tmp_path, tmp_path / "nowhere"):
        result = plan(path)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {path} is in no git repository")
        assert "help: name a clone with --repo PATH" in result.stderr


def test_a_folder_in_a_clone_and_a_bare_clone(shop: Clone, tmp_path: Path) -> None:
    below = shop.path / "a" / "b"
    below.mkdir(parents=True)
    git("clone", "-q", "--bare", str(shop.path), str(tmp_path / "bare"), cwd=tmp_path)
    git("remote", "set-url", "origin", REMOTE, cwd=tmp_path / "bare")
    assert planned(below) == planned(shop.path) == planned(tmp_path / "bare")


def test_an_empty_repository(tmp_path: Path) -> None:
    result = plan(Clone(tmp_path).path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "has no commit yet" in result.stderr


# --- messages ------------------------------------------------------------------------------------


def test_a_message_in_another_encoding(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0"})
    clone.commit("fix: größer".encode("latin-1"), encoding="ISO-8859-1")
    clone.commit("feat: größer".encode("latin-1"))
    clone.write()
    found = planned(clone.path)
    assert headers(found) == ["gr��er", "größer"]
    assert found["next"] == "1.1.0"


def test_an_override_in_the_message_of_a_squashed_commit(tmp_path: Path) -> None:
    message = "Update (#4)\n\nBEGIN_COMMIT_OVERRIDE\nfeat: a\n\nfix: b\nEND_COMMIT_OVERRIDE\n"
    clone = linear(tmp_path, {"feat: first": "v1.0.0", message: ""})
    found = planned(clone.path)
    assert [commit["type"] for commit in found["commits"]] == ["feat", "fix"]
    assert found["next"] == "1.1.0"


# --- shallow clones ------------------------------------------------------------------------------


def shallow(clone: Clone, depth: int, *options: str) -> Path:
    path = clone.path.parent / f"depth-{depth}"
    git(
        "clone", "-q", f"--depth={depth}", *options, f"file://{clone.path}", str(path),
        cwd=clone.path,
    )  # fmt: skip
    return path


def test_a_clone_too_shallow_to_tell(tmp_path: Path) -> None:
    clone = linear(tmp_path / "origin", {"feat: a": "v1.0.0", "feat: b": "", "fix: c": ""})
    result = plan(shallow(clone, 2))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"is a shallow clone: its history ends at {clone.id(2):.7}" in result.stderr
    assert "help: bring them with `git fetch --unshallow --tags`" in result.stderr


def test_a_shallow_clone_that_reaches_the_last_release(tmp_path: Path) -> None:
    clone = linear(tmp_path / "origin", {"feat: a": "v1.0.0", "feat: b": "v1.1.0", "fix: c": ""})
    assert planned(shallow(clone, 2))["next"] == "1.1.1"


def test_a_shallow_clone_with_a_higher_tag_elsewhere(tmp_path: Path) -> None:
    clone = linear(tmp_path / "origin", {"feat: a": "", "feat: b": "v1.1.0", "fix: c": ""})
    clone.commit("feat!: d", parents=[1], branch="next")
    clone.tag("v2.0.0")
    clone.write()
    found = planned(shallow(clone, 2, "--no-single-branch"))
    assert (found["current"], found["next"]) == ("1.1.0", "1.1.1")


# --- policy --------------------------------------------------------------------------------------


def test_the_policy_is_read_from_the_files_and_with_to_from_the_commit(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "r1.0.0", "feat: b": ""})
    assert planned(clone.path)["next"] == "0.1.0"
    clone.policy('release:\n  tag: "r{version}"\n')
    assert planned(clone.path)["next"] == "1.1.0"
    assert planned(clone.path, "--to", "HEAD")["next"] == "1.1.0"  # it is in no commit yet
    git("add", ".github", cwd=tmp_path)
    git("commit", "-q", "-m", "fix: c", cwd=tmp_path)
    clone.policy("version: 1\n")
    assert planned(clone.path)["next"] == "0.1.0"
    assert planned(clone.path, "--to", "HEAD")["next"] == "1.1.0"


@pytest.mark.parametrize("key", ["release", '"rele\\x61se"', "'release'"])
def test_the_section_is_found_however_it_is_spelled(tmp_path: Path, key: str) -> None:
    clone = linear(tmp_path, {"feat: a": "r1.0.0", "feat: b": ""})
    clone.policy(f'{{{key}: {{tag: "r{{version}}"}}}}\n')
    assert planned(clone.path)["next"] == "1.1.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("release:\n  tag: version\n", "line 2, column 8"),
        ("release: [\n", "line 2"),
        ("release: {}\nreleases: {}\n", "unknown key `releases`"),
        ("release:\n  tag: version\ncommits: {nonsense: 1}\n", "line 2, column 8"),
        ("\xff", "cannot be read"),
    ],
)
def test_a_policy_that_cannot_be_followed(tmp_path: Path, text: str, said: str) -> None:
    clone = linear(tmp_path, {"feat: a": ""})
    clone.policy("")
    (tmp_path / ".github" / "lockgate.yml").write_bytes(text.encode("latin-1"))
    result = plan(clone.path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_branch_of_prereleases(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "feat: b": ""})
    clone.policy("release:\n  prerelease: {branch: next, identifier: beta}\n")
    git("add", ".github", cwd=tmp_path)
    git("commit", "-q", "-m", "fix: c", cwd=tmp_path)
    git("branch", "next", cwd=tmp_path)
    assert planned(clone.path)["next"] == "1.1.0"
    assert planned(clone.path, "--to", "next")["next"] == "1.1.0-beta.1"
    git("symbolic-ref", "HEAD", "refs/heads/next", cwd=tmp_path)
    assert planned(clone.path)["next"] == "1.1.0-beta.1"


MONOREPO = """\
release:
  packages:
    - {path: api}
    - {path: web, depends_on: [api]}
    - {path: docs}
"""


@pytest.fixture
def monorepo(tmp_path: Path) -> Clone:
    """api 1.0.0 has a feature since, web 2.1.0 depends on it, and docs 0.3.0 has nothing new."""
    clone = Clone(tmp_path)
    clone.commit("feat: all", ["api/a", "web/a", "docs/a"])
    clone.tag("api-v1.0.0")
    clone.commit("feat: web alone", ["web/b"])
    clone.tag("web-v2.1.0")
    clone.commit("feat: api alone", ["api/b"])
    clone.commit("docs: more", ["docs/b"])
    clone.tag("docs-v0.3.0")
    clone.commit("chore: tidy", ["web/b", "docs/b"])
    clone.policy(MONOREPO)
    return clone.write()


def test_each_package_has_a_plan_of_its_own(monorepo: Clone) -> None:
    result = plan(monorepo.path, "--format", "json")
    assert result.exit_code == 0
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["package"], one["current"], one["next"]) for one in found] == [
        ("api", "1.0.0", "1.1.0"),
        ("web", "2.1.0", "2.1.1"),
        ("docs", "0.3.0", None),
    ]
    assert [headers(one) for one in found] == [["api alone"], ["tidy"], ["tidy"]]
    text = plan(monorepo.path).stdout
    assert text.startswith("api-v1.1.0, a minor release after api-v1.0.0\n")
    assert "\n\nweb-v2.1.1, a patch release after web-v2.1.0\n" in text
    assert "\n\nNothing to release of docs after 0.3.0\n" in text


def test_one_package_is_planned_with_what_it_depends_on(monorepo: Clone) -> None:
    assert planned(monorepo.path, "--package", "api")["next"] == "1.1.0"
    assert planned(monorepo.path, "--package", "web")["next"] == "2.1.1"
    assert plan(monorepo.path, "--package", "docs").exit_code == 3
    result = plan(monorepo.path, "--package", "nowhere")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: the policy has no package nowhere\nhelp: it has: api, web, docs\n"
    )


@pytest.mark.parametrize("order", [("api", "web", "docs"), ("docs", "web", "api")])
@pytest.mark.parametrize("first", [0, 1, 2])
def test_packages_were_released_at_different_times(
    tmp_path: Path, order: tuple[str, ...], first: int
) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: all", ["api/a", "web/a", "docs/a"])
    order = (*order[first:], *order[:first])
    for name in order:
        clone.tag(f"{name}-v1.0.0")
        clone.commit(f"fix: after {name}", ["api/b", "web/b", "docs/b"])
    clone.policy(MONOREPO.replace(", depends_on: [api]", ""))
    clone.write()
    for place, name in enumerate(order):
        said = [f"after {other}" for other in reversed(order[place:])]
        assert headers(planned(clone.path, "--package", name)) == said
    plans = map(json.loads, plan(clone.path, "--format", "json").stdout.splitlines())
    counts = {one["package"]: len(one["commits"]) for one in plans}
    assert counts == {name: len(order) - place for place, name in enumerate(order)}


def test_packages_that_were_never_released(monorepo: Clone) -> None:
    for tag in ("web-v2.1.0", "docs-v0.3.0"):
        git("tag", "-d", tag, cwd=monorepo.path)
    found = planned(monorepo.path, "--package", "web")
    assert (found["current"], found["next"]) == (None, "0.1.0")
    assert headers(found) == ["tidy", "web alone", "all"]


# --- how it runs ---------------------------------------------------------------------------------


def loaded_by_a_plan(clone: Clone) -> set[str]:
    code = (
        "import sys\nfrom bot.cli.main import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "release", "plan"],
        cwd=clone.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_nothing_heavy_is_loaded(shop: Clone) -> None:
    loaded = loaded_by_a_plan(shop)
    assert "bot.core.release.plan" in loaded
    assert not loaded & {"asyncio", "bot.core.policy", "bot.wiring", "pydantic", "re2", "tempfile"}


@pytest.mark.parametrize(
    ("section", "heavy"),
    [
        ("{kind: node}", {"pydantic", "bot.core.policy.release"}),
        ("{packages: [{path: .}, {path: b}]}", {"pydantic", "bot.core.policy.release"}),
        (
            "{packages: [{path: ., name: null}]}",
            {"bot.core.policy.environments", "bot.core.catalog"},
        ),
    ],
)
def test_a_policy_s_releases_load_no_other_models(
    tmp_path: Path, section: str, heavy: set[str]
) -> None:
    clone = linear(tmp_path, {"feat: a": ""})
    policy = clone.path / ".github/lockgate.yml"
    policy.parent.mkdir()
    policy.write_text(f"commits: {{}}\nrelease: {section}\n")
    loaded = loaded_by_a_plan(clone)
    assert "bot.core.policy.release_plain" in loaded
    assert not loaded & heavy


def test_progress_is_counted_where_it_takes_long(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers: Any = range(2_500)
    assert list(history._shown(numbers)) == list(numbers)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(history, "_REDRAW", -1.0)
    assert list(history._shown(numbers)) == list(numbers)
    # click takes the sequence away that clears the line: this is no terminal.
    assert capsys.readouterr().err == "\r1,000 commits read …\r2,000 commits read …\r"
