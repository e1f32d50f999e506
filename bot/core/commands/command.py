"""What a command is, and how its arguments are read."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from bot.core import phrases
from bot.core.commands.near import nearest
from bot.core.commands.requests import Named, Refusal, Request, ShaPrefix, TagName
from bot.core.operations.machine import DIGEST_LENGTH
from bot.core.policy.environments import EnvironmentPolicy

DEFAULT_ENVIRONMENT = "production"
MAX_REASON = 300
"""In characters."""

_SHA = re.compile(r"[0-9a-fA-F]{7,40}")
_PLAN = "--plan"
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}")
_AS_TYPED = re.compile(r"--reason[= ](?P<mark>[\"']?)(?P<said>.*)(?P=mark)")
"""A reason as the terminal takes it. A lock in a hurry is not refused for that."""
_DIGITS = re.compile(r"[0-9]{1,6}")
_TAG = re.compile(r"@?[A-Za-z0-9][A-Za-z0-9._+@-]*(?:/[A-Za-z0-9@][A-Za-z0-9._+@-]*)*")
_MAX_TAG = 100


class Permission(StrEnum):
    """What it takes to run a command."""

    READ = "read"
    """Whoever can read the repository."""
    OPERATE = "operate"
    """The environment's ``roles`` and ``teams``."""
    OVERRIDE = "override"
    """The environment's ``override_roles``."""
    RELEASE = "release"
    """The roles of ``RELEASE_ROLES``: it is about no environment."""


@dataclass(frozen=True, slots=True)
class Argument:
    """``form`` is as in a usage line: ``[environment]``, ``<reason>``, ``[--dry-run]``."""

    form: str
    description: str
    free_text: bool = False
    """Whether it takes the rest of the line, in any script."""


@dataclass(frozen=True, slots=True)
class Example:
    line: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command's arguments are read against."""

    environments: Mapping[str, EnvironmentPolicy]
    now: datetime


Parse: TypeAlias = Callable[[str, Surroundings], Request]
"""Reads what stands behind a command's name; raises Misuse."""


class Misuse(Exception):
    """The arguments do not do. ``line`` is the nearest line that would, empty if none is known."""

    def __init__(self, problem: str, line: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    """As typed, without the slash."""
    summary: str
    """What it does, in one sentence."""
    permission: Permission
    changes: bool
    """Whether it changes anything: only commands that do not may share a comment."""
    arguments: tuple[Argument, ...]
    examples: tuple[Example, ...]
    parse: Parse
    either: bool = False
    """Whether one of the arguments is given, not all of them one after the other."""

    @property
    def usage(self) -> str:
        forms = [argument.form for argument in self.arguments]
        behind = (" | " if self.either else " ").join(forms)
        return f"/{self.name} {behind}".rstrip()

    @property
    def free_text(self) -> bool:
        return any(argument.free_text for argument in self.arguments)

    def read(self, rest: str, surroundings: Surroundings) -> Request | Refusal:
        """What is asked for by the command with ``rest`` behind its name."""
        try:
            return self.parse(rest.strip(" \t"), surroundings)
        except Misuse as misuse:
            remedy = f"Usage: `{self.usage}`."
            if misuse.line:
                remedy = f"Try `{misuse.line}`. {remedy}"
            return Refusal(f"`/{self.name}`", misuse.problem, remedy)


ENVIRONMENT = Argument(
    "[environment]",
    "Which environment; without it `production`, or the only one that the policy has.",
)
TARGET_DESCRIPTION = (
    "A tag, or a commit's id of which at least 7 characters are given; without it the commit that "
    "the pull request was merged as, or on an open one its head."
)
DRY_RUN = Argument("[--dry-run]", "Only show what would be done, and the digest of that plan.")
PLAN = Argument(
    "[--plan=<digest>]",
    "Only if the plan is still the one that a dry run showed, by its digest; else it is refused.",
)


def first_word(rest: str) -> tuple[str, str]:
    """The first word and what stands behind it."""
    parts = rest.split(None, 1)
    return (parts[0] if parts else "", parts[1].rstrip() if len(parts) > 1 else "")


def take_flags(
    words: Sequence[str], flags: Sequence[str], command: str
) -> tuple[list[str], set[str]]:
    """Words that are no flags, and the flags; a flag may stand anywhere and once."""
    left: list[str] = []
    found: set[str] = set()
    for word in words:
        if not word.startswith("-"):
            left.append(word)
        elif word in found:
            raise Misuse(f"`{word}` stands there twice.")
        elif word in flags:
            found.add(word)
        else:
            meant = nearest("--" + word.lstrip("-"), flags)
            kept = " ".join([meant if each == word else each for each in words])
            raise Misuse(f"There is no `{word}`.", f"/{command} {kept}" if meant else "")
    return left, found


def take_plan(words: Sequence[str], command: str) -> tuple[list[str], str]:
    """Words that are not ``PLAN``, and the digest that it gives; empty if it is not there."""
    left = [word for word in words if word != _PLAN and not word.startswith(f"{_PLAN}=")]
    given = [word for word in words if word not in left]
    if not given:
        return left, ""
    if len(given) > 1:
        raise Misuse(f"`{_PLAN}` stands there twice.")
    digest = given[0].removeprefix(_PLAN).removeprefix("=").lower()
    line = " ".join([f"/{command}", *left])
    if not _DIGEST.fullmatch(digest):
        raise Misuse(
            f"`{_PLAN}=` takes the {DIGEST_LENGTH} hexadecimal digits that a dry run shows.",
            f"{line} {DRY_RUN.form.strip('[]')}",
        )
    return left, digest


def default_environment(surroundings: Surroundings, command: str) -> str:
    names = list(surroundings.environments)
    if DEFAULT_ENVIRONMENT in names:
        return DEFAULT_ENVIRONMENT
    if len(names) == 1:
        return names[0]
    if not names:
        raise Misuse(
            "The policy names no environment. Whoever keeps `.github/lockgate.yml` adds one under "
            "`environments`."
        )
    raise Misuse(
        f"There is more than one environment, {listed(names)}, and none is named "
        f"`{DEFAULT_ENVIRONMENT}`.",
        f"/{command} {names[0]}",
    )


def take_environment(rest: str, surroundings: Surroundings, command: str) -> tuple[str, str]:
    """The environment that the first word names, else the default; and what stands behind it."""
    word, left = first_word(rest)
    if word in surroundings.environments:
        return word, left
    return default_environment(surroundings, command), rest


def only_environment(rest: str, surroundings: Surroundings, command: str) -> str:
    """An environment with nothing behind it."""
    environment, left = take_environment(rest, surroundings, command)
    if not left:
        return environment
    word, more = first_word(left)
    if left != rest:
        raise Misuse(
            f"Nothing goes behind the environment, and `{left}` stands there.",
            f"/{command} {environment}",
        )
    meant = nearest(word, surroundings.environments)
    if more and not meant:
        raise Misuse(
            f"This takes at most an environment, and `{rest}` stands there.", f"/{command}"
        )
    raise Misuse(no_environment(word, surroundings), f"/{command} {meant or environment}")


def one_environment(command: str, request: Callable[[str], Request]) -> Parse:
    """For commands that take an environment and nothing else."""

    def parse(rest: str, surroundings: Surroundings) -> Request:
        return request(only_environment(rest, surroundings, command))

    return parse


def one_or_all(command: str, request: Callable[[str], Request]) -> Parse:
    """The same where none means all of them, and is asked for as an empty name."""

    def parse(rest: str, surroundings: Surroundings) -> Request:
        return request(only_environment(rest, surroundings, command) if rest else "")

    return parse


def no_environment(word: str, surroundings: Surroundings) -> str:
    return f"There is no environment `{word}`; the policy has {listed(surroundings.environments)}."


def read_named(word: str) -> Named | None:
    """A tag or a commit's id; None for what is neither.

    Of the names that git allows, tags here are those of letters, digits and ``.-_+@/`` in ASCII.
    """
    if _SHA.fullmatch(word):
        return ShaPrefix(word.lower())
    if _DIGITS.fullmatch(word) or len(word) > _MAX_TAG or not _TAG.fullmatch(word):
        return None
    if ".." in word or "@{" in word or word.endswith((".", ".lock")) or ".lock/" in word:
        return None
    return TagName(word)


def read_count(word: str) -> int | None:
    return int(word) if _DIGITS.fullmatch(word) else None


def take_target(words: Sequence[str], surroundings: Surroundings, command: str) -> str:
    """The one word left, which may name a target; empty if there is none."""
    if not words:
        return ""
    word = words[0]
    if word in surroundings.environments:
        raise Misuse("Two environments are named; one at a time.", f"/{command} {word}")
    meant = nearest(word, surroundings.environments)
    if meant:
        raise Misuse(
            no_environment(word, surroundings), " ".join([f"/{command}", meant, *words[1:]])
        )
    if len(words) > 1:
        raise Misuse(
            f"One target can be named, and `{' '.join(words)}` stands there.", f"/{command} {word}"
        )
    return word


def take_reason(rest: str, line: str) -> str:
    """``line`` is what was understood so far, for the line to try."""
    reason = " ".join(rest.split())
    if typed := _AS_TYPED.fullmatch(reason):
        reason = typed["said"].strip()
    if not reason:
        raise Misuse(
            "The reason is missing; it is shown to whoever is held by this.",
            f"{line} the database is being moved",
        )
    if len(reason) > MAX_REASON:
        raise Misuse(
            f"The reason has {len(reason)} characters, {MAX_REASON} are allowed.",
            f"{line} {reason[:60].rstrip()}",
        )
    return reason


def listed(names: Iterable[str]) -> str:
    """Names as code, at most a dozen of them."""
    return phrases.listed([f"`{name}`" for name in names], 12)
