"""What is asked of the values that the policy's releases are made of. No model is here: these take
longer to load than a plan to make."""

import re

from bot.core.release.config import VERSION_MARK
from bot.core.release.documents.value import parse_path
from bot.core.release.version import Version, parse_version

TAG_NAMES = ("{component}", "{name}")
"""What may stand in a tag's pattern besides the version."""
PACKAGE_NAME = r"^@?[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9._-]{1,99})?$"
COMPONENT_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
# https://git-scm.com/docs/git-check-ref-format; a hyphen in front would be taken for an option
NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^[/.-]|[/.]$|\.lock(?:/|$)|^@$")
_NO_PATH = re.compile(r"[\x00-\x1f\x7f\\]|//|/$|(?:^|/)(?:\.\.?|\.git)(?:/|$)")


class Unfit(ValueError):
    """The fault of a value; the message follows the key's name, which begins with "must" or not."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.suggestion = suggestion


def check_tag(pattern: str) -> str:
    bare = pattern.replace(VERSION_MARK, "", 1)
    for name in TAG_NAMES:
        bare = bare.replace(name, "")
    if "$" in bare or VERSION_MARK in bare or VERSION_MARK not in pattern:
        raise Unfit("must hold `{version}` once, such as `v{version}`", _with_version(pattern))
    if "{" in bare or "}" in bare:
        raise Unfit("must have nothing but `{version}`, `{component}` and `{name}` in braces")
    if NO_REF.search(pattern.replace("{", "").replace("}", "")):
        raise Unfit("must be what git takes for a tag's name, such as `v{version}`")
    return pattern


def _with_version(pattern: str) -> str:
    near = re.sub(r"\$?\{+\w*\}+|%s", VERSION_MARK, pattern)
    return near if near.count(VERSION_MARK) == 1 and len(near) < 60 else ""


def check_file(path: str) -> str:
    bare = path.removeprefix("/")
    if not bare or _NO_PATH.search(bare):
        near = bare.removeprefix("./").strip("/")
        raise Unfit(
            "must be a file of the repository, such as `guide/install.md`",
            near if near and not _NO_PATH.search(near) else "",
        )
    return path


def check_folder(path: str) -> str:
    if path in (".", "./"):
        return ""
    if path.startswith("/") or _NO_PATH.search(path):
        near = path.removeprefix("./").strip("/")
        raise Unfit(
            "must be a folder of the repository, such as `packages/api`, or `.`",
            near if near and not _NO_PATH.search(near) else "",
        )
    return path


def check_branch(name: str) -> str:
    if NO_REF.search(name) or name.startswith("refs/"):
        raise Unfit("must be a branch's name, such as `next`", name.removeprefix("refs/heads/"))
    return name


def check_identifier(text: str) -> str:
    try:
        Version(1, 0, 0).next_prerelease(text)
    except ValueError as error:
        raise Unfit(str(error)) from None
    return text


def check_version(text: str) -> str:
    try:
        parse_version(text)
    except ValueError as error:
        raise Unfit(str(error), _without_v(text)) from None
    return text


def _without_v(text: str) -> str:
    try:
        return str(parse_version(text.removeprefix("v")))
    except ValueError:
        return ""


def check_value_path(text: str) -> str:
    try:
        parse_path(text)
    except ValueError as error:
        raise Unfit(str(error)) from None
    return text


def check_regex(pattern: str) -> str:
    # Here and not above: few files have one, and it brings RE2 along.
    from bot.core.patterns import compile_pattern

    try:
        groups = compile_pattern(pattern).groups
    except ValueError as error:
        raise Unfit(str(error)) from None
    if groups != 1:
        raise Unfit("must have one group, `(…)`, which is the version; other brackets are `(?:…)`")
    return pattern
