"""A request as the line that asks for it: what the command line types for a person.

The grammar itself is asked whether it reads the line as what was meant, against the policy's
environments where they are known: `/lock staging is slow` would lock staging.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from bot.core.commands import gates, lock, promote, rollback, status, unlock
from bot.core.commands.command import (
    DEFAULT_ENVIRONMENT,
    DRY_RUN,
    PLAN,
    Argument,
    Misuse,
    Surroundings,
    default_environment,
    no_environment,
)
from bot.core.commands.grammar import Misread, Silence, read_comment
from bot.core.commands.requests import (
    GatesRequest,
    LockRequest,
    Named,
    PromoteRequest,
    Refusal,
    Request,
    RollbackRequest,
    RollbackTo,
    ShaPrefix,
    StatusRequest,
    StepsBack,
    TagName,
    UnlockRequest,
)
from bot.core.policy.environments import EnvironmentPolicy

Typable: TypeAlias = (
    PromoteRequest | RollbackRequest | StatusRequest | GatesRequest | LockRequest | UnlockRequest
)
"""What can be typed from a terminal. An empty environment is for the bot to fill in."""

_MARKUP = re.compile(r"([\\`*_\[\]<&])")
"""What Markdown would take for its own within a line."""


@dataclass(frozen=True, slots=True)
class Line:
    """``request`` is what the bot will read, with the environment that is meant where it is known
    here."""

    text: str
    request: Typable


def plan_line(
    request: Typable, environments: Mapping[str, EnvironmentPolicy], now: datetime
) -> Line:
    """The line to type. ``environments`` are the policy's; empty where they are not known.

    Raises:
        Misuse: the bot would not read it, or would read it as something else.
    """
    if isinstance(request, LockRequest):
        request = replace(request, reason=" ".join(request.reason.split()))
    request = _with_environment(request, environments, now)
    meant = request
    if not request.environment and not isinstance(request, StatusRequest):
        meant = replace(request, environment=DEFAULT_ENVIRONMENT)
    assumed = environments or {meant.environment or DEFAULT_ENVIRONMENT: EnvironmentPolicy()}
    surroundings = Surroundings(assumed, now)
    text = line_of(request)
    if not _reads_as(text, meant, surroundings):
        text = line_of(request, escaped=True)
    read = _read(text, surroundings)
    if read != meant:
        raise Misuse(f"“{text}” would be read as something else than what was meant.")
    return Line(text, request)


def line_of(request: Typable, *, escaped: bool = False) -> str:
    """``escaped`` is for a reason that Markdown would take part of for its own."""
    words: tuple[str, ...]
    flags: tuple[str, ...]
    match request:
        case PromoteRequest(environment, target, dry_run, when_ready, plan):
            flags = (_flag(DRY_RUN, dry_run), _flag(promote.WHEN_READY, when_ready), _plan(plan))
            words = (promote.PROMOTE.name, environment, _target(target), *flags)
        case RollbackRequest(environment, back_to, dry_run, plan):
            flags = (_flag(DRY_RUN, dry_run), _plan(plan))
            words = (rollback.ROLLBACK.name, environment, _target(back_to), *flags)
        case StatusRequest(environment):
            words = (status.STATUS.name, environment)
        case GatesRequest(environment):
            words = (gates.GATES.name, environment)
        case LockRequest(environment, reason):
            free = _MARKUP.sub(r"\\\1", reason) if escaped else reason
            words = (lock.LOCK.name, environment, free)
        case UnlockRequest(environment):
            words = (unlock.UNLOCK.name, environment)
    return "/" + " ".join(filter(None, words))


def _flag(argument: Argument, given: bool) -> str:
    return argument.form.strip("[]") if given else ""


def _plan(digest: str) -> str:
    return PLAN.form.strip("[]").replace("<digest>", digest) if digest else ""


def _target(target: Named | RollbackTo | None) -> str:
    match target:
        case None:
            return ""
        case StepsBack(count):
            return str(count)
        case ShaPrefix(text) | TagName(text):
            return text


def _with_environment(
    request: Typable, environments: Mapping[str, EnvironmentPolicy], now: datetime
) -> Typable:
    """With the environment by its name, so that no word behind it can be taken for one."""
    surroundings = Surroundings(environments, now)
    if request.environment:
        if environments and request.environment not in environments:
            raise Misuse(no_environment(request.environment, surroundings))
        return request
    if isinstance(request, StatusRequest):
        return request
    if environments:
        return replace(request, environment=default_environment(surroundings, ""))
    if getattr(request, "target", None) or getattr(request, "reason", ""):
        raise Misuse(
            "Which environments there are could not be read, so that the word behind the command "
            "might be taken for one: name the environment."
        )
    return request


def _reads_as(text: str, meant: Typable, surroundings: Surroundings) -> bool:
    try:
        return _read(text, surroundings) == meant
    except Misuse:
        return False


def _read(text: str, surroundings: Surroundings) -> Request:
    """What the bot reads in a comment of this line alone. Raises Misuse."""
    reading = read_comment(text)
    if isinstance(reading, Misread):
        raise Misuse(reading.problem)
    if isinstance(reading, Silence) or len(reading) != 1:
        raise Misuse(f"“{text}” would not be read as one command.")
    request = reading[0].command.read(reading[0].rest, surroundings)
    if isinstance(request, Refusal):
        raise Misuse(request.against)
    return request
