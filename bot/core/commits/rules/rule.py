"""What a rule is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from bot.core.commits.message import Message, MessageKind

if TYPE_CHECKING:  # the policy names the rules, so the rules cannot need it to be imported
    from bot.core.commits.config import CommitsConfig


class Level(StrEnum):
    """What a rule's problem means."""

    DISABLED = "disabled"
    WARNING = "warning"
    """Shown, and the message stays valid."""
    ERROR = "error"


class Part(StrEnum):
    """What a rule looks at. Of a pull request's title only the header rules can be asked."""

    HEADER = "header"
    BODY = "body"


Check: TypeAlias = "Callable[[Message, CommitsConfig], str]"
"""What is wrong, in a few plain words with the numbers and names found; empty when all is well."""

WRITTEN = frozenset({MessageKind.CONVENTIONAL, MessageKind.OTHER})
"""Messages that a person words freely. ``revert:`` counts as conventional here."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A requirement. Names are commitlint's where it has the rule: https://commitlint.js.org"""

    name: str
    requirement: str
    """One sentence, for the documentation and the policy's schema."""
    fault: str
    """What a message that breaks it does, for "1 of 4 messages …": "needs a type"."""
    check: Check
    bad: str
    good: str
    """Examples, under ``settings`` and with the rule as an error."""
    level: Level = Level.ERROR
    part: Part = Part.HEADER
    kinds: frozenset[MessageKind] = WRITTEN
    spares_bots: bool = False
    """Whether messages of bots and dependency updates are left alone: nobody words them."""
    enabled_by: str = ""
    """A policy key that, when set, makes a disabled rule an error."""
    settings: Mapping[str, object] = field(default_factory=dict)
