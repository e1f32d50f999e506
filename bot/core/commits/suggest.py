"""What a faulty header was probably meant to be. Guesses: the linter keeps only those that pass."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING

from bot.core.commits.message import Message, MessageKind
from bot.core.commits.parse import format_header, parse_message
from bot.core.commits.rules.cases import Case
from bot.core.commits.rules.scope import is_known_scope

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig

_MAX_LENGTH = 500
"""Longer headers get no suggestion: none would be short enough."""

_ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("add", "enhancement", "feature", "features", "new"), "feat"),
    **dict.fromkeys(("bug", "bugfix", "bugfixes", "fixed", "fixes", "hotfix", "patch"), "fix"),
    **dict.fromkeys(("doc", "documentation", "readme"), "docs"),
    **dict.fromkeys(("spec", "specs", "testing", "tests"), "test"),
    **dict.fromkeys(("cleanup", "refac", "refactoring", "refactored"), "refactor"),
    **dict.fromkeys(("optimisation", "optimization", "performance", "speed"), "perf"),
    **dict.fromkeys(("dep", "dependencies", "dependency", "deps"), "build"),
    **dict.fromkeys(("chores", "misc", "release", "maintenance"), "chore"),
    **dict.fromkeys(("format", "formatting", "lint", "styles"), "style"),
    **dict.fromkeys(("actions", "cicd", "pipeline", "workflow"), "ci"),
    **dict.fromkeys(("reverted", "reverts"), "revert"),
}
"""What people write for a type, to the type of the convention."""

_VERBS: Mapping[str, str] = {
    **dict.fromkeys(
        ("add", "allow", "create", "enable", "expose", "implement", "introduce", "offer"), "feat"
    ),
    **dict.fromkeys(("provide", "show", "support"), "feat"),
    **dict.fromkeys(
        ("avoid", "correct", "ensure", "fix", "handle", "mend", "prevent", "repair", "resolve"),
        "fix",
    ),
    **dict.fromkeys(("document", "clarify"), "docs"),
    **dict.fromkeys(
        ("extract", "move", "refactor", "rename", "reorganise", "reorganize", "restructure"),
        "refactor",
    ),
    **dict.fromkeys(("rewrite", "simplify", "tidy"), "refactor"),
    **dict.fromkeys(("optimise", "optimize", "speed"), "perf"),
    **dict.fromkeys(("bump", "downgrade", "pin", "upgrade"), "build"),
    **dict.fromkeys(("release", "prepare"), "chore"),
    **dict.fromkeys(("reformat",), "style"),
    **dict.fromkeys(("test",), "test"),
    **dict.fromkeys(("revert",), "revert"),
}
"""A description's first verb, to the type that it speaks of."""

_BRACKETED = re.compile(r"\[(?P<type>[\w-]+)\]\s*[:-]?\s*(?P<rest>.+)", re.DOTALL)
_LOOSE = re.compile(
    r"(?P<type>[\w-]+)\s*(?P<early>!)?\s*(?:\((?P<scope>[^()]*)\))?\s*(?P<exclamation>!)?"
    r"\s*[:：]+\s*(?P<rest>.+)",
    re.DOTALL,
)
_DASHED = re.compile(
    r"(?P<type>\w+)(?:\((?P<scope>[^()]*)\))?(?P<exclamation>!)?\s+[-–—]\s+(?P<rest>.+)", re.DOTALL
)
_UNSEPARATED = re.compile(
    r"(?P<type>\w+)(?=[(!])(?P<early>!)?(?:\((?P<scope>[^()]*)\))?(?P<exclamation>!)?\s+(?P<rest>.+)",
    re.DOTALL,
)
"""``feat(shop) add x``: the colon is missing."""
_BRANCH = re.compile(r"(?P<type>\w+)/(?P<rest>[^\W_A-Z].*)", re.DOTALL)
"""``Feat/add search``: what GitHub makes a title of from a branch ``feat/add-search``."""
_DECORATION = re.compile(r"(?::\w+:|[^\w\s\"'`(\[]|\s)+")
_WORD = re.compile(r"[^\W_][\w-]*")


def candidate_headers(message: Message, config: "CommitsConfig") -> Iterator[str]:
    """Headers to try, best first; they may break the rules still."""
    if message.kind is MessageKind.FIXUP:
        return
    title = " ".join(message.header.split())
    if not title or len(title) > _MAX_LENGTH:
        return
    parsed = parse_message(title)
    number = parsed.pull_number
    if message.kind is MessageKind.REVERT and message.type is None:
        if message.reverted_header:
            reverted = parse_message(message.reverted_header)
            description = reverted.description or reverted.header
            yield from _completed("revert", reverted.scope, False, description, number, config)
        return
    if parsed.type is not None and (type_ := _nearest_type(parsed.type, config)):
        yield from _completed(
            type_, parsed.scope, parsed.exclamation, parsed.description, number, config
        )
        return
    yield from _without_type(_without_suffix(title, number), number, config)


def _without_suffix(title: str, number: int | None) -> str:
    return title.removesuffix(f"(#{number})").rstrip() if number is not None else title


def _without_type(title: str, number: int | None, config: "CommitsConfig") -> Iterator[str]:
    """For a title whose type is missing, unknown or not set apart."""
    decoration = _DECORATION.match(title)
    plain = title[decoration.end() :] if decoration else title
    for pattern in (_LOOSE, _BRACKETED, _DASHED, _UNSEPARATED, _BRANCH):
        match = pattern.match(plain)
        # Without a separator a word that merely looks like a type is any word.
        near = pattern not in (_UNSEPARATED, _BRANCH)
        if match and (type_ := _type_of(match["type"], config, near=near)):
            scope = (match.groupdict().get("scope") or "").strip() or None
            breaking = _is_breaking(match)
            yield from _completed(type_, scope, breaking, match["rest"], number, config)
            return
    # "parser: handle empty input", as Go and the Linux kernel have it: the first word is a scope.
    match = _LOOSE.match(plain)
    if match and match["scope"] is None:
        type_, rest = _guess(match["rest"], config)
        if type_:
            scope = match["type"].lower()
            yield from _completed(type_, scope, _is_breaking(match), rest, number, config)
    if Message(plain, MessageKind.OTHER).is_update and (type_ := _nearest_type("build", config)):
        yield from _completed(type_, "deps", False, plain, number, config)
        return
    type_, rest = _guess(plain, config)
    if type_:
        yield from _completed(type_, None, False, rest, number, config)


def _is_breaking(match: re.Match[str]) -> bool:
    groups = match.groupdict()
    return bool(groups.get("early") or groups.get("exclamation"))


def _type_of(word: str, config: "CommitsConfig", *, near: bool) -> str:
    """The type that a word is, or with ``near`` is almost; empty for none."""
    if not near and word.lower() not in {*_ALIASES, *map(str.lower, config.types)}:
        return ""
    return _nearest_type(word, config)


def _nearest_type(word: str, config: "CommitsConfig") -> str:
    return _nearest(word.lower(), config.types)


@lru_cache(maxsize=4_096)  # a history has few words for types, and comparing words is slow
def _nearest(word: str, types: tuple[str, ...]) -> str:
    known = {type_.lower(): type_ for type_ in types}
    if not known:
        return word
    if word in known:
        return known[word]
    if (alias := _ALIASES.get(word)) in known:
        return known[alias]
    near = get_close_matches(word, known, n=1, cutoff=0.75) if 2 < len(word) < 20 else []
    return known[near[0]] if near else ""


def _guess(text: str, config: "CommitsConfig") -> tuple[str, str]:
    """A type for a description by its first word, and the description without a word that only
    repeats the type; an empty type when there is no telling."""
    match = _WORD.match(text)
    if not match:
        return "", text
    word = match[0].lower()
    types = config.types or tuple(_VERBS.values())
    known = {type_.lower(): type_ for type_ in types}
    apart = text[match.end() : match.end() + 1] in (" ", ":")
    rest = text[match.end() :].lstrip(" -:") if apart else ""
    alias = word if word in known else _ALIASES.get(word, "")
    if alias in known and word not in {"add", "new", "patch", "release"} and rest:
        return known[alias], rest
    for stem in _stems(word):
        if (type_ := _VERBS.get(stem, "")) in known:
            return known[type_], text
    return "", text


def _stems(word: str) -> Iterator[str]:
    """The word, and what it may be a form of: "adds", "added", "adding", "creating", "stopped"."""
    yield word
    for ending in ("s", "es", "ed", "ing"):
        if word.endswith(ending):
            stem = word.removesuffix(ending)
            yield stem
            yield f"{stem}e"
            if stem[-2:-1] == stem[-1:]:
                yield stem[:-1]


def _completed(
    type_: str,
    scope: str | None,
    exclamation: bool,
    description: str,
    number: int | None,
    config: "CommitsConfig",
) -> Iterator[str]:
    description = _mended_description(description, config)
    if not description:
        return
    for mended in _scopes(scope, description, config):
        yield format_header(type_, mended, description, exclamation=exclamation, pull_number=number)


def _scopes(scope: str | None, description: str, config: "CommitsConfig") -> Iterator[str | None]:
    limited = bool(config.scopes or config.scope_patterns)
    scope = scope.strip() if scope else None
    if scope:
        if not limited:
            yield scope
            yield scope.lower()
            return
        if is_known_scope(scope, config):
            yield scope
            return
        if is_known_scope(scope.lower(), config):
            yield scope.lower()
        known = {name.lower(): name for name in config.scopes}
        for near in get_close_matches(scope.lower(), known, n=1):
            yield known[near]
        if scope == "deps":
            yield None
        return
    yield None
    words = {word.lower() for word in _WORD.findall(description)}
    for name in config.scopes:
        if len(config.scopes) == 1 or name.lower() in words:
            yield name


def _mended_description(description: str, config: "CommitsConfig") -> str:
    description = description.strip()
    stop = config.subject_full_stop
    if not description.endswith("..."):
        description = description.rstrip(f"{stop} ")
    first, space, rest = description.partition(" ")
    if Case.SENTENCE in config.subject_case_refused and first[:1].isupper():
        # "GitHub" becomes "github" rather than "gitHub".
        lowered = first[:1].lower() + first[1:]
        first = lowered if lowered == lowered.lower() else first.lower()
    return f"{first}{space}{rest}"
