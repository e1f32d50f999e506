"""Plans and changelogs of real histories, where they are: nothing is lost, doubled or let through.

``LOCKGATE_TEST_HISTORIES`` names a folder of ``*.jsonl`` files with ``{"sha", "message"}`` a line,
the newest first; without it the folder ``../shared/data/commits`` beside the repository is looked
for.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from clones import Clone, git
from markdown_it import MarkdownIt

from bot.cli.main import main
from bot.core.release.config import DEFAULT_HEADER, DEFAULT_HIDDEN

ROOT = Path(__file__).parents[2]
FOLDER = Path(
    os.environ.get("LOCKGATE_TEST_HISTORIES") or ROOT.parent / "shared" / "data" / "commits"
)
HISTORIES = sorted(FOLDER.glob("*.jsonl"))
EVERY = 97
"""Commits between two tags."""
URL = "https://github.com/acme/shop"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not HISTORIES, reason="no histories: name their folder in LOCKGATE_TEST_HISTORIES"
    ),
]


@pytest.fixture(scope="module", params=HISTORIES, ids=lambda path: path.stem)
def clone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = Clone(tmp_path_factory.mktemp(request.param.stem), f"{URL}.git")
    lines = request.param.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(reversed(lines), start=1):
        clone.commit(json.loads(line)["message"])
        if number % EVERY == 0 and number < len(lines):
            clone.tag(f"v0.{number // EVERY}.0")
    return clone.write()


def run(clone: Clone, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--repo", str(clone.path)])
    assert (result.exit_code in (0, 3), result.stderr) == (True, "")
    return result.stdout


def plan(clone: Clone, *arguments: str) -> dict[str, Any]:
    return json.loads(run(clone, "release", "plan", "--format", "json", *arguments))


def sections(changelog: str) -> dict[str, str]:
    parts = re.split(r"^(?=## )", changelog, flags=re.MULTILINE)
    return {re.match(r"## \[([^\]]+)\]", part)[1]: part.strip() for part in parts[1:]}  # type: ignore[index]


def references(changelog: str) -> set[str]:
    """The commits and pull requests that are linked."""
    return set(re.findall(rf"\({URL}/(?:pull/|commit/)(\w+)\)", changelog))


def test_every_release_has_its_section_and_the_bytes_are_the_same_again(clone: Clone) -> None:
    text = run(clone, "changelog", "--all")
    assert text == run(clone, "changelog", "--all")
    tags = git("tag", "--sort=-v:refname", cwd=clone.path).split()
    assert list(sections(text)) == ["Unreleased", *(tag.removeprefix("v") for tag in tags)]


def test_no_change_is_lost_and_none_is_shown_that_does_not_count(clone: Clone) -> None:
    """A plan since each tag up to the next says the same as that release's section."""
    whole = sections(run(clone, "changelog", "--all"))
    tags = git("tag", "--sort=v:refname", cwd=clone.path).split()
    for base, head in zip(tags, [*tags[1:], "main"], strict=True):
        found = plan(clone, "--from", base, "--to", head)
        span = git("rev-list", f"{base}..{head}", cwd=clone.path).split()
        assert {commit["sha"] for commit in found["commits"]} == set(span)
        assert found["counts"]["commits"] == len(span)
        shown = references(whole[head.removeprefix("v") if head != "main" else "Unreleased"])
        if found["next"]:
            assert references(found["changelog"]) == shown
        reverting = {commit["reverted_by"] for commit in found["commits"]}
        for commit in found["commits"]:
            hidden = commit["type"] in DEFAULT_HIDDEN and not commit["breaking"]
            if not hidden and not commit["reverted_by"] and commit["sha"] not in reverting:
                assert str(commit["pr"] or commit["sha"]) in shown


def test_a_longer_span_holds_a_shorter_one(clone: Clone) -> None:
    tags = git("tag", "--sort=v:refname", cwd=clone.path).split()
    shorter = run(clone, "changelog", "--from", tags[0], "--to", tags[-2])
    longer = run(clone, "changelog", "--from", tags[0], "--to", tags[-1])
    assert longer.endswith(shorter)
    whole = sections(run(clone, "changelog", "--all"))
    assert sections(longer) == {key: whole[key] for key in sections(longer)}


def test_what_people_wrote_is_shown_and_does_nothing(clone: Clone) -> None:
    text = run(clone, "changelog", "--all").removeprefix(DEFAULT_HEADER)
    for token in MarkdownIt("commonmark").parse(text):
        assert token.type not in ("html_block", "code_block", "fence", "hr", "heading_open") or (
            token.tag in ("h2", "h3")
        )
        for inner in token.children or ():
            assert inner.type not in ("html_inline", "image")
            if inner.type == "link_open":
                assert str(inner.attrs["href"]).startswith(f"{URL}/")
