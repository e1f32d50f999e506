"""Messages that git, GitHub or a tool words: whether they may land at all.

They have no type, so no other rule looks at them.
"""

from typing import TYPE_CHECKING

from bot.core.commits.message import Message, MessageKind
from bot.core.commits.rules.rule import Level, Part, Rule

if TYPE_CHECKING:
    from bot.core.commits.config import CommitsConfig


def _merge(message: Message, config: "CommitsConfig") -> str:
    return "this is a merge's message"


def _revert(message: Message, config: "CommitsConfig") -> str:
    return "this is git's wording of a revert, which has no type"


def _reverts_nothing(message: Message, config: "CommitsConfig") -> str:
    if message.type is None or message.type.lower() != "revert":
        return ""
    if message.reverts or message.reverted_pulls:
        return ""
    return "the revert names no commit: add a footer “Refs: ” with its id"


def _fixup(message: Message, config: "CommitsConfig") -> str:
    word = message.header.strip().partition("!")[0]
    return f"a {word}! commit should be folded into its commit before it lands"


def _initial(message: Message, config: "CommitsConfig") -> str:
    return "an initial commit has no type"


MERGE_COMMIT = Rule(
    name="merge-commit",
    requirement="No merge's own message lands.",
    fault="is a merge",
    check=_merge,
    bad="Merge branch 'main' into search",
    good="feat: add search",
    level=Level.DISABLED,
    kinds=frozenset({MessageKind.MERGE}),
)

REVERT_COMMIT = Rule(
    name="revert-commit",
    requirement="A revert is written with the type `revert`, not in git's wording.",
    fault="is a revert without a type",
    check=_revert,
    bad='Revert "feat: add search"',
    good="revert: add search",
    level=Level.DISABLED,
    kinds=frozenset({MessageKind.REVERT}),
)

REVERT_REFS = Rule(
    name="revert-refs",
    requirement="A message of the type `revert` names the commits that it reverts.",
    fault="names no reverted commit",
    check=_reverts_nothing,
    bad="revert: add search",
    good="revert: add search\n\nRefs: 676104e",
    level=Level.DISABLED,
    part=Part.BODY,
)

FIXUP_COMMIT = Rule(
    name="fixup-commit",
    requirement="`fixup!`, `squash!` and `amend!` commits are folded before they land: "
    "`git rebase -i --autosquash`.",
    fault="is a fixup",
    check=_fixup,
    bad="fixup! feat: add search",
    good="feat: add search",
    level=Level.WARNING,
    kinds=frozenset({MessageKind.FIXUP}),
)

INITIAL_COMMIT = Rule(
    name="initial-commit",
    requirement="The first commit has a type as well.",
    fault="is an initial commit",
    check=_initial,
    bad="Initial commit",
    good="chore: begin the project",
    level=Level.DISABLED,
    kinds=frozenset({MessageKind.INITIAL}),
)
