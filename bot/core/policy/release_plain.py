"""The section on releases as most files have it, read without the models: these take longer to load
than a plan to make.

What is read here is what the models would make of it, and what is not plainly right is not read:
what is the matter with it, if anything, is for them to say.
"""

import re
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from bot.core.policy.loader import MappingNode, Node, ScalarNode, SequenceNode, load
from bot.core.policy.release_checks import (
    COMPONENT_NAME,
    PACKAGE_NAME,
    TAG_NAMES,
    check_branch,
    check_file,
    check_folder,
    check_identifier,
    check_regex,
    check_tag,
    check_value_path,
    check_version,
)
from bot.core.policy.release_packages import complaints_between, make_package
from bot.core.release.config import (
    DEFAULT_HEADER,
    DEFAULT_HIDDEN,
    DEFAULT_SECTIONS,
    Package,
    ReleaseConfig,
)
from bot.core.release.kinds import Kind
from bot.core.release.version import Bump, Version

SECTIONS = frozenset({"version", "commits", "environments", "migrations", "release"})
"""The keys of a policy. A file with another one is left to the models."""

Reader: TypeAlias = Callable[[Node], Any]


def release_section(text: str) -> MappingNode | None:
    """The section of a file that has no fault as far as its keys go. Of the other sections the
    names alone are looked at: what is wrong within them changes no release."""
    loaded = load(text)
    if loaded.problems or not isinstance(loaded.root, MappingNode):
        return None
    sections = loaded.root.items
    section, version = sections.get("release"), sections.get("version")
    if not isinstance(section, MappingNode) or not sections.keys() <= SECTIONS:
        return None
    return section if version is None or _is_current(version) else None


def read_plainly(section: MappingNode) -> tuple[ReleaseConfig, str] | None:
    """The releases of any branch but the one that prereleases come from, which is named beside; it
    is empty if there is none. None where the models have to be asked."""
    try:
        values = _mapping(section, _KEYS)
        return _config(values), values["prerelease"]["branch"] if "prerelease" in values else ""
    except ValueError:
        return None


def _is_current(version: Node) -> bool:
    """Neither `"1"` nor `true`, which equals 1."""
    return isinstance(version, ScalarNode) and type(version.value) is int and version.value == 1


def _config(values: dict[str, Any]) -> ReleaseConfig:
    """Raises ValueError for keys that do not go together: see release_whole."""
    sections = values.get("sections", dict(DEFAULT_SECTIONS))
    hidden = values.get("hidden", DEFAULT_HIDDEN)
    if {"sections", "hidden"} <= values.keys() and hidden & sections.keys():
        _refuse("a type is both shown and hidden")
    identifier = values.get("prerelease", {}).get("identifier", "rc")
    said = values.get("packages") or [{}]
    kinds = {one.get("kind", values.get("kind")) for one in said}
    if "prerelease" in values and Kind.PYTHON in kinds:
        from bot.core.release.spelling import python_version

        python_version(Version(1, 2, 3).next_prerelease(identifier))
    separate = values.get("separate_pull_requests", False)
    return ReleaseConfig(
        packages=_packages(values, separate=separate),
        sections=tuple(sections.items()),
        hidden=frozenset(hidden) - sections.keys(),
        other_title="Other" if values.get("other", "show") == "show" else "",
        bump_before_1_0=Bump(values.get("bump_before_1_0", "minor")),
        bump_dependents=Bump(values.get("bump_dependents", "patch")),
        separate=separate,
        prerelease_identifier=identifier,
        header=values.get("changelog", {}).get("header", DEFAULT_HEADER),
    )


def _packages(values: dict[str, Any], *, separate: bool) -> tuple[Package, ...]:
    """The repository as the only one where none is listed. Raises ValueError as above."""
    tag, said = values.get("tag", Package().tag), values.get("packages")
    if not said:
        if separate:
            _refuse("there are no packages to separate")
        return (make_package(tag, (), "", release_as=values.get("release_as")),)
    if values.get("extra_files") or values.get("release_as"):
        _refuse("this is said of each package")
    if "tag" in values and not any(name in tag for name in TAG_NAMES):
        _refuse("it may be a tag of several packages")
    if values.get("changelog", {}).get("path", "").startswith("/") and len(said) > 1:
        _refuse("one changelog for all packages")
    folders = [one["path"] for one in said]
    packages = tuple(
        make_package(tag, folders, **{key: one[key] for key in _OF_PLAN & one.keys()})
        for one in said
    )
    if any(complaints_between(packages, separate=separate)):
        _refuse("packages that are in each other's way")
    return packages


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)


def _mapping(node: Node, keys: dict[str, Reader], needed: str = "") -> dict[str, Any]:
    if not isinstance(node, MappingNode) or (needed and needed not in node.items):
        _refuse("no such mapping")
    return {name: keys.get(name, _unknown)(item) for name, item in node.items.items()}


def _unknown(_: Node) -> NoReturn:
    _refuse("a key that is not read here")


def _text(node: Node, most: int, least: int = 1) -> str:
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        _refuse("no text")
    if not least <= len(node.value) <= most:
        _refuse("too short or too long")
    node.value.encode()  # raises for half a surrogate pair, which is no text in JSON
    return node.value


def _texts(most: int, check: Callable[[str], str] = str) -> Callable[[Node], str]:
    return lambda node: check(_text(node, most))


def _one_of(*words: str) -> Reader:
    def read(node: Node) -> str:
        text = _text(node, 20)
        return text if text in words else _refuse("another word")

    return read


def _flag(node: Node) -> bool:
    if not isinstance(node, ScalarNode) or not isinstance(node.value, bool):
        _refuse("neither true nor false")
    return node.value


def _latest(node: Node) -> bool | str:
    legacy = isinstance(node, ScalarNode) and node.value == "legacy"
    return "legacy" if legacy else _flag(node)


def _type_name(text: str) -> str:
    # ASCII alone: what else is a letter depends on the edition of Unicode.
    plain = re.fullmatch(r"\w[\w-]*", text, re.ASCII)
    return text if plain else _refuse("no plain name of a type")


def _title(text: str) -> str:
    plain = text.isprintable() and text == text.strip()
    return text if plain else _refuse("no plain title")


def _sections(node: Node) -> dict[str, str]:
    if not isinstance(node, MappingNode) or len(node.items) > 50:
        _refuse("no mapping, or too long")
    return {_name_of(name): _TITLE(item) for name, item in node.items.items()}


def _name_of(key: str) -> str:
    return _type_name(key) if len(key) <= 50 else _refuse("too long")


def _items(node: Node, most: int) -> tuple[Node, ...]:
    if not isinstance(node, SequenceNode) or len(node.items) > most:
        _refuse("no list, or too long")
    return node.items


def _named(pattern: str) -> Reader:
    def check(text: str) -> str:
        return text if re.fullmatch(pattern, text) else _refuse("no such name")

    return _texts(250, check)


def _list_of(read: Reader, most: int) -> Reader:
    return lambda node: tuple(read(item) for item in _items(node, most))


def _hidden(node: Node) -> frozenset[str]:
    return frozenset(_name_of(_text(item, 50)) for item in _items(node, 200))


def _extra_file(node: Node) -> str:
    """Its path. Nothing more of it is in a plan, but all of it must be right."""
    if isinstance(node, ScalarNode):
        return _FILE(node)
    keys = {"file": _FILE, "path": _texts(500, check_value_path), "regex": _texts(500, check_regex)}
    said = _mapping(node, keys, needed="file")
    path: str = said["file"]
    if "path" in said:
        # Here and not above: it brings readers of JSON, TOML and YAML along.
        from bot.core.release.updaters.by_path import BY_PATH

        if "regex" in said or not BY_PATH.matches(path):
            _refuse("a file's version is found in one way")
    return path


_FILE = _texts(500, check_file)
_TITLE = _texts(100, _title)
_PACKAGE_NAME = _named(PACKAGE_NAME)
_OF_BOTH: dict[str, Reader] = {
    "kind": _one_of(*Kind),
    "tag": _texts(200, check_tag),
    "extra_files": _list_of(_extra_file, 100),
    "release_as": _texts(500, check_version),
    "draft": _flag,
    "latest": _latest,
}
"""What is said of the repository, or else of a package."""
_OF_PACKAGE: dict[str, Reader] = {
    **_OF_BOTH,
    "path": _texts(500, check_folder),
    "name": _PACKAGE_NAME,
    "component": _named(COMPONENT_NAME),
    "exclude": _list_of(_FILE, 100),
    "depends_on": _list_of(_PACKAGE_NAME, 100),
}
_OF_PLAN = {"path", "name", "component", "tag", "exclude", "depends_on", "release_as"}
"""What of a package a plan needs to know."""
_KEYS: dict[str, Reader] = {
    **_OF_BOTH,
    "packages": _list_of(lambda node: _mapping(node, _OF_PACKAGE, needed="path"), 200),
    "separate_pull_requests": _flag,
    "prerelease": lambda node: _mapping(
        node,
        {"branch": _texts(200, check_branch), "identifier": _texts(50, check_identifier)},
        needed="branch",
    ),
    "sections": _sections,
    "hidden": _hidden,
    "other": _one_of("show", "hide"),
    "bump_before_1_0": _one_of("minor", "patch"),
    "bump_dependents": _one_of(*Bump),
    "changelog": lambda node: _mapping(node, {"path": _FILE, "header": _texts(2_000)}),
}
