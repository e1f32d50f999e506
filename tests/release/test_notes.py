"""GitHub releases: never too long, and cut where nothing is torn."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from release_kit import CONFIG, history, tag

from bot.adapters.github.payloads import release_body
from bot.core.release.model import ReleasePlan
from bot.core.release.notes import NOTES_LIMIT, cut_section, length, render_notes
from bot.core.release.plan import plan_release

WHOLE = "https://github.com/acme/shop/blob/v1.5.0/CHANGELOG.md"
SECTION = """\
## [1.5.0](https://x.test) - 2026-03-01

Read the guide.

### Breaking changes

- **api:** gone (#1)

  Do this:

  - one
  - two

### Added

- a (#2)
- b (#3)
"""


def test_the_title_has_the_heading_already() -> None:
    notes = render_notes(SECTION, compare_url="https://x.test/a...b", whole_url=WHOLE)
    assert notes.startswith("Read the guide.\n\n### Breaking changes\n")
    assert notes.endswith("- b (#3)\n\n[All changes](https://x.test/a...b)\n")
    assert render_notes("No heading.\n") == "No heading.\n"


def test_a_checkpoint_is_kept_whole_however_long_the_rest() -> None:
    checkpoint = "lockgate\n12\nroot\n\n— lockgate signature\n"
    section = SECTION + "- more\n" * 30_000
    notes = render_notes(section, whole_url=WHOLE, checkpoint=checkpoint)
    assert length(notes) <= NOTES_LIMIT
    assert f"```\n{checkpoint}```" in notes


@pytest.mark.parametrize(
    ("size", "kept", "missing"),
    [
        (0, "", "3 more entries"),
        (len("## [1.5.0](https://x.test) - 2026-03-01\n"), "", "3 more entries"),
        (SECTION.index("### Breaking") + 4, "Read the guide.\n", "3 more entries"),
        (SECTION.index("  - two"), "Read the guide.\n", "3 more entries"),
        (SECTION.index("- a") + 4, "  - two\n", "2 more entries"),
        (SECTION.index("- b"), "- a (#2)\n", "1 more entry"),
        (SECTION.index("- b") + 4, "- a (#2)\n", "1 more entry"),
    ],
)
def test_it_is_cut_between_entries(size: int, kept: str, missing: str) -> None:
    # What does not fit is what comes after so many characters, and room for the last line.
    limit = size + 500 + len(WHOLE)
    padded = SECTION + "\n- " + "x" * 1_000 + "\n"
    missing = {"3 more entries": "4", "2 more entries": "3", "1 more entry": "2"}[missing]
    cut = cut_section(padded, limit, WHOLE)
    assert cut.endswith(f"{kept}\n… and {missing} more entries: [the whole changelog]({WHOLE}).\n")
    assert len(cut) <= limit


def test_what_fits_is_left_alone() -> None:
    assert cut_section(SECTION, len(SECTION)) == SECTION
    assert cut_section(SECTION, len(SECTION) - 1) != SECTION


def test_code_is_not_torn() -> None:
    code = "```\n" + "- x\n\n" * 400 + "```\n"
    cut = cut_section(f"- a\n\n{code}\n- b\n" + "- c\n" * 300, 1_500)
    assert "```" not in cut
    assert cut.startswith("- a\n")


def test_ten_thousand_commits_make_notes_that_github_takes() -> None:
    story = history(
        *(f"feat(s{n % 40}): add the feature of number {n} (#{n})" for n in range(10_000))
    )
    plan = plan_release(CONFIG, "", [tag("v1.4.0", 0)], story)
    assert isinstance(plan, ReleasePlan)
    assert length(plan.changelog) > NOTES_LIMIT
    notes = render_notes(plan.changelog, compare_url="https://x.test/a...b", whole_url=WHOLE)
    assert NOTES_LIMIT - 2_000 < length(notes) <= NOTES_LIMIT
    shown = notes.count("\n- ")
    assert f"\n\n… and {10_000 - shown} more entries: [the whole changelog]({WHOLE}).\n" in notes
    assert notes.endswith("[All changes](https://x.test/a...b)\n")


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["- entry 🎉", "  more", "", "### Title", "words", "```", "x" * 80, "- é"]),
        max_size=60,
    ).map("\n".join),
    st.integers(700, 2_000),
)
def test_it_is_never_longer(section: str, limit: int) -> None:
    cut = cut_section(section, limit, WHOLE)
    assert length(cut) <= limit
    body = cut.partition("\n… and ")[0]
    assert section.startswith(body.rstrip("\n")) or not body.strip()


def test_characters_are_counted_in_the_widest_way() -> None:
    assert length("aé🎉") == 4
    assert length("\ud800") == 1


def test_what_landed_late_leaves_room_for_the_rest() -> None:
    late = "### Landed while it was merged\n\n" + "- Fixed: more\n" * 30_000
    notes = render_notes(SECTION + "- more\n" * 30_000, late=late, checkpoint="signed")
    assert NOTES_LIMIT - 2_000 < length(notes) <= NOTES_LIMIT
    assert notes.count("### Landed while it was merged") == notes.count("signed") == 1
    assert notes.count("\n- more") > 10_000, "it is the lesser part"
    assert notes.count("more entries.") == 2


@pytest.mark.parametrize("size", [123_000, 123_999, 124_500, 126_000])
def test_what_fits_is_sent_as_it_is(size: int) -> None:
    """Nothing is cut off a second time, and without looking, when it is sent."""
    notes = render_notes("- entry\n" * (size // 8), checkpoint="signed", whole_url="https://x.test")
    assert notes.endswith("</details>\n")
    assert release_body(body=notes)["body"] == notes
