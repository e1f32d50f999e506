"""Which messages of a pull request will stand on the trunk once it is merged.

GitHub's rules, from the repository's settings:

- A squash makes one commit. Its title is the pull request's, or, with "default message" and a
  pull request of a single commit, that commit's message.
- A rebase keeps every commit as it is.
- A merge keeps every commit as it is and adds its own, whose title is GitHub's ("Merge pull
  request #12 from …") or the pull request's.

https://docs.github.com/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.commits.config import Enforce
from bot.core.model import MergeSettings, MergeTitle, SquashTitle


@dataclass(frozen=True, slots=True)
class Landing:
    """Which messages are to be checked, and a sentence that says why."""

    title: bool
    commits: bool
    reason: str


def decide_landing(
    settings: MergeSettings, commit_count: int, enforce: Enforce = Enforce.AUTO
) -> Landing:
    """What will land of a pull request of so many commits, or what the policy asks for."""
    match enforce:
        case Enforce.AUTO:
            return _by_settings(settings, commit_count)
        case Enforce.TITLE:
            return Landing(True, False, "The policy asks for the title alone (`enforce: title`).")
        case Enforce.COMMITS:
            return Landing(
                False, True, "The policy asks for every commit, not the title (`enforce: commits`)."
            )
        case Enforce.BOTH:
            return Landing(
                True, True, "The policy asks for the title and every commit (`enforce: both`)."
            )
        case Enforce.OFF:
            return Landing(False, False, "The policy turns this check off (`enforce: off`).")


@dataclass(frozen=True, slots=True)
class _Way:
    """One allowed way of merging, and what it lets land."""

    name: str
    title: bool
    commits: bool
    clause: str


def _by_settings(settings: MergeSettings, commit_count: int) -> Landing:
    ways = _ways(settings, commit_count)
    if not ways:
        return Landing(
            True,
            True,
            "Which ways of merging this repository allows is not known, so everything that could "
            "land is checked: the title and every commit.",
        )
    title = any(way.title for way in ways)
    commits = any(way.commits for way in ways)
    if len(ways) == 1:
        start = f"This repository only allows {ways[0].name}: it {ways[0].clause}"
        verb = "land" if title and commits else "lands"
        return Landing(title, commits, f"{start}, so {_what(title, commits, commit_count)} {verb}.")
    names = _joined([way.name for way in ways])
    clauses = "; ".join(f"{way.name} {way.clause}" for way in ways)
    return Landing(
        title,
        commits,
        f"This repository allows {names}, so {_what(title, commits, commit_count)} could land: "
        f"{clauses}.",
    )


def _ways(settings: MergeSettings, commit_count: int) -> list[_Way]:
    ways = []
    if settings.squash:
        if settings.squash_title is SquashTitle.PR_TITLE:
            ways.append(_Way("squash", True, False, "takes the title"))
        elif commit_count == 1:
            clause = "takes the message of a single commit (and the title once there are more)"
            ways.append(_Way("squash", False, True, clause))
        else:
            clause = "takes the title, since there is more than one commit"
            ways.append(_Way("squash", True, False, clause if commit_count else "takes the title"))
    if settings.merge:
        if settings.merge_title is MergeTitle.PR_TITLE:
            ways.append(
                _Way("merge", True, True, "keeps every commit and takes the title for its own")
            )
        else:
            ways.append(_Way("merge", False, True, "keeps every commit"))
    if settings.rebase:
        ways.append(_Way("rebase", False, True, "keeps every commit"))
    return ways


def _what(title: bool, commits: bool, commit_count: int) -> str:
    some = "the commit's message" if commit_count == 1 else "every commit's message"
    if title and commits:
        return f"the title and {some}"
    return "the title" if title else some


def _joined(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
