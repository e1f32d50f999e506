"""Where a version stands in a text, and how Python writes one."""

import pytest

from bot.core.release.spelling import find_version, python_version, says
from bot.core.release.version import parse_version


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("shop-1.2.3.tar.gz", "1.2.3"),
        ("shop-1.2.3-linux-amd64.tar.gz", "1.2.3"),
        ("shop_1.2.3_amd64.deb", "1.2.3"),
        ("shop-1.2.3-rc.1.tar.gz", "1.2.3-rc.1"),
        ("shop-1.2.3rc1.tar.gz", "1.2.3rc1"),
        ("1.2.3-SNAPSHOT", "1.2.3-SNAPSHOT"),
        ("1.2.3-beta2", "1.2.3-beta2"),
        ("1.2.3-rc-1", "1.2.3-rc-1"),
        ("1.2.3-0.3.7", "1.2.3-0.3.7"),
        ("1.2.3-alpha.beta.1", "1.2.3-alpha.beta.1"),
        ("1.2.3.dev4+g1d1e719", "1.2.3.dev4+g1d1e719"),
        ("1.2.3.post1", "1.2.3.post1"),
        ("1.2.3+build.5, then", "1.2.3+build.5"),
        ("It is 1.2.3.", "1.2.3"),
        ("1.2, 1.2.3.4, 11.22.33", "11.22.33"),
        ("1.2.34.5 x", ""),
        ("1.2.3a", ""),
        ("1.2", ""),
        ("", ""),
        ("1.2.3-canaryx", "1.2.3"),
    ],
)
def test_a_version_is_found_as_it_is_written(text: str, found: str) -> None:
    span = find_version(text, ())
    assert (text[slice(*span)] if span else "") == found


@pytest.mark.parametrize(
    ("text", "likely", "found"),
    [
        ("python 3.11.4, shop 1.4.0", "1.4.0", "1.4.0"),
        ("python 3.11.4, shop v1.4.0-linux", "1.4.0", "1.4.0"),
        ("python 3.11.4, shop 1.4.0rc1", "1.4.0-rc.1", "1.4.0rc1"),
        ("1.4.0-gold.2-linux", "1.4.0-gold.2", "1.4.0-gold.2"),
        ("1.4.0-gold.2-linux", "1.4.0", "1.4.0"),
        ("python 3.11.4, shop 1.3.9", "1.4.0", "3.11.4"),
    ],
)
def test_the_likely_version_is_found_before_the_first(text: str, likely: str, found: str) -> None:
    span = find_version(text, [parse_version(likely)])
    assert span is not None
    assert text[slice(*span)] == found


@pytest.mark.parametrize(
    ("version", "python"),
    [
        ("1.5.0", "1.5.0"),
        ("1.5.0-alpha", "1.5.0a0"),
        ("1.5.0-beta.2", "1.5.0b2"),
        ("1.5.0-RC1", "1.5.0rc1"),
        ("1.5.0-pre.3", "1.5.0rc3"),
        ("1.5.0-dev.4", "1.5.0.dev4"),
        ("1.5.0-rc.1+g1d1e-719", "1.5.0rc1+g1d1e.719"),
    ],
)
def test_python_writes_it_in_its_own_way(version: str, python: str) -> None:
    assert python_version(parse_version(version)) == python
    assert says(python, parse_version(version))
    assert says(f"v{version}", parse_version(version))
    assert not says(python, parse_version("1.4.0"))
