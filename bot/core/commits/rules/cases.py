"""Letter cases, as commitlint names and tells them.

https://commitlint.js.org/reference/rules-configuration.html#case
"""

import re
from collections.abc import Callable
from enum import StrEnum

# Words in quotes may be proper names and are not looked at.
_QUOTED = re.compile(r"`[^`]*`|\"[^\"]*\"|'[^']*'")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


class Case(StrEnum):
    LOWER = "lower-case"
    UPPER = "upper-case"
    SENTENCE = "sentence-case"
    START = "start-case"
    CAMEL = "camel-case"
    PASCAL = "pascal-case"
    KEBAB = "kebab-case"
    SNAKE = "snake-case"


CAPITALISED = frozenset({Case.UPPER, Case.SENTENCE, Case.START, Case.PASCAL})
"""The cases in which the first letter must be a capital."""


def is_case(text: str, case: Case) -> bool:
    """Whether a text is in a case. Digits and quoted words alone are in every case."""
    if "`" in text or '"' in text or "'" in text:
        text = _QUOTED.sub("", text)
    text = text.strip()
    return not text or text[0].isdigit() or _FORMS[case](text) == text


def starts_with_cased_letter(text: str) -> bool:
    """Whether the first character has a case at all, which most of the world's letters have not."""
    return text[:1].lower() != text[:1].upper()


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _pascal(text: str) -> str:
    return "".join(_upper_first(word.lower()) for word in _words(text))


def _upper_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _camel(text: str) -> str:
    joined = _pascal(text)
    return joined[:1].lower() + joined[1:]


_FORMS: dict[Case, Callable[[str], str]] = {
    Case.LOWER: str.lower,
    Case.UPPER: str.upper,
    Case.SENTENCE: _upper_first,
    Case.START: lambda text: " ".join(map(_upper_first, _words(text))),
    Case.CAMEL: _camel,
    Case.PASCAL: _pascal,
    Case.KEBAB: lambda text: "-".join(_words(text)).lower(),
    Case.SNAKE: lambda text: "_".join(_words(text)).lower(),
}
