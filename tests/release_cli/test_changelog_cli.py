"""``lockgate changelog`` on real git repositories."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from clones import DAY, START, Clone, git, linear

from bot.cli.main import main
from bot.core.release.config import DEFAULT_HEADER

ROOT = Path(__file__).parents[2]


def changelog(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["changelog", "--repo", str(path), *arguments])


def written(path: Path, *arguments: str) -> str:
    result = changelog(path, *arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def headings(text: str) -> list[str]:
    return re.findall(r"^## \[?([^\] ]+)", text, re.MULTILINE)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """Three releases, one of them with prereleases, and two commits since."""
    clone = Clone(tmp_path / "clone", "git@github.com:acme/shop.git")
    clone.commit("feat: a")
    clone.tag("v1.0.0")
    clone.commit("fix: b")
    clone.tag("v1.0.1", annotated_at=START + 30 * DAY)
    clone.commit("feat: c")
    clone.tag("v1.1.0-rc.1")
    clone.commit("fix: d")
    clone.tag("v1.1.0")
    clone.tag("latest")
    clone.commit("fix: e")
    clone.commit("docs: f")
    return clone.write()


WHOLE = f"""\
{DEFAULT_HEADER}
## [Unreleased](https://github.com/acme/shop/compare/v1.1.0...HEAD)

### Fixed

- e ([{{5:.7}}](https://github.com/acme/shop/commit/{{5}}))

## [1.1.0](https://github.com/acme/shop/compare/v1.0.1...v1.1.0) - 2026-01-04

### Added

- c ([{{3:.7}}](https://github.com/acme/shop/commit/{{3}}))

### Fixed

- d ([{{4:.7}}](https://github.com/acme/shop/commit/{{4}}))

## [1.0.1](https://github.com/acme/shop/compare/v1.0.0...v1.0.1) - 2026-01-31

### Fixed

- b ([{{2:.7}}](https://github.com/acme/shop/commit/{{2}}))

## [1.0.0](https://github.com/acme/shop/releases/tag/v1.0.0) - 2026-01-01

### Added

- a ([{{1:.7}}](https://github.com/acme/shop/commit/{{1}}))
"""


def whole(clone: Clone) -> str:
    return WHOLE.format("", *(clone.id(mark) for mark in range(1, clone.count + 1)))


def test_the_whole_history_by_tags(clone: Clone) -> None:
    assert written(clone.path, "--all") == whole(clone)


def test_the_same_history_gives_the_same_bytes(clone: Clone, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    git("clone", "-q", str(clone.path), str(copy), cwd=tmp_path)
    git("remote", "set-url", "origin", "https://github.com/acme/shop", cwd=copy)
    code = "from bot.cli.main import main; main()"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, "changelog", "--all"],
            cwd=path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TZ": zone, "LC_ALL": locale},
            capture_output=True,
            check=True,
        ).stdout
        for path, zone, locale in [(clone.path, "Asia/Tokyo", "C"), (copy, "UTC-11", "C.UTF-8")]
    }
    assert texts == {whole(clone).encode()}


def test_the_next_release(clone: Clone) -> None:
    text = written(clone.path)
    assert text == (
        "## [1.1.1](https://github.com/acme/shop/compare/v1.1.0...v1.1.1) - 2026-01-06\n\n"
        "### Fixed\n\n"
        f"- e ([{clone.id(5):.7}](https://github.com/acme/shop/commit/{clone.id(5)}))\n"
    )
    assert written(clone.path, "--from", "v1.1.0") == text


def test_the_release_that_the_head_is(clone: Clone) -> None:
    def section(version: str, text: str) -> str:
        return text[text.index(f"## [{version}]") :].partition("\n## ")[0].rstrip("\n") + "\n"

    for version in ("1.0.0", "1.0.1", "1.1.0"):
        text = written(clone.path, "--to", f"v{version}")
        assert text == section(version, whole(clone))
    prerelease = written(clone.path, "--to", "v1.1.0-rc.1")
    assert headings(prerelease) == ["1.1.0-rc.1"]
    assert "compare/v1.0.1...v1.1.0-rc.1" in prerelease
    git("update-ref", "refs/heads/main", clone.id(4), cwd=clone.path)
    assert headings(written(clone.path)) == ["1.1.0"]


def test_what_a_release_follows(tmp_path: Path) -> None:
    tags = ["v1.0.0", "v2.0.0", "v2.1.0-rc.1", "v2.1.0-rc.2", "v1.0.1", "v2.1.0"]
    clone = linear(tmp_path, {f"fix: {tag}": tag for tag in tags}, "https://github.com/acme/shop")
    for base, head in [
        ("v2.0.0", "v2.1.0-rc.1"),
        ("v2.1.0-rc.1", "v2.1.0-rc.2"),
        ("v1.0.0", "v1.0.1"),
        ("v2.0.0", "v2.1.0"),
    ]:
        assert f"/compare/{base}...{head})" in written(clone.path, "--to", head)


def test_two_versions_on_one_commit_are_one_release(clone: Clone) -> None:
    git("tag", "v1.2.0", clone.id(4), cwd=clone.path)
    text = written(clone.path, "--to", clone.id(4))
    assert headings(text) == ["1.2.0"]
    assert "compare/v1.0.1...v1.2.0" in text
    assert "- c (" in text


def test_releases_since_another(clone: Clone) -> None:
    text = written(clone.path, "--from", "v1.0.0", "--to", "v1.1.0")
    assert headings(text) == ["1.1.0", "1.0.1"]
    assert f"\n{text}" in whole(clone)
    longer = written(clone.path, "--from", "v1.0.0")
    assert headings(longer) == ["Unreleased", "1.1.0", "1.0.1"]
    assert longer.endswith(text)
    by_id = written(clone.path, "--from", clone.id(1)[:10], "--to", "v1.0.1")
    assert f"compare/{clone.id(1)}...v1.0.1" in by_id


def test_nothing_to_write(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "docs: b": ""})
    result = changelog(clone.path, "--output", str(tmp_path / "notes.md"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "since v1.0.0" in result.stderr
    assert not (tmp_path / "notes.md").exists()


def test_a_file(clone: Clone, tmp_path: Path) -> None:
    file = tmp_path / "CHANGELOG.md"
    for arguments in (["--all"], []):
        file.write_text("old")
        assert written(clone.path, *arguments, "--output", str(file)) == ""
        assert file.read_bytes() == written(clone.path, *arguments).encode()
    assert written(clone.path, "--all", "--output", "-") == whole(clone)


def test_a_file_that_cannot_be_written(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, said, remedy in [
        ("nowhere/file", "nowhere/file cannot be written: No such file or directory", "name a"),
        (".", ". cannot be written: Is a directory", "name a"),
        ("a\x1b[2J/b", "a\\u001b[2J/b cannot be written: No such file or directory", "name a"),
        ("", "--output names no file", "name one"),
    ]:
        for arguments in ([], ["--all"]):
            result = changelog(clone.path, *arguments, "--output", name)
            assert (result.exit_code, result.stdout) == (2, "")
            assert result.stderr.startswith(f"error: {said}\nhelp: {remedy}")


def test_without_a_remote_nothing_is_linked(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a (#1)": "v1.0.0", "fix: b": ""})
    text = written(clone.path, "--all")
    assert "](http" not in text.removeprefix(DEFAULT_HEADER)
    assert f"## [Unreleased]\n\n### Fixed\n\n- b ({clone.id(2):.7})\n" in text
    assert "## 1.0.0 - 2026-01-01\n\n### Added\n\n- a (#1)\n" in text


def test_a_shallow_clone_is_refused(clone: Clone, tmp_path: Path) -> None:
    path = tmp_path / "shallow"
    git("clone", "-q", "--depth=3", f"file://{clone.path}", str(path), cwd=tmp_path)
    git("config", "remote.origin.url", "git@github.com:acme/shop.git", cwd=path)
    for arguments in (["--all"], ["--to", "v1.1.0"], ["--from", clone.id(4) + "~1"]):
        result = changelog(path, *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        if arguments[0] != "--from":
            assert "git fetch --unshallow" in result.stderr
    assert headings(written(path)) == ["1.1.1"]


def test_all_of_a_history_of_merges(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    base = clone.commit("feat: a")
    clone.tag("v1.0.0")
    side = clone.commit("fix: before", branch="side")
    trunk = clone.commit("feat: b", parents=[base])
    clone.tag("v1.1.0")
    clone.commit("Merge branch 'side'", parents=[trunk, side])
    clone.tag("v1.1.1")
    clone.write()
    text = written(clone.path, "--all")
    assert headings(text) == ["1.1.1", "1.1.0", "1.0.0"]
    assert "before" in text.partition("## 1.1.0")[0]  # it was merged after that release


def test_a_tag_that_the_head_does_not_reach_has_no_section(tmp_path: Path) -> None:
    clone = linear(tmp_path, {"feat: a": "v1.0.0", "fix: b": ""})
    clone.commit("feat!: c", parents=[1], branch="next")
    clone.tag("v2.0.0")
    clone.write()
    assert headings(written(clone.path, "--all")) == ["Unreleased", "1.0.0"]
    assert headings(written(clone.path, "--all", "--to", "next")) == ["2.0.0", "1.0.0"]


def test_a_package_of_several(tmp_path: Path) -> None:
    clone = Clone(tmp_path)
    clone.commit("feat: both", ["api/a", "web/a"])
    clone.tag("api-v1.0.0")
    clone.tag("web-v0.1.0")
    clone.commit("fix: web alone", ["web/b"])
    clone.commit("fix: api alone", ["api/b"])
    clone.policy("release:\n  packages:\n    - {path: api}\n    - {path: web}\n")
    clone.write()
    result = changelog(clone.path)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: there are several packages: api, web\nhelp: name one with --package\n"
    )
    text = written(clone.path, "--all", "--package", "api")
    assert headings(text) == ["Unreleased", "1.0.0"]
    assert "api alone" in text
    assert "web alone" not in text
    assert headings(written(clone.path, "--package", "web")) == ["0.1.1"]
    assert headings(written(clone.path, "--package", "web", "--to", "web-v0.1.0")) == ["0.1.0"]


def test_what_does_not_go_together(clone: Clone) -> None:
    result = changelog(clone.path, "--all", "--from", "v1.0.0")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --all begins at the first commit\nhelp: ")
