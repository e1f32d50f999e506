"""docs/decisions/0002-dependencies.md gives a reason and the licence for each direct dependency."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SECTIONS = {
    "The product": PROJECT["project"]["dependencies"],
    "The tests": PROJECT["dependency-groups"]["test"],
    "The checks": PROJECT["dependency-groups"]["check"],
}


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found[0]


def documented(section: str) -> dict[str, tuple[str, str]]:
    """Name to (reason, licence)."""
    text = (ROOT / "docs/decisions/0002-dependencies.md").read_text()
    body = text.split(f"### {section}\n")[1].split("\n#")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in body.splitlines()
        if line.startswith("|")
    ][2:]
    return {name: (reason, licence) for name, reason, licence in rows}


def licence_of(package: str) -> str | None:
    """The SPDX expression, or the name in the classifier; None where it is not installed."""
    try:
        found = metadata(package)
    except PackageNotFoundError:
        return None
    if expression := found.get("License-Expression"):
        return str(expression)
    classifiers = [c for c in found.get_all("Classifier") or [] if c.startswith("License ::")]
    return classifiers[0].rsplit(" :: ", 1)[1] if classifiers else str(found.get("License", ""))


@pytest.mark.parametrize("section", SECTIONS)
def test_each_dependency_has_its_line_and_each_line_its_dependency(section: str) -> None:
    lines = documented(section)
    assert sorted(lines) == sorted(name_of(requirement) for requirement in SECTIONS[section])
    assert all(reason and licence for reason, licence in lines.values())


@pytest.mark.parametrize("section", SECTIONS)
def test_the_licences_are_those_of_what_is_installed(section: str) -> None:
    for package, (_, licence) in documented(section).items():
        found = licence_of(package)
        if found is None:  # the linters are no part of the tests' environment
            assert section == "The checks"
            continue
        words = set(re.findall(r"[A-Z][A-Za-z]*", licence)) - {"AND", "OR"}
        assert any(word.lower() in found.lower() for word in words), (package, found)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_dependency_is_bounded_from_below(section: str) -> None:
    assert [r for r in SECTIONS[section] if not re.search(r">=\d", r)] == []
