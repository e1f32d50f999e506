"""GitHub's refusals to let a branch or tag be written, with what is to be done about each."""

import re

from bot.core.model import RepoRef
from bot.ports import HubRefused
from bot.ports.releases import RefProtected

_SAID = "GitHub answered"
"""What stands before it are names, which may be any."""
_PERMISSION = re.compile(r"Resource not accessible|not granted", re.IGNORECASE)
_WORKFLOWS = re.compile(r"`?workflows`? permission|create or update workflow", re.IGNORECASE)
_RULES = re.compile(
    r"rule violation|protected (?:ref|branch|tag)\b|being restricted|pre_receive"
    r"|Reference update failed|must be made through|Cannot (?:force-push|update|delete|create) ",
    re.IGNORECASE,
)
"""What GitHub is known to say of rulesets, of classic protection and of its own hooks. It is not
documented; sometimes it is no more than "Reference update failed"."""


def told(error: HubRefused, repo: RepoRef, ref: str) -> HubRefused:
    """The refusal to write ``ref``, as RefProtected where it is known what is to be done."""
    _, _, said = str(error).partition(_SAID)
    remedy = _remedy(said, repo, ref)
    return RefProtected(str(error), ref=ref, remedy=remedy) if remedy else error


def _remedy(text: str, repo: RepoRef, ref: str) -> str:
    if _WORKFLOWS.search(text):
        return (
            "What is to be written changes files below .github/workflows: give the App the "
            "repository permission Workflows: Read and write, and accept it where it is installed."
        )
    if _PERMISSION.search(text):
        return (
            "Give the App the repository permission Contents: Read and write, and accept it where "
            f"it is installed on {repo.owner}; `lockgate doctor` shows what is missing."
        )
    if _RULES.search(text):
        kind, _, name = ref.removeprefix("refs/").partition("/")
        named = f"the tag {name}" if kind == "tags" else f"the branch {name}"
        rulesets = (
            f"In the settings of {repo.full_name}, under Rules → Rulesets, add the App to the "
            f"bypass list of the ruleset that covers {named}"
        )
        classic = ", and under Branches let it push and force-push there" if kind == "heads" else ""
        return f"{rulesets}{classic}; rulesets of the organization are in its own settings."
    return ""
