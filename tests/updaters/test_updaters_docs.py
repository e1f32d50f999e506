"""docs/reference/releases.md has every kind and every updater, and the catalogue has each."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from bot.core.catalog import UPDATERS
from bot.core.release.files import KINDS
from bot.core.release.kinds import Kind
from bot.core.release.updaters.updater import Updater

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bot" / "core" / "release" / "updaters"
PAGE = ROOT / "docs" / "reference" / "releases.md"


def sections() -> dict[str, str]:
    page = PAGE.read_text(encoding="utf-8").partition("\n## Updaters\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### `([^`]+)`\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_catalogue_has_every_updater_once() -> None:
    defined = [
        value
        for path in FOLDER.glob("[!_]*.py")
        for value in vars(import_module(f"bot.core.release.updaters.{path.stem}")).values()
        if isinstance(value, Updater)
    ]
    names = [updater.name for updater in UPDATERS]
    assert sorted(names) == sorted(updater.name for updater in defined)
    assert len(set(names)) == len(names)


def test_every_updater_is_a_file_of_its_name() -> None:
    files = {path.stem.replace("_", "-") for path in FOLDER.glob("[!_]*.py")} - {"updater"}
    assert files == {updater.name for updater in UPDATERS}


def test_every_updater_has_its_section_in_the_catalogue_s_order() -> None:
    assert list(sections()) == [updater.name for updater in UPDATERS]


@pytest.mark.parametrize("updater", UPDATERS, ids=lambda updater: updater.name)
def test_a_section_says_what_the_updater_says(updater: Updater) -> None:
    first, *paragraphs = (
        " ".join(part.split()) for part in sections()[updater.name].strip().split("\n\n")
    )
    if updater.files:
        assert first == ", ".join(f"`{name}`" for name in updater.files)
        first = paragraphs[0]
    assert first == updater.summary


def test_the_table_has_every_kind_with_its_files() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|$", page, re.MULTILINE)
    assert [row[0] for row in rows] == list(Kind)
    for name, needed, beside in rows:
        files = KINDS[Kind(name)]
        assert re.findall(r"`([\w.-]+)`", needed) == list(files.manifests)
        assert re.findall(r"`([\w-]*\.[\w.-]+|VERSION)`", beside) == list(files.beside)
