"""The values that the policy's releases are made of, each with the words for its faults."""

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints

from bot.core.patterns import compile_pattern
from bot.core.policy.values import wrong
from bot.core.release.config import VERSION_MARK
from bot.core.release.documents.value import parse_path
from bot.core.release.version import Version, parse_version

TAG_NAMES = ("{component}", "{name}")
"""What may stand in a tag's pattern besides the version."""
# https://git-scm.com/docs/git-check-ref-format; a hyphen in front would be taken for an option
NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^[/.-]|[/.]$|\.lock(?:/|$)|^@$")
_NO_PATH = re.compile(r"[\x00-\x1f\x7f\\]|//|/$|(?:^|/)(?:\.\.?|\.git)(?:/|$)")


def _tag(pattern: str) -> str:
    bare = pattern.replace(VERSION_MARK, "", 1)
    for name in TAG_NAMES:
        bare = bare.replace(name, "")
    if "$" in bare or VERSION_MARK in bare or VERSION_MARK not in pattern:
        raise wrong("must hold `{version}` once, such as `v{version}`", _with_version(pattern))
    if "{" in bare or "}" in bare:
        raise wrong("must have nothing but `{version}`, `{component}` and `{name}` in braces")
    if NO_REF.search(pattern.replace("{", "").replace("}", "")):
        raise wrong("must be what git takes for a tag's name, such as `v{version}`")
    return pattern


def _with_version(pattern: str) -> str:
    near = re.sub(r"\$?\{+\w*\}+|%s", VERSION_MARK, pattern)
    return near if near.count(VERSION_MARK) == 1 and len(near) < 60 else ""


def _file(path: str) -> str:
    bare = path.removeprefix("/")
    if not bare or _NO_PATH.search(bare):
        near = bare.removeprefix("./").strip("/")
        raise wrong(
            "must be a file of the repository, such as `guide/install.md`",
            near if near and not _NO_PATH.search(near) else "",
        )
    return path


def _folder(path: str) -> str:
    if path in (".", "./"):
        return ""
    if path.startswith("/") or _NO_PATH.search(path):
        near = path.removeprefix("./").strip("/")
        raise wrong(
            "must be a folder of the repository, such as `packages/api`, or `.`",
            near if near and not _NO_PATH.search(near) else "",
        )
    return path


def _branch(name: str) -> str:
    if NO_REF.search(name) or name.startswith("refs/"):
        raise wrong("must be a branch's name, such as `next`", name.removeprefix("refs/heads/"))
    return name


def _identifier(text: str) -> str:
    try:
        Version(1, 0, 0).next_prerelease(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


def _version(text: str) -> str:
    try:
        parse_version(text)
    except ValueError as error:
        raise wrong(str(error), _without_v(text)) from None
    return text


def _without_v(text: str) -> str:
    try:
        return str(parse_version(text.removeprefix("v")))
    except ValueError:
        return ""


def _value_path(text: str) -> str:
    try:
        parse_path(text)
    except ValueError as error:
        raise wrong(str(error)) from None
    return text


def _regex(pattern: str) -> str:
    try:
        groups = compile_pattern(pattern).groups
    except ValueError as error:
        raise wrong(str(error)) from None
    if groups != 1:
        raise wrong("must have one group, `(…)`, which is the version; other brackets are `(?:…)`")
    return pattern


TagPattern: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_tag),
    Field(examples=["v{version}", "{component}-v{version}"]),
]
FilePath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_file)
]
FolderPath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_folder)
]
BranchName: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(_branch)
]
Identifier: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=50), AfterValidator(_identifier)
]
VersionText: TypeAlias = Annotated[
    str, AfterValidator(_version), Field(examples=["2.0.0", "2.0.0-rc.1"])
]
ValuePath: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_value_path)
]
VersionRegex: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=500), AfterValidator(_regex)
]
PackageName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^@?[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9._-]{1,99})?$")
]
ComponentName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
]
Title: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^\S(?:[^\x00-\x1f\x7f]*\S)?$", max_length=100)
]
