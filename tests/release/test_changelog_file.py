"""A section put into a changelog that people keep too: every byte of theirs stays."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.core.release.changelog_file import find_section, insert_section
from bot.core.release.config import DEFAULT_HEADER
from bot.core.release.version import Version, parse_version

NEW = "## [1.5.0](https://x.test) - 2026-03-01\n\n### Added\n\n- new\n"
KEEP = """\
# Changelog

Ours, by hand.

## [Unreleased]

- something that a person wrote

## [1.4.0] - 2026-01-01

### Added

- old

## [1.3.0] - 2025-01-01

- older

[Unreleased]: https://x.test/compare/v1.4.0...HEAD
[1.4.0]: https://x.test/compare/v1.3.0...v1.4.0
"""


def inserted(text: str, section: str = NEW, version: str = "1.5.0") -> str:
    return insert_section(text, section, parse_version(version), "# New\n\nWords.\n\n\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"# New\n\nWords.\n\n{NEW}"),
        ("\n\n", f"# New\n\nWords.\n\n{NEW}"),
        ("# Mine", f"# Mine\n\n{NEW}"),
        ("# Mine\n\nwords\n", f"# Mine\n\nwords\n\n{NEW}"),
        (KEEP, KEEP.replace("## [1.4.0]", f"{NEW}\n## [1.4.0]")),
        # before the first older version, wherever newer ones stand
        ("# A\n\n## 2.0.0\n\n- x\n\n## 1.4.0\n", f"# A\n\n## 2.0.0\n\n- x\n\n{NEW}\n## 1.4.0\n"),
        ("# A\n\n## 2.0.0\n\n- x\n", f"# A\n\n## 2.0.0\n\n- x\n\n{NEW}"),
        ("## 1.5.0-rc.2\n\n- x\n", f"{NEW}\n## 1.5.0-rc.2\n\n- x\n"),
        # nothing released yet
        ("# A\n\n## Unreleased\n\n- x\n", f"# A\n\n## Unreleased\n\n- x\n\n{NEW}"),
        (
            "# A\n\n## [Unreleased]\n\n- x\n\n## About\n\nus\n",
            f"# A\n\n## [Unreleased]\n\n- x\n\n{NEW}\n## About\n\nus\n",
        ),
        ("# A\n\n[a]: https://x.test\n", f"# A\n\n{NEW}\n[a]: https://x.test\n"),
        # code is no heading
        (
            "# A\n\n```md\n## 1.0.0\n```\n\n~~~~\n```\n## 1.0.0\n~~~\n~~~~\n\n## 0.9.0\n",
            f"# A\n\n```md\n## 1.0.0\n```\n\n~~~~\n```\n## 1.0.0\n~~~\n~~~~\n\n{NEW}\n## 0.9.0\n",
        ),
        # other people's ways to write one
        *(
            (f"# A\n\n{heading}\n\n- x\n", f"# A\n\n{NEW}\n{heading}\n\n- x\n")
            for heading in [
                "## 1.4.0",
                "## v1.4.0",
                "## [v1.4.0]",
                "## 1.4.0 (2026-01-01)",
                "## 1.4.0 - 2026-01-01",
                "## 1.4.0 / 2026-01-01",
                "## [1.4.0](https://x.test/compare/a...b) (2026-01-01)",
                "### [1.4.0](https://x.test/compare/a...b) (2026-01-01)",
                "# [1.4.0](https://x.test/compare/a...b) (2026-01-01)",
                "## shop@1.4.0",
                "## @acme/shop@1.4.0",
                "## shop-v1.4.0",
                "## 1.4.0: the one with orders",
                "## 1.4.0-rc.1+5",
                '<a name="1.4.0"></a>\n## 1.4.0',
                '<a name="1.4.0"></a>\n\n## 1.4.0',
            ]
        ),
        # what only looks like one
        *(
            (f"# A\n\n{line}\n", f"# A\n\n{line}\n\n{NEW}")
            for line in [
                "## From 1.4.0 on",
                "#### 1.4.0",
                "## 1.4",
                "## 1.4.0.1",
                "##1.4.0",
                "## 01.4.0",
                "- ## 1.4.0",
                "    ## 1.4.0",
                "## 1.4.0 is out",
            ]
        ),
    ],
)
def test_where_a_section_goes(before: str, after: str) -> None:
    assert inserted(before) == after
    assert inserted(after) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "# A\n\n## 1.5.0\n\n### Added\n\n- old\n\n## 1.4.0\n\n- x\n",
            f"# A\n\n{NEW}\n## 1.4.0\n\n- x\n",
        ),
        ("# A\n\n## 1.5.0\n\n- old\n\n# Other\n", f"# A\n\n{NEW}\n# Other\n"),
        (
            "# A\n\n## v1.5.0\n\n- old\n\n[a]: https://x.test\n",
            f"# A\n\n{NEW}\n[a]: https://x.test\n",
        ),
        ("# A\n\n## 2.0.0\n\n## 1.5.0\n\n- old", f"# A\n\n## 2.0.0\n\n{NEW}"),
        # other versions are not taken for it
        ("# A\n\n## 1.5.0-rc.1\n\n- rc\n", f"# A\n\n{NEW}\n## 1.5.0-rc.1\n\n- rc\n"),
        ("# A\n\n## 1.5.0+b\n\n- b\n", f"# A\n\n## 1.5.0+b\n\n- b\n\n{NEW}"),
    ],
)
def test_a_section_is_written_anew(before: str, after: str) -> None:
    assert inserted(before) == after
    assert inserted(after) == after


def test_the_files_line_ends_and_mark_are_kept() -> None:
    crlf = KEEP.replace("\n", "\r\n")
    assert inserted(f"\ufeff{crlf}") == f"\ufeff{inserted(KEEP)}".replace("\n", "\r\n")
    assert inserted("\ufeff## 1.4.0\n") == f"\ufeff{NEW}\n## 1.4.0\n"
    assert find_section(f"\ufeff{inserted(crlf)}", Version(1, 5, 0)) == NEW


def test_a_section_is_found_as_people_left_it() -> None:
    edited = inserted(KEEP).replace("- new\n", "- new, and *well* said\n\nBy hand.\n")
    found = find_section(edited, Version(1, 5, 0))
    assert found == NEW.replace("- new\n", "- new, and *well* said\n\nBy hand.\n")
    assert (
        find_section(edited, Version(1, 4, 0)) == "## [1.4.0] - 2026-01-01\n\n### Added\n\n- old\n"
    )
    assert find_section(edited, Version(1, 3, 0)) == "## [1.3.0] - 2025-01-01\n\n- older\n"
    assert find_section(edited, Version(9, 0, 0)) is None
    assert find_section("", Version(9, 0, 0)) is None


LINES = [
    "# Changelog",
    "## [Unreleased]",
    "## 1.4.0",
    "## [1.5.0] - 2026-01-01",
    "## 1.5.0-rc.1",
    "### Added",
    "- a person's words",
    "words",
    "",
    "",
    "```",
    "[1.4.0]: https://x.test",
    "<a name='x'></a>",
    "  ",
]
files = st.builds(
    lambda lines, end, bom: bom + end.join(lines),
    st.lists(st.sampled_from(LINES), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)


@settings(max_examples=150, deadline=None)
@given(files, st.sampled_from(["1.5.0", "1.4.1", "9.0.0", "0.0.1"]))
def test_inserting_again_changes_nothing(text: str, version: str) -> None:
    section = NEW.replace("1.5.0", version)
    once = insert_section(text, section, parse_version(version), DEFAULT_HEADER)
    assert insert_section(once, section, parse_version(version), DEFAULT_HEADER) == once


@settings(max_examples=150, deadline=None)
@given(files)
def test_nothing_that_people_wrote_is_lost(text: str) -> None:
    assume(find_section(text, Version(9, 0, 0)) is None)
    once = insert_section(text, NEW.replace("1.5.0", "9.0.0"), Version(9, 0, 0), "")
    kept = once.replace("\r\n", "\n").replace(NEW.replace("1.5.0", "9.0.0").strip(), "")
    assert kept.replace("\ufeff", "").split() == text.replace("\ufeff", "").split()
    assert once.startswith("\ufeff") is text.startswith("\ufeff")


def test_long_headings_take_no_time() -> None:
    text = "# A\n\n## " + "a-" * 50_000 + "\n\n## " + "1.1.1-" * 50_000 + "\n"
    assert inserted(text) == f"{text}\n{NEW}"
