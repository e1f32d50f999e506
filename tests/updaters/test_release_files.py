"""Which files a release reads and writes, by the kind of the package and the policy's list."""

from collections.abc import Mapping

import pytest

from bot.core.release.files import (
    KINDS,
    PackageRelease,
    UpdatedFiles,
    paths_to_read,
    update_files,
    updater_of,
)
from bot.core.release.kinds import ExtraFile, Kind, PackageFiles
from bot.core.release.model import FileChange
from bot.core.release.version import Version

FORMER, NEXT = Version(1, 4, 0), Version(1, 5, 0)
PYPROJECT = '[project]\nname = "Shop.Api"\nversion = "1.4.0"\n'
CARGO_LOCK = (
    '[[package]]\nname = "core"\nversion = "0.3.0"\n'
    '[[package]]\nname = "shop"\nversion = "1.4.0"\ndependencies = ["core 0.3.0"]\n'
)


def read(files: PackageFiles, tree: Mapping[str, str]) -> dict[str, str | None]:
    """What an engine does: read what is asked for until nothing is left."""
    known: dict[str, str | None] = {}
    while paths := paths_to_read(files, known):
        assert len(known) < 50
        known |= {path: tree.get(path) for path in paths}
    return known


def released(files: PackageFiles, tree: Mapping[str, str]) -> UpdatedFiles:
    return update_files([PackageRelease(files, NEXT, FORMER)], read(files, tree))


def changes(updated: UpdatedFiles) -> dict[str, str]:
    return {change.path: change.after for change in updated.changes}


def problems(updated: UpdatedFiles) -> list[str]:
    return [str(problem) for problem in updated.problems]


def notes(updated: UpdatedFiles) -> list[str]:
    return [f"{note.path}: {note.text}" for note in updated.notes]


@pytest.mark.parametrize("kind", Kind)
def test_every_file_of_a_kind_has_its_updater(kind: Kind) -> None:
    files = KINDS[kind]
    for name in (*files.manifests, *files.beside, *files.shared):
        assert name in updater_of(f"x/{name}").files


@pytest.mark.parametrize(
    ("kind", "tree"),
    [
        (Kind.SIMPLE, {"version.txt": "1.4.0\n"}),
        (Kind.SIMPLE, {"VERSION": "v1.4.0"}),
        (Kind.SIMPLE, {}),
        (Kind.GENERIC, {}),
        (Kind.GO, {"go.mod": "module a\n"}),
        (Kind.NODE, {"package.json": '{"version": "1.4.0"}'}),
        (
            Kind.NODE,
            {"package.json": '{"version": "1.4.0"}', "package-lock.json": '{"version": "1.4.0"}'},
        ),
        (
            Kind.PYTHON,
            {
                "pyproject.toml": PYPROJECT,
                "src/shop_api/__init__.py": '__version__ = "1.4.0"\n',
                "uv.lock": (
                    '[[package]]\nname = "shop-api"\nversion = "1.4.0"\n'
                    'source = { editable = "." }\n'
                ),
            },
        ),
        (
            Kind.PYTHON,
            {
                "pyproject.toml": "[build-system]\nrequires = []\n",
                "setup.cfg": "[metadata]\nversion = 1.4.0\n",
            },
        ),
        (
            Kind.PYTHON,
            {
                "pyproject.toml": '[project]\nname = "a"\ndynamic = ["version"]\n'
                '[tool.hatch.version]\npath = "lib/about.py"\n',
                "lib/about.py": '__version__ = "1.4.0"\n',
            },
        ),
        (
            Kind.RUST,
            {
                "Cargo.toml": '[package]\nname = "shop"\nversion = "1.4.0"\n',
                "Cargo.lock": CARGO_LOCK,
            },
        ),
        (
            Kind.RUST,
            {
                "Cargo.toml": '[workspace.package]\nversion = "1.4.0"\n',
                "Cargo.lock": CARGO_LOCK,
            },
        ),
    ],
)
@pytest.mark.parametrize("folder", ["", "packages/api"])
def test_a_kind_sets_its_files_wherever_the_package_is(
    kind: Kind, tree: dict[str, str], folder: str
) -> None:
    placed = {f"{folder}/{name}" if folder else name: text for name, text in tree.items()}
    updated = released(PackageFiles(kind, folder), placed)
    assert problems(updated) == []
    assert changes(updated) == {
        path: text.replace("1.4.0", "1.5.0") for path, text in placed.items() if "1.4.0" in text
    }
    assert all(change.before == placed[change.path] for change in updated.changes)


@pytest.mark.parametrize(
    ("kind", "tree", "problem"),
    [
        (
            Kind.NODE,
            {},
            (
                "package.json: there is no such file, and the kind is `node`; "
                "add it, or set another `kind` in `release`"
            ),
        ),
        (Kind.NODE, {"package.json": "{}"}, "package.json: it has no `version`"),
        (Kind.PYTHON, {}, "pyproject.toml: there is no such file, and the kind is `python`"),
        (Kind.PYTHON, {"pyproject.toml": "x = 1"}, "pyproject.toml: it has neither"),
        (Kind.PYTHON, {"pyproject.toml": "x"}, "pyproject.toml: it is not TOML"),
        (Kind.PYTHON, {"setup.cfg": "[metadata]\n"}, "setup.cfg: it has no `version`"),
        (
            Kind.PYTHON,
            {"pyproject.toml": f'{PYPROJECT}[tool.hatch.version]\npath = "a.py"\n'},
            "a.py: there is no such file, and `[tool.hatch.version]` names it",
        ),
        (
            Kind.PYTHON,
            {"pyproject.toml": f'{PYPROJECT}[tool.hatch.version]\npath = "a.py"\n', "a.py": ""},
            "a.py: it has no `__version__`",
        ),
        (Kind.RUST, {"Cargo.toml": "[workspace]\n"}, "Cargo.toml: it has neither"),
        (Kind.SIMPLE, {"version.txt": ""}, "version.txt: it is empty; write `1.4.0` there"),
    ],
)
def test_a_manifest_that_does_not_say_the_version_is_a_problem(
    kind: Kind, tree: dict[str, str], problem: str
) -> None:
    updated = released(PackageFiles(kind), tree)
    assert [one.startswith(problem) for one in problems(updated)] == [True]


def test_a_source_without_a_version_is_left_alone() -> None:
    tree = {"pyproject.toml": PYPROJECT, "shop_api/__init__.py": "x = 1\n"}
    updated = released(PackageFiles(Kind.PYTHON), tree)
    assert list(changes(updated)) == ["pyproject.toml"]
    assert problems(updated) == []


def test_a_hostile_name_asks_for_no_file() -> None:
    for name in ("../../etc/passwd", "a/b", "a b", "é", ".."):
        tree = {
            "pyproject.toml": f'[project]\nname = "{name}"\nversion = "1.4.0"\n'
            f'[tool.hatch.version]\npath = "../{name}.py"\n'
        }
        known = read(PackageFiles(Kind.PYTHON, "api"), {f"api/{k}": v for k, v in tree.items()})
        assert set(known) == {"api/pyproject.toml", "api/setup.cfg", "api/uv.lock", "uv.lock"}


def test_a_version_that_disagrees_with_the_tag_is_told_and_set() -> None:
    tree = {"package.json": '{"version": "1.3.9"}', "package-lock.json": '{"version": "1.4.0"}'}
    updated = released(PackageFiles(Kind.NODE), tree)
    assert notes(updated) == ["package.json: it said `1.3.9`, and what is released is 1.4.0"]
    assert changes(updated)["package.json"] == '{"version": "1.5.0"}'


@pytest.mark.parametrize(
    ("stood", "former"),
    [("1.4.0", FORMER), ("1.5.0", FORMER), ("0.0.0", None)],
)
def test_the_released_and_the_next_version_agree_and_a_first_release_has_none_to_agree_with(
    stood: str, former: Version | None
) -> None:
    files = PackageFiles(Kind.NODE)
    texts = read(files, {"package.json": f'{{"version": "{stood}"}}'})
    assert update_files([PackageRelease(files, NEXT, former)], texts).notes == ()


def test_python_s_own_way_of_writing_agrees() -> None:
    files = PackageFiles(Kind.PYTHON)
    texts = read(files, {"pyproject.toml": PYPROJECT.replace("1.4.0", "1.4.0rc1")})
    former = Version(1, 4, 0, ("rc", "1"))
    assert update_files([PackageRelease(files, FORMER, former)], texts).notes == ()


def test_what_says_the_next_version_already_is_no_change() -> None:
    updated = released(PackageFiles(Kind.NODE), {"package.json": '{"version": "1.5.0"}'})
    assert updated == UpdatedFiles()


def test_packages_that_share_a_lock_file_are_set_one_after_the_other() -> None:
    def crate(name: str, version: str) -> str:
        return f'[package]\nname = "{name}"\nversion = "{version}"\n'

    shop, core = PackageFiles(Kind.RUST, "crates/shop"), PackageFiles(Kind.RUST, "crates/core")
    tree = {
        "crates/shop/Cargo.toml": crate("shop", "1.4.0"),
        "crates/core/Cargo.toml": crate("core", "0.3.0"),
        "Cargo.lock": CARGO_LOCK,
    }
    texts = read(shop, tree) | read(core, tree)
    updated = update_files(
        [
            PackageRelease(shop, NEXT, FORMER),
            PackageRelease(core, Version(0, 3, 1), Version(0, 3, 0)),
        ],
        texts,
    )
    assert updated.problems == updated.notes == ()
    locked = CARGO_LOCK.replace("1.4.0", "1.5.0").replace("0.3.0", "0.3.1")
    assert FileChange("Cargo.lock", CARGO_LOCK, locked) in updated.changes
    assert len(updated.changes) == 3


def test_of_an_npm_workspace_s_lock_file_the_member_s_own_entry_is_set() -> None:
    lock = (
        '{"version": "1.4.0", "packages": {"": {"version": "1.4.0"}, '
        '"packages/api": {"version": "1.4.0"}}}'
    )
    tree = {"packages/api/package.json": '{"version": "1.4.0"}', "package-lock.json": lock}
    updated = released(PackageFiles(Kind.NODE, "packages/api"), tree)
    assert changes(updated)["package-lock.json"] == (
        '{"version": "1.4.0", "packages": {"": {"version": "1.4.0"}, '
        '"packages/api": {"version": "1.5.0"}}}'
    )
    whole = released(PackageFiles(Kind.NODE), {"package.json": '{"version": "1.4.0"}'} | tree)
    assert changes(whole)["package-lock.json"] == lock.replace("1.4.0", "1.5.0", 2)


def test_the_root_s_lock_file_is_left_alone_where_the_package_has_no_name() -> None:
    files = PackageFiles(Kind.PYTHON, "api")
    root = '[[package]]\nname = "root"\nversion = "1.4.0"\nsource = { editable = "." }\n'
    tree = {"api/pyproject.toml": '[project]\nversion = "1.4.0"\n', "uv.lock": root}
    assert list(changes(released(files, tree))) == ["api/pyproject.toml"]


EXTRA_TREE = {
    "README.md": "1.4.0\nshop 1.4.0 <!-- x-lockgate-version -->\n",
    "web/package.json": '{"version": "1.4.0", "a": "1.4.0"}',
    "chart.yaml": "a: 1.4.0\nb: 1.4.0\n",
    "install.md": "shop==1.4.0 a==1.4.0\n",
    "plain.md": "1.4.0\n",
}


@pytest.mark.parametrize(
    ("extra", "after"),
    [
        (ExtraFile("README.md"), "1.4.0\nshop 1.5.0 <!-- x-lockgate-version -->\n"),
        (ExtraFile("web/package.json"), '{"version": "1.5.0", "a": "1.4.0"}'),
        (ExtraFile("web/package.json", at="a"), '{"version": "1.4.0", "a": "1.5.0"}'),
        (ExtraFile("chart.yaml", at="b"), "a: 1.4.0\nb: 1.5.0\n"),
        (ExtraFile("install.md", pattern=r"shop==(\S+)"), "shop==1.5.0 a==1.4.0\n"),
    ],
)
def test_a_file_of_the_policy_s_list_is_set_in_the_way_it_asks_for(
    extra: ExtraFile, after: str
) -> None:
    updated = released(PackageFiles(Kind.GENERIC, extra=(extra,)), EXTRA_TREE)
    assert problems(updated) == []
    assert changes(updated) == {extra.path: after}


@pytest.mark.parametrize(
    ("extra", "problem"),
    [
        (
            ExtraFile("gone.md"),
            "gone.md: there is no such file, and `release.extra_files` lists it",
        ),
        (ExtraFile("plain.md"), "plain.md: no line of it is marked"),
        (ExtraFile("plain.md", pattern="x(y)"), "plain.md: the pattern `x(y)` finds no version"),
        (ExtraFile("chart.yaml", at="c"), "chart.yaml: nothing stands at `c`"),
    ],
)
def test_a_file_of_the_policy_s_list_that_cannot_be_set_is_a_problem(
    extra: ExtraFile, problem: str
) -> None:
    updated = released(PackageFiles(Kind.GENERIC, extra=(extra,)), EXTRA_TREE)
    assert [one.startswith(problem) for one in problems(updated)] == [True]
    assert updated.changes == ()


def test_problems_of_all_files_are_told_together() -> None:
    extra = (ExtraFile("gone.md"), ExtraFile("plain.md"))
    updated = released(PackageFiles(Kind.NODE, extra=extra), EXTRA_TREE)
    assert len(updated.problems) == 3
