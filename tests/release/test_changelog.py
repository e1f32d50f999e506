"""Changelogs as they are written. ``UPDATE_EXPECTED=1 pytest tests/release`` writes the expected
texts anew; read the difference before you commit it."""

import os
import re
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from release_kit import CONFIG, commit, history, pull, settled, sha, tag

from bot.core.release.changelog import (
    Section,
    _escaped,
    render_changelog,
    render_late,
    render_section,
)
from bot.core.release.config import Package, ReleaseConfig
from bot.core.release.model import Change, HistoryCommit, Tag
from bot.core.release.version import Version
from bot.core.render import escape

sys.path.append(str(Path(__file__).parents[1] / "render"))
from hostile import texts
from rendered import render

EXPECTED = Path(__file__).parent / "expected"

BREAKING_WORDS = """\
feat(api)!: drop the old orders (#12)

Nobody used them.

BREAKING CHANGE: `GET /orders` answers 410.

Do one of these:

- ask for `/v2/orders`
- stay with 1.x,
  which is kept until March

Then *restart*.
BREAKING-CHANGE: dates are in UTC
"""
STORY = history(
    "Initial commit",
    "feat: take orders (#1)",
    commit(3, "fix(api): say no kindly", pull=pull(2)),
    "chore: tidy up",
    "perf(db): ask once",
    "fix(Web): mend the button",
    "feat(web): show a button",
    'Revert "feat(web): show a button" (#5)',
    BREAKING_WORDS,
    "fix: leave @everyone and #3 alone, see https://evil.test and 0123456789abcdef",
    "fix: 1. <img src=x onerror=y> | ![a](b) **bold** `code` \u202e",
    "Merge branch 'x' into main",
    "docs!: move the pages",
    "security(deps): update `tls` to 1.2.3",
    "wat(api): a type that nobody knows",
    "Add a page (#7)",
)
TAGS = [
    tag("v0.9.0", 2),
    tag("v1.0.0-rc.1", 3),
    tag("v1.0.0", 5),
    tag("v1.0.1", 5),
    tag("nightly", 6),
    tag("v7.7.7", 77),
    tag("v1.1.0", 8),
    tag("v2.0.0-rc.1", 9),
]


def whole(
    commits: list[HistoryCommit] = STORY,
    tags: list[Tag] = TAGS,
    config: ReleaseConfig = CONFIG,
    package: str = "",
) -> str:
    return render_changelog(config, config.package(package), tags, commits)


def section(commits: list[HistoryCommit]) -> str:
    """What stands under the heading of what is not released yet; empty without one."""
    return whole(commits, []).partition("## [Unreleased]\n")[2].strip()


CASES = {
    "changelog": whole(),
    "changelog_without_links": whole(config=replace(CONFIG, repo_url="")),
    "changelog_of_policy": whole(
        config=ReleaseConfig(
            sections=(("feat", "🚀 Features"), ("fix", "Fixes"), ("perf", "Fixes")),
            hidden=frozenset({"docs", "revert"}),
            breaking_title="⚠ BREAKING",
            other_title="",
            header="# What is new",
            repo_url="https://github.acme.test/shop",
        )
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_whole_changelog(name: str) -> None:
    path = EXPECTED / f"{name}.md"
    if os.environ.get("UPDATE_EXPECTED") == "1":
        path.write_text(CASES[name], encoding="utf-8")
    assert CASES[name] == path.read_text(encoding="utf-8")


def test_the_same_history_gives_the_same_bytes() -> None:
    assert whole(list(STORY), list(reversed(TAGS))) == CASES["changelog"]


@pytest.mark.parametrize(
    ("message", "entry"),
    [
        ("feat: a", f"### Added\n\n- a ([{sha(1)[:7]}]({CONFIG.repo_url}/commit/{sha(1)}))"),
        ("feat(x): a (#4)", f"### Added\n\n- **x:** a ([#4]({CONFIG.repo_url}/pull/4))"),
        ("feat!: a (#4)", f"### Breaking changes\n\n- a ([#4]({CONFIG.repo_url}/pull/4))"),
        ("ci!: a (#4)", f"### Breaking changes\n\n- a ([#4]({CONFIG.repo_url}/pull/4))"),
        ("wat: a (#4)", f"### Other\n\n- wat: a ([#4]({CONFIG.repo_url}/pull/4))"),
        ("(#4)", f"### Other\n\n- a commit without a message ([#4]({CONFIG.repo_url}/pull/4))"),
        (
            "feat: a (#4)\n\nBREAKING CHANGE: b",
            (
                f"### Breaking changes\n\n- b ([#4]({CONFIG.repo_url}/pull/4))\n\n"
                f"### Added\n\n- a ([#4]({CONFIG.repo_url}/pull/4))"
            ),
        ),
        ("chore: a", ""),
        ("test: a", ""),
    ],
)
def test_an_entry(message: str, entry: str) -> None:
    assert section(history(message)) == entry


def test_scopes_stand_together() -> None:
    story = history("feat(b): 1", "feat: 2", "feat(a): 3", "feat(B): 4", "feat(b): 5", "feat: 6")
    lines = [line for line in section(story).splitlines() if line.startswith("- ")]
    assert [line.split(" ([")[0] for line in lines] == [
        "- 6", "- 2", "- **a:** 3", "- **B:** 4", "- **b:** 5", "- **b:** 1",
    ]  # fmt: skip


def test_a_release_in_which_nothing_shows() -> None:
    text = whole(history("chore: a"), [tag("v1.0.0", 1)])
    assert text.endswith(
        f"## [1.0.0]({CONFIG.repo_url}/releases/tag/v1.0.0) - 2026-03-01\n\nNo notable changes.\n"
    )


def test_the_date_is_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    late = replace(tag("v1.0.0", 11), at=datetime(2026, 3, 2, 1, tzinfo=east))
    assert " - 2026-03-01\n" in whole(history("fix: a", start=11), [late])


def test_a_commit_merged_late_is_of_the_release_that_first_has_it() -> None:
    story = history(
        commit(1, "fix: one"),
        commit(10, "fix: branched early", [1]),
        commit(2, "fix: two", [1]),
        commit(20, "Merge branch 'x'", [2, 10]),
        commit(21, "fix: three", [20]),
    )
    text = whole(story, [tag("v1.0.0", 2), tag("v1.1.0", 21)])
    new, old = text.split("## [1.0.0]")
    assert ("branched early" in new, "three" in new, "two" in new) == (True, True, False)
    assert ("one" in old, "two" in old) == (True, True)


def test_a_revert_does_not_reach_into_an_earlier_release() -> None:
    text = whole(history("feat: a", 'Revert "feat: a"'), [tag("v1.0.0", 1), tag("v1.1.0", 2)])
    new, old = text.split("## [1.0.0]")
    assert "### Reverted\n\n- a (" in new
    assert "### Added\n\n- a (" in old


def test_of_a_package_its_own() -> None:
    packages = (
        Package("api", "api", tag="api-v{version}"),
        Package("web", "web", tag="w{version}"),
    )
    config = replace(CONFIG, packages=packages)
    story = history(
        commit(1, "feat: of api", paths=("api/a",)), commit(2, "feat: of web", paths=("web/a",))
    )
    tags = [tag("api-v1.0.0", 1), tag("w2.0.0", 2)]
    api, web = whole(story, tags, config, "api"), whole(story, tags, config, "web")
    assert ("of api" in api, "of web" in api, "[1.0.0]" in api, "[2.0.0]" in api) == (
        True, False, True, False,
    )  # fmt: skip
    assert ("of api" in web, "of web" in web, "[2.0.0]" in web) == (False, True, True)


def test_tags_with_odd_names_make_no_odd_links() -> None:
    config = replace(CONFIG, packages=(Package(tag="a)b#{version}"),))
    text = whole(history("fix: a", "fix: b"), [tag("a)b#1.0.0", 1), tag("a)b#1.1.0", 2)], config)
    assert "[1.1.0](https://github.com/acme/shop/compare/a%29b%231.0.0...a%29b%231.1.0)" in text


@settings(max_examples=80, deadline=None)
@given(texts, texts, texts)
@example("a\n\n# b", "@acme", "x\n\n- y\n\n<b>")
@example("- a", "1. a", "```\n@acme\n```")
def test_hostile_commits_show_and_do_nothing(description: str, scope: str, breaking: str) -> None:
    change = Change(sha(1), "feat", scope, breaking, description, 4)
    notes = (breaking,)
    text = render_section(
        CONFIG, Section(Version(1, 0, 0), "v0.9.0", "v1.0.0", None, [change], notes)
    )
    seen = render(text)
    assert not seen.html
    assert set(seen.links) <= {
        f"{CONFIG.repo_url}/pull/4",
        f"{CONFIG.repo_url}/compare/v0.9.0...v1.0.0",
    }
    assert set(seen.tags) <= {"h2", "h3", "p", "ul", "li", "a", "strong", "code", "br"}
    titles = [line for line in text.splitlines() if line.startswith("#")][1:]
    said = breaking and breaking != description
    expected = {"### Breaking changes": bool(breaking), "### Added": bool(said or not breaking)}
    assert titles == [title for title, there in expected.items() if there]
    assert not any(re.search(r"@\w", render(line).text) for line in text.splitlines())


@settings(max_examples=300, deadline=None)
@given(st.one_of(texts, st.text("abcdefABCDEF0123456789 .,:;()-+='/wWgGhH#@", max_size=40)))
@example("www.evil.test")
@example("GH-12")
@example("deadbeef")
@example("1) a")
@example("a  b")
@example(" a")
def test_what_needs_no_escaping_is_told_apart_rightly(text: str) -> None:
    assert _escaped(text) == escape.sentence(text)


def test_what_landed_late_says_of_each_what_it_is() -> None:
    commits = history(
        "feat(api): a (#2)", "fix!: b\n\nBREAKING CHANGE: mind *this*", "chore: c", "Wat"
    )
    late = render_late(CONFIG, settled(commits).changes)
    assert [line.partition(" ([")[0] for line in late.splitlines()] == [
        "### Landed while it was merged",
        "",
        "- Breaking changes: mind \\*this\\*",
        "- Added: **api:** a",
        "- Fixed: b",
        "- Other: Wat",
    ]
    assert render_late(CONFIG, settled(history("chore: c")).changes) == ""
