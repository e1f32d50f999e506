"""Semantic Versioning 2.0.0, example by example."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.release.version import MAX_LENGTH, Bump, Version, parse_version

# The examples of items 2 to 11, and of the suggested regular expressions of the specification's
# questions and answers (https://regex101.com/r/vkijKf/1/).
VALID = """
0.0.4 1.2.3 10.20.30 1.1.2-prerelease+meta 1.1.2+meta 1.1.2+meta-valid 1.0.0-alpha 1.0.0-beta
1.0.0-alpha.beta 1.0.0-alpha.beta.1 1.0.0-alpha.1 1.0.0-alpha0.valid 1.0.0-alpha.0valid
1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay 1.0.0-rc.1+build.1 2.0.0-rc.1+build.123
1.2.3-beta 10.2.3-DEV-SNAPSHOT 1.2.3-SNAPSHOT-123 1.0.0 2.0.0 1.1.7 2.0.0+build.1848
2.0.1-alpha.1227 1.0.0-alpha+beta 1.2.3----RC-SNAPSHOT.12.9.1--.12+788 1.2.3----R-S.12.9.1--.12+meta
1.2.3----RC-SNAPSHOT.12.9.1--.12 1.0.0+0.build.1-rc.10000aaa-kk-0.1
99999999999999999999999.999999999999999999.99999999999999999 1.0.0-0A.is.legal
1.9.0 1.10.0 1.11.0 1.0.0-0.3.7 1.0.0-x.7.z.92 1.0.0-x-y-z.-- 1.0.0-alpha+001
1.0.0+20130313144700 1.0.0-beta+exp.sha.5114f85 1.0.0+21AF26D3----117B344092BD
"""
INVALID = """
1 1.2 1.2.3-0123 1.2.3-0123.0123 1.1.2+.123 +invalid -invalid -invalid+invalid -invalid.01 alpha
alpha.beta alpha.beta.1 alpha.1 alpha+beta alpha_beta alpha. alpha.. beta 1.0.0-alpha_beta
-alpha. 1.0.0-alpha.. 1.0.0-alpha..1 1.0.0-alpha...1 1.0.0-alpha....1 1.0.0-alpha.....1
1.0.0-alpha......1 1.0.0-alpha.......1 01.1.1 1.01.1 1.1.01 1.2.3.DEV 1.2-SNAPSHOT
1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788 1.2-RC-SNAPSHOT -1.0.3-gamma+b7718 +justmeta
9.8.7+meta+meta 9.8.7-whatever+meta+meta v1.2.3
99999999999999999999999.999999999999999999.99999999999999999----RC-SNAPSHOT.12.09.1--------------------------------..12
"""
# Item 11, and what it says of build metadata and of numbers beside words.
ASCENDING = """
0.0.0-0 0.0.0 0.9.9 1.0.0-0 1.0.0-2 1.0.0-10 1.0.0-99999999999999999999999999 1.0.0-A 1.0.0-alpha
1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-beta.11.0 1.0.0-rc.1
1.0.0 2.0.0 2.1.0 2.1.1 10.0.0
"""

identifiers = st.one_of(
    st.integers(0, 10**12).map(str),
    st.from_regex(r"[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,4}", fullmatch=True),
)
versions = st.builds(
    Version,
    st.integers(0, 3),
    st.integers(0, 10**6),
    st.integers(0, 3),
    st.lists(identifiers, max_size=3).map(tuple),
    st.lists(st.from_regex(r"[0-9A-Za-z-]{1,4}", fullmatch=True), max_size=2).map(tuple),
)


@pytest.mark.parametrize("text", VALID.split())
def test_a_version_is_read_and_printed(text: str) -> None:
    assert str(parse_version(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *INVALID.split(),
        "",
        " 1.0.0",
        "1.0.0 ",
        "1.0.0\n",
        "1.0.0-",
        "1.0.0+",
        "１.0.0",
        "1.0.0-é",
        "1.0.0-٣",
    ],
)
def test_nothing_else_is_a_version(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a version such as `1\.4\.0`"):
        parse_version(text)


def test_an_endless_version_is_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {MAX_LENGTH} characters"):
        parse_version(f"{'9' * 5_000}.0.0")


def test_precedence() -> None:
    read = [parse_version(text) for text in ASCENDING.split()]
    for lower, higher in pairwise(read):
        assert lower < higher
        assert higher > lower
        assert not higher <= lower


def test_build_metadata_has_no_part_in_precedence() -> None:
    one, other = parse_version("1.0.0+a"), parse_version("1.0.0+b")
    assert one != other
    assert one <= other <= one
    assert not one < other


@settings(max_examples=50, deadline=None)
@given(st.lists(versions, max_size=5))
def test_precedence_is_a_total_order(some: list[Version]) -> None:
    ordered = sorted(some)
    for place, version in enumerate(ordered):
        for other in ordered[place:]:
            assert version <= other
            assert (version < other) is (version.precedence != other.precedence)
            assert (version >= other) is (version.precedence == other.precedence)


@given(versions)
def test_what_is_printed_is_read_again(version: Version) -> None:
    assert parse_version(str(version)) == version


@pytest.mark.parametrize(
    ("version", "patch", "minor", "major"),
    [
        ("0.0.0", "0.0.1", "0.1.0", "1.0.0"),
        ("1.2.3", "1.2.4", "1.3.0", "2.0.0"),
        ("1.2.3+build", "1.2.4", "1.3.0", "2.0.0"),
        # A prerelease stands before what it is a prerelease of.
        ("1.2.3-rc.1", "1.2.3", "1.3.0", "2.0.0"),
        ("1.2.0-rc.1", "1.2.0", "1.2.0", "2.0.0"),
        ("2.0.0-rc.1", "2.0.0", "2.0.0", "2.0.0"),
    ],
)
def test_bumps(version: str, patch: str, minor: str, major: str) -> None:
    read = parse_version(version)
    assert str(read.bumped(Bump.PATCH)) == patch
    assert str(read.bumped(Bump.MINOR)) == minor
    assert str(read.bumped(Bump.MAJOR)) == major
    assert read.bumped(Bump.NONE) == read


@given(versions, st.sampled_from([Bump.PATCH, Bump.MINOR, Bump.MAJOR]))
def test_a_bump_goes_up_and_ends_final(version: Version, bump: Bump) -> None:
    bumped = version.bumped(bump)
    assert bumped > version
    assert bumped == bumped.final


@pytest.mark.parametrize(
    ("version", "identifier", "following"),
    [
        ("1.2.0", "rc", "1.2.0-rc.1"),
        ("1.2.0-rc.1", "rc", "1.2.0-rc.2"),
        ("1.2.0-rc.9", "rc", "1.2.0-rc.10"),
        ("1.2.0-beta.3", "rc", "1.2.0-rc.1"),
        ("1.2.0-rc", "rc", "1.2.0-rc.1"),
        ("1.2.0-rc.1.hotfix+5", "rc", "1.2.0-rc.2"),
        ("1.2.0-rc.x", "rc", "1.2.0-rc.1"),
        ("1.2.0", "", "1.2.0-1"),
        ("1.2.0-1", "", "1.2.0-2"),
        ("1.2.0-pre.rc.4", "pre.rc", "1.2.0-pre.rc.5"),
    ],
)
def test_the_next_prerelease(version: str, identifier: str, following: str) -> None:
    assert str(parse_version(version).next_prerelease(identifier)) == following


@pytest.mark.parametrize("identifier", ["r c", "rc.", ".rc", "01", "rc_1", "é", "rc+1"])
def test_what_is_no_identifier(identifier: str) -> None:
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        Version(1, 0, 0).next_prerelease(identifier)


@given(versions, st.sampled_from(["rc", "beta", ""]))
def test_prereleases_go_up_to_the_final_release(version: Version, identifier: str) -> None:
    first = version.final.next_prerelease(identifier)
    assert first < first.next_prerelease(identifier) < version.final == first.final
