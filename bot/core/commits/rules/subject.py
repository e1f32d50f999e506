"""The description after the colon, which commitlint calls the subject."""

from typing import TYPE_CHECKING

from bot.core.commits.message import Message
from bot.core.commits.rules.cases import is_case, starts_with_cased_letter
from bot.core.commits.rules.rule import Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig


def _empty(message: Message, config: "CommitsConfig") -> str:
    if message.type is None or message.description:
        return ""
    return "nothing stands after the colon"


def _in_refused_case(message: Message, config: "CommitsConfig") -> str:
    description = message.description
    if not description or not starts_with_cased_letter(description):
        return ""
    first = description[0]
    small = first != first.upper()
    refused = config.refused_cases_of_small_first if small else config.subject_case_refused
    for case in refused:
        if is_case(description, case):
            return f"the description is in {case.value}"
    return ""


def _full_stop(message: Message, config: "CommitsConfig") -> str:
    description = message.description
    if not description.endswith(config.subject_full_stop) or description.endswith("..."):
        return ""
    return f"the description ends with “{config.subject_full_stop}”"


SUBJECT_EMPTY = Rule(
    name="subject-empty",
    requirement="A description follows the type.",
    fault="needs a description",
    check=_empty,
    bad="feat:",
    good="feat: add search",
)

SUBJECT_CASE = Rule(
    name="subject-case",
    requirement="The description is in none of `subject_case_refused`. Words in quotes or "
    "backticks are not looked at, nor is a description that begins with one.",
    fault="has a capitalised description",
    check=_in_refused_case,
    bad="feat: Add search",
    good="feat: add search",
)

SUBJECT_FULL_STOP = Rule(
    name="subject-full-stop",
    requirement="The description does not end with `subject_full_stop`; an ellipsis may stand.",
    fault="ends with a full stop",
    check=_full_stop,
    bad="feat: add search.",
    good="feat: add search",
)
