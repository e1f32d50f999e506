"""What holds for every text there is."""

import io
import json
import tomllib
from copy import deepcopy
from typing import Any

from hypothesis import example, given, reject, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from samples import SAMPLES

from bot.core.catalog import UPDATERS
from bot.core.release.documents.json_text import find_in_json
from bot.core.release.documents.toml_text import find_in_toml
from bot.core.release.documents.value import Path, parse_path, say_path
from bot.core.release.documents.yaml_text import find_in_yaml
from bot.core.release.updaters.updater import Hints, UpdateError
from bot.core.release.version import Version

UPDATER = {updater.name: updater for updater in UPDATERS}
NEXT = Version(1, 5, 0)
ODD = [
    "1.4.0",
    "version",
    '"',
    "'",
    "\\",
    "a.b",
    "",
    "é\u2028",
    "[x]",
    "# c",
    "{",
    '"""',
    "\t",
    "\n",
]
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(ODD))
LEAVES = st.one_of(TEXTS, st.integers(-9, 9), st.booleans())
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS.filter(lambda key: key != "version"), TREES, max_size=4)


def leaves(tree: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    if isinstance(tree, dict):
        return [found for key, one in tree.items() for found in leaves(one, (*path, key))]
    if isinstance(tree, list):
        return [found for index, one in enumerate(tree) for found in leaves(one, (*path, index))]
    return [(path, tree)]


def said(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def changed(before: str, after: str) -> tuple[str, str]:
    """What is left of both without what they begin and end with alike."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return before[start : len(before) - end], after[start : len(after) - end]


@settings(max_examples=60, deadline=None)
@given(OBJECTS, st.integers(0, 4), st.sampled_from([None, 0, 1, "\t"]), st.booleans())
def test_of_json_nothing_but_the_version_changes(
    document: dict[str, Any], place: int, indent: int | str | None, ascii_only: bool
) -> None:
    items = list(document.items())
    items.insert(place, ("version", "1.4.0"))
    before = json.dumps(dict(items), indent=indent, ensure_ascii=ascii_only)
    after = UPDATER["package-json"].update(before, NEXT, "package.json")
    assert json.loads(after) == {**document, "version": "1.5.0"}
    assert changed(before, after) == ("4", "5")


@settings(max_examples=60, deadline=None)
@given(TREES, st.sampled_from([None, 1]))
def test_every_value_of_json_is_found(tree: Any, indent: int | None) -> None:
    text = json.dumps(tree, indent=indent)
    for path, value in leaves(tree):
        found = find_in_json(text, path)
        assert found is not None
        assert found.said == said(value)
        assert json.loads(text[found.start : found.end]) == value


TOML = st.lists(
    st.sampled_from(
        [
            "# c 'x' \"y\" [project]\n",
            "\n",
            "{n} = 1979-05-27 07:32:00 # c\n",
            "{n} = -1_000.5e3\n",
            "{n} = 'a#b]'\n",
            '{n} = "\\"[project]\\\\"\n',
            '{n} = """\n[project]\nversion = "1.4.0"\n""""\n',
            "{n} = '''\nversion = \"1.4.0\"''  '''\n",
            "{n} = ['a', [1, 2], # ]\n  {{x = 'y'}},\n]\n",
            "{n} = {{a = 'b', c.d = [\"]\"], e = {{}}}}\n",
            "{n}.'a.b' . \"c\" = true\n",
            "'{n} [x]' = \"v\"\n",
            "[{n}]\nversion = '1.4.0'\n",
            '[ {n} . "a.b" ]\nx = 1\n',
            "[[list]]\n",
            "[[list]]\nversion = \"1.4.0\"\n[list.inner]\nx = 'y'\n[[list.many]]\nz = 'w'\n",
            "[[list]]\n[[list.many]]\n[[list.many]]\n{n} = 'w'\n",
        ]
    ),
    max_size=9,
).map(lambda pieces: "".join(one.format(n=f"n{index}") for index, one in enumerate(pieces)))
OWN = st.sampled_from(
    [
        "[project]\nversion = '1.4.0'\n",
        '[ \'project\' ]\nname = "a"\nversion="1.4.0"# c\n',
        "[project]\n\"version\" = '''1.4.0'''\ndependencies = [\n 'a==1.4.0' ]\n",
    ]
)
ENDINGS = st.sampled_from(["\n", "\r\n"])


@settings(max_examples=120, deadline=None)
@given(TOML, OWN, TOML, ENDINGS)
@example("[[list]]\n", "[project]\nversion = '1.4.0'\n", "", "\n")
def test_of_toml_nothing_but_the_version_changes(
    ahead: str, own: str, behind: str, ending: str
) -> None:
    # Tables of the two halves have names of their own.
    behind = behind.replace("list", "last").replace("n", "m") if behind else ""
    before = f"{ahead}{own}{behind}".replace("\n", ending)
    expected = deepcopy(document := tomllib.loads(before))
    expected["project"]["version"] = "1.5.0"
    after = UPDATER["pyproject"].update(before, NEXT, "pyproject.toml")
    assert tomllib.loads(after) == expected != document
    assert changed(before, after) == ("4", "5")


@settings(max_examples=120, deadline=None)
@given(TOML, ENDINGS)
def test_every_value_of_toml_is_found(text: str, ending: str) -> None:
    text = text.replace("\n", ending)
    document = tomllib.loads(text)
    expected = {path: said(value) for path, value in leaves(document)}
    found = find_in_toml(text, document, list(expected))
    assert {path: value.said for path, value in found.items()} == expected
    for path, value in found.items():
        written = tomllib.loads(f"x = {text[value.start : value.end]}")["x"]
        assert [(path, written)] == [leaf for leaf in leaves(document) if leaf[0] == path]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXTS, TREES, min_size=1, max_size=4), st.booleans(), ENDINGS)
def test_every_text_of_yaml_is_found(tree: dict[str, Any], flow: bool, ending: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    stream = io.StringIO()
    yaml.dump(tree, stream)
    text = stream.getvalue().replace("\n", ending)
    try:
        read = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        reject()  # what is written there, such as the key `:0`, is not always YAML
    for path, value in leaves(read):
        found = find_in_yaml(text, path)
        assert found is not None
        if isinstance(value, str):
            assert found.said == value


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 99), st.text("ab.[]' -é", min_size=1)), min_size=1))
def test_a_path_that_is_written_is_read_again(path: list[str | int]) -> None:
    assert parse_path(say_path(tuple(path))) == tuple(path)


PIECES = st.sampled_from(
    [
        "{", "}", "[", "]", "[[", "]]", '"', "'", '"""', "=", ":", ",", "\n", "\r\n", " ", "#",
        "- ", "version", '"version"', "1.4.0", "project", "package", "metadata", "[metadata]\n",
        "\\", "__version__ = ", "[project]\n", "version = '1.4.0'\n", "x-lockgate-version",
        "\ufeff", "x-lockgate-start-version\n", "x-lockgate-end\n", "module a\n", "a: &x b\n", "*x",
        "é", "\x00", "\ud800", "---\n", "? ", "!!x ", "|\n", '{"version": "1.4.0"}',
        "[[package]]\n",
    ]
)  # fmt: skip
PATHS = [*(path for one in UPDATERS for path in one.files), "a.md", "a.json", "a.toml", "a.yaml"]


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.lists(PIECES, max_size=14).map("".join), st.text(max_size=40)),
    st.sampled_from(PATHS),
)
def test_whatever_stands_there_it_is_updated_or_refused(text: str, path: str) -> None:
    hints = Hints(at="version", pattern="version = '(.*)'")
    path = path.replace("*", "x")
    for updater in UPDATERS:
        if not updater.matches(path):
            continue
        try:
            updated = updater.updated(text, NEXT, path, hints)
        except UpdateError:
            continue
        assert bool(updated.note) is not bool(updated.stood)
        assert updater.update(updated.text, NEXT, path, hints) == updated.text
        if not updated.stood:
            assert updated.text == text


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_a_file_that_was_cut_off_is_updated_or_refused(sample: Any, data: st.DataObject) -> None:
    text = sample.before[: data.draw(st.integers(0, len(sample.before)))]
    try:
        updated = UPDATER[sample.updater].updated(text, NEXT, sample.path, sample.hints)
    except UpdateError:
        return
    grown = sum(len("1.5.0") - len(one) for one in updated.stood)
    assert len(updated.text) - len(text) == grown
    for one in updated.stood:
        assert any(version.startswith(one) for version in sample.stood)
