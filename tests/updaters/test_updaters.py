"""Every updater: the version and nothing else, in whatever way a file is written."""

from dataclasses import replace

import pytest
from samples import SAMPLES, Sample

from bot.core.catalog import UPDATERS
from bot.core.release.updaters.updater import Hints, NoVersion, UpdateError, Updater
from bot.core.release.version import Version, parse_version

UPDATER = {updater.name: updater for updater in UPDATERS}
NEXT = Version(1, 5, 0)
NOTHING_TO_SET = {"go-mod", "other-locks"}
PYTHON = {"pyproject", "setup-cfg", "python-source", "uv-lock"}


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


def no_end(text: str) -> str:
    return text.rstrip("\n")


def test_every_updater_has_a_sample() -> None:
    assert {sample.updater for sample in SAMPLES} | NOTHING_TO_SET == UPDATER.keys()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.updater} {sample.path}")
def test_the_version_is_set_and_nothing_else(sample: Sample) -> None:
    updater = UPDATER[sample.updater]
    assert updater.matches(sample.path)
    for written in (str, crlf, no_end, lambda text: f"\ufeff{text}"):
        before, after = written(sample.before), written(sample.after())
        assert before != after
        updated = updater.updated(before, NEXT, sample.path, sample.hints)
        assert updated.text == after
        assert updated.stood == sample.stood
        assert updater.update(after, NEXT, sample.path, sample.hints) == after


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.updater} {sample.path}")
def test_a_prerelease_is_set_and_followed_by_the_release(sample: Sample) -> None:
    updater = UPDATER[sample.updater]
    candidate = parse_version("2.0.0-rc.1")
    said = "2.0.0rc1" if sample.updater in PYTHON else "2.0.0-rc.1"
    one = updater.update(sample.before, candidate, sample.path, sample.hints)
    assert one == sample.after(said)
    then = sample.hints
    if then.manifest:
        then = replace(then, manifest="2.0.0-rc.1")
    if then.former:
        then = replace(then, former=candidate)
    two = updater.update(one, parse_version("2.0.0"), sample.path, then)
    assert two == sample.after("2.0.0")


@pytest.mark.parametrize(
    ("path", "text", "note"),
    [
        ("go.sum", "x", "does not hold the package's own version"),
        ("web/pnpm-lock.yaml", "x", "does not hold the package's own version"),
        ("yarn.lock", "x", "does not hold the package's own version"),
        ("poetry.lock", "x", "does not hold the package's own version"),
        ("go.mod", "module shop.test/x // v\n\ngo 1.22\n", "the tag says the version"),
        ("package-lock.json", '{"packages": {"": {"name": "a"}}}', "no version of the package"),
        (
            "pyproject.toml",
            '[project]\nname = "a"\ndynamic = ["version"]\n',
            "`dynamic`, and stands elsewhere",
        ),
        (
            "pyproject.toml",
            '[tool.poetry]\nversion = "0.0.0"\n[tool.poetry-dynamic-versioning]\nenable = true\n',
            "takes the version from git's tags",
        ),
        ("setup.cfg", "[metadata]\nversion = attr: shop.__version__\n", "read from elsewhere"),
        ("a.py", "from x import y\n__version__ = y('1.4.0')\n", "is computed there"),
        ("a.py", "__version__ = '1.4.%s' % x\n", "is computed there"),
        ("a.py", "__version__ = f'1.4.{x}'\n", "is computed there"),
        ("uv.lock", "version = 1\n", "no version of the project itself"),
        (
            "uv.lock",
            '[[package]]\nname = "a"\nsource = { editable = "." }\n',
            "no version of the project itself",
        ),
        (
            "a/Cargo.toml",
            '[package]\nname = "a"\nversion.workspace = true\n',
            "the version is the workspace's",
        ),
        ("Cargo.lock", "version = 4\n", "no version of the package itself"),
    ],
)
def test_where_there_is_nothing_to_set_it_is_said(path: str, text: str, note: str) -> None:
    updated = by_name(path).updated(text, NEXT, path)
    assert updated.text == text
    assert updated.stood == ()
    assert note in updated.note


@pytest.mark.parametrize(
    ("module", "version", "right"),
    [
        ("shop.test/x", "1.9.0", True),
        ("shop.test/x", "0.9.0", True),
        ("shop.test/x", "2.0.0", False),
        ('"shop.test/x/v2"', "2.0.0", True),
        ("shop.test/x/v2", "3.0.0-rc.1", False),
        ("shop.test/x/v2", "1.0.0", False),
        ("gopkg.in/x.v3", "3.1.0", True),
    ],
)
def test_a_go_module_that_cannot_have_the_version_is_told(
    module: str, version: str, right: bool
) -> None:
    text = f"// x\nmodule {module}\n"
    note = UPDATER["go-mod"].updated(text, parse_version(version), "go.mod").note
    assert ("the tag says the version" in note) is right
    assert ("does not get this release" in note) is not right


def by_name(path: str) -> Updater:
    return next(updater for updater in UPDATERS if updater.matches(path))


BROKEN_JSON = '{\n  "name": "a",\n  "version": "1.4.0",\n}\n'


@pytest.mark.parametrize(
    ("path", "text", "problem", "remedy"),
    [
        ("package.json", BROKEN_JSON, "it is not JSON: ", "mend the file"),
        ("package.json", "{} x", "something follows the end of the document (line 1)", "mend"),
        ("package.json", "[" * 100_000, "nested too deeply", "mend the file"),
        ("package.json", "", "it is not JSON: expecting value (line 1, column 1)", "mend"),
        ("package.json", '{"version": 1.4}', "its `version` is no text", "in quotes"),
        (
            "package.json",
            '{"version": "1.4.0", "version": "1.4.0"}',
            "the key `version` stands twice",
            "mend the file",
        ),
        ("package.json", '{"version": "\udcff"}', "it is not UTF-8 text", "save it as UTF-8"),
        ("package.json", " " * (17 << 20), "longer than 16,384 KB", "a smaller file"),
        ("package-lock.json", "{", "it is not JSON", "npm install"),
        ("pyproject.toml", "[project]\nversion = 1.4.0\n", "it is not TOML", "mend the file"),
        ("pyproject.toml", "[project]\nversion = 1.4\n", "`project.version` is no text", "quotes"),
        ("pyproject.toml", "[project]\rversion = '1'", "it is not TOML", "mend the file"),
        ("pyproject.toml", "a = " + "[" * 100_000, "nested too deeply", "mend the file"),
        ("pyproject.toml", "a = " + "1" * 5_000, "a number or a date", "mend the file"),
        ("pyproject.toml", ".".join("a" * 60_000) + "=1", "more than 100 parts", "mend the file"),
        ("uv.lock", "[[package", "it is not TOML", "uv lock"),
        ("Cargo.toml", "[package]\nversion = 1\n", "`package.version` is no text", "quotes"),
        ("Cargo.toml", "[package", "it is not TOML", "mend the file"),
        ("Cargo.lock", "[[package", "it is not TOML", "cargo generate-lockfile"),
        (
            "Cargo.lock",
            "[[package]]\nname='a'\nversion='1.4.0'\n[[package]]\nname='b'\nversion='0.1.0'\n",
            "its own packages have several versions: 0.1.0, 1.4.0",
            "`release.packages`",
        ),
        ("setup.cfg", "version = 1.4.0\n", "it cannot be read: File contains no section", "mend"),
        ("setup.cfg", "[metadata]\nversion =\n  1.4.0\n", "not stand on one line", "`version = `"),
        ("a.py", "__version__ = '1'\n__version__ = '2'\n", "more than once", "leave one"),
        ("VERSION", "# 1.4.0\n", "something else than a version", "x-lockgate-version"),
        ("VERSION", "1.4.0\n1.3.0\n", "something else than a version", "x-lockgate-version"),
        ("a.md", "1.4.0 x-lockgate-date", "there is no marker `x-lockgate-date`", "`patch`"),
        ("a.md", "x-lockgate-end", "line 1: `x-lockgate-end` closes nothing", "take it away"),
        ("a.md", "x-lockgate-start-version\n1.4.0", "that begins on line 1 is not closed", "-end"),
        (
            "a.md",
            "x-lockgate-start-version\nx-lockgate-start-major\n1.4.0",
            "line 2: `x-lockgate-start-major` stands within the block of line 1",
            "x-lockgate-end",
        ),
    ],
)
def test_a_fault_names_the_file_and_the_remedy(
    path: str, text: str, problem: str, remedy: str
) -> None:
    with pytest.raises(UpdateError) as caught:
        by_name(path).update(text, NEXT, path)
    error = caught.value
    assert not isinstance(error, NoVersion)
    assert error.path == path
    assert problem in error.problem
    assert remedy in error.remedy
    assert path in str(error)


@pytest.mark.parametrize(
    ("path", "text", "hints", "problem", "remedy"),
    [
        ("package.json", '{"name": "a"}', Hints(), "no `version`", '`"version": "1.5.0"`'),
        ("package.json", "[1]", Hints(former=Version(1, 4, 0)), "no `version`", '"1.4.0"'),
        ("pyproject.toml", "[project]\nname = 'a'\n", Hints(), "neither `[project]", "dynamic"),
        ("pyproject.toml", "project = 1\n", Hints(), "neither `[project]", "dynamic"),
        ("Cargo.toml", "[workspace]\nmembers = []\n", Hints(), "neither", "release.packages"),
        ("setup.cfg", "[metadata]\nname = a\n", Hints(), "no `version`", "version = 1.5.0"),
        ("a.py", "x = 1\n", Hints(), "no `__version__`", '`__version__ = "1.5.0"`'),
        ("VERSION", " \n", Hints(), "it is empty", "write `1.5.0`"),
        ("a.md", "1.4.0\n", Hints(), "no line is marked", "x-lockgate-version"),
        ("a.md", "1.4 x-lockgate-version", Hints(), "line 1 is marked", "write one"),
        ("a.md", "x x-lockgate-major", Hints(), "holds no major", "write one"),
        (
            "a.md",
            "x-lockgate-start-version\nx\nx-lockgate-end",
            Hints(),
            "the block that begins on line 1 holds no version",
            "write one there",
        ),
    ],
)
def test_a_sound_file_without_a_version_is_told_apart(
    path: str, text: str, hints: Hints, problem: str, remedy: str
) -> None:
    with pytest.raises(NoVersion) as caught:
        by_name(path).update(text, NEXT, path, hints)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("version", ["2.0.0-next.1", "2.0.0-1", "2.0.0-rc.1.2", "2.0.0+a--b"])
def test_python_is_not_given_a_version_that_it_has_no_words_for(version: str) -> None:
    text = '__version__ = "1.4.0"\n'
    with pytest.raises(UpdateError, match="Python has no way to write the version") as caught:
        UPDATER["python-source"].update(text, parse_version(version), "a.py")
    assert "`rc`" in caught.value.remedy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v: 1 x-lockgate-major", "v: 2 x-lockgate-major"),
        ("v1.4 # x-release-please-minor", "v1.5 # x-release-please-minor"),
        ("1 x-lockgate-patch\n", "7 x-lockgate-patch\n"),
        (
            "1 x-lockgate-start-patch\n3, 4\nx\n4\nx-lockgate-end\n5",
            "1 x-lockgate-start-patch\n7, 4\nx\n7\nx-lockgate-end\n5",
        ),
    ],
)
def test_parts_of_the_version_are_set_by_marks(text: str, expected: str) -> None:
    assert UPDATER["marker"].update(text, parse_version("2.5.7"), "a.md") == expected


def test_a_mark_in_a_python_file_has_the_version_as_python_writes_it() -> None:
    text = 'VERSION = "1.4.0"  # x-lockgate-version\n'
    got = UPDATER["marker"].update(text, parse_version("1.5.0-beta.2"), "setup.py")
    assert got == 'VERSION = "1.5.0b2"  # x-lockgate-version\n'
    back = UPDATER["marker"].update(got, NEXT, "setup.py")
    assert back == 'VERSION = "1.5.0"  # x-lockgate-version\n'


@pytest.mark.parametrize(
    ("path", "text", "at", "problem"),
    [
        ("a.json", '{"a": [1]}', "a[1]", "nothing stands at `a[1]`"),
        ("a.json", '{"a": {"b": 1}}', "a[0]", "nothing stands at `a[0]`"),
        ("a.json", '{"a": {"b": 1}}', "a.b", "is no version such as"),
        ("a.json", '{"a": {"b": "1.2"}}', "a.b", "is no version such as"),
        ("a.json", '{"a": {"b": "1.4.0"}}', "a", "is no version such as"),
        ("a.json", "{", "a", "expecting property name"),
        ("a.toml", "a = 1\n", "b", "nothing stands at `b`"),
        ("a.toml", "a = 1\n", "a", "is no version such as"),
        ("a.toml", "a =\n", "a", "invalid value"),
        ("a.yaml", "a: [1.4.0]\n", "a[1]", "nothing stands at `a[1]`"),
        ("a.yaml", "a: [1.4.0]\n", "a", "nothing stands at `a`"),
        ("a.yaml", "a: 1.4\n", "a", "is no version such as"),
        ("a.yaml", "b: &x {c: 1.4.0}\na: *x\n", "a.c", "`a` is an alias"),
        ("a.yaml", "a: [\n", "a[0]", "(line 2, column 1)"),
        ("a.yaml", "a: \x07\n", "a", "characters that YAML does not allow"),
        ("a.yaml", 'a: "\\UFFFFFFFF"\n', "a", "characters that YAML does not allow"),
        ("a.yaml", "a: " + "[" * 1_000, "a.b", "nested deeper than 100 levels"),
        ("a.yaml", "# x\n" * 20_000 + "a: 1.4.0\n", "a", "not stand in the first 64 KB"),
        ("a.json", "{}", "a..b", "its path must be a path to one value"),
    ],
)
def test_a_path_that_leads_to_no_version_is_told(
    path: str, text: str, at: str, problem: str
) -> None:
    with pytest.raises(UpdateError) as caught:
        UPDATER["by-path"].update(text, NEXT, path, Hints(at=at))
    assert problem in caught.value.problem
    assert caught.value.remedy


def test_a_long_yaml_file_is_read_as_far_as_the_value() -> None:
    text = "info:\n  version: 1.4.0\n" + "# x\n" * 20_000
    got = UPDATER["by-path"].update(text, NEXT, "openapi.yaml", Hints(at="info.version"))
    assert got == text.replace("1.4.0", "1.5.0")


@pytest.mark.parametrize(
    ("pattern", "text", "problem", "remedy"),
    [
        ("x(y)", "z", "finds no version", "mend the pattern"),
        ("x()", "x", "finds no version", "mend the pattern"),
        ("(", "z", "is not an RE2 pattern", "extra_files"),
        (r"v([0-9.]+)", "v1.4.0 v1.4.0", "would not be read again", "whatever a version may be"),
        ("(a)", "a" * 1_001, "matches more than 1,000 times", "version's lines alone"),
    ],
)
def test_a_pattern_that_finds_no_version_is_told(
    pattern: str, text: str, problem: str, remedy: str
) -> None:
    version = parse_version("1.5.0-rc.1")
    with pytest.raises(UpdateError) as caught:
        UPDATER["by-regex"].update(text, version, "a.md", Hints(pattern=pattern))
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_a_pattern_has_no_quadratic_cost() -> None:
    """What hangs a backtracking engine: RE2 answers at once."""
    with pytest.raises(NoVersion):
        UPDATER["by-regex"].update("a" * 50_000, NEXT, "a.md", Hints(pattern=r"(?:a+)+(b)"))
