"""The one list of what Lockgate is made of. Adding a unit is one file and one line here."""

from bot.core.commands.cancel import CANCEL
from bot.core.commands.command import Command
from bot.core.commands.freeze import FREEZE
from bot.core.commands.gates import GATES
from bot.core.commands.help import HELP
from bot.core.commands.lock import LOCK
from bot.core.commands.override import OVERRIDE
from bot.core.commands.promote import PROMOTE
from bot.core.commands.retry import RETRY
from bot.core.commands.rollback import ROLLBACK
from bot.core.commands.status import STATUS
from bot.core.commands.thaw import THAW
from bot.core.commands.unlock import UNLOCK
from bot.core.commits.rules import (
    breaking,
    footers,
    header,
    kinds,
    layout,
    lines,
    scope,
    subject,
    type,  # noqa: A004 (the rule family's name)
)
from bot.core.commits.rules.rule import Rule

COMMIT_RULES: tuple[Rule, ...] = (
    type.TYPE_EMPTY,
    type.TYPE_CASE,
    type.TYPE_ENUM,
    scope.SCOPE_EMPTY,
    scope.SCOPE_ENUM,
    scope.SCOPE_CASE,
    scope.SCOPE_TRIM,
    subject.SUBJECT_EMPTY,
    subject.SUBJECT_CASE,
    subject.SUBJECT_FULL_STOP,
    header.HEADER_MAX_LENGTH,
    header.HEADER_TRIM,
    layout.BODY_LEADING_BLANK,
    lines.BODY_MAX_LINE_LENGTH,
    layout.FOOTER_LEADING_BLANK,
    lines.FOOTER_MAX_LINE_LENGTH,
    footers.TRAILER_EXISTS,
    footers.SIGNED_OFF_BY,
    breaking.BREAKING_CHANGE_SYNTAX,
    breaking.BREAKING_CHANGE_FOOTER,
    breaking.BREAKING_CHANGE_EXCLAMATION_MARK,
    kinds.MERGE_COMMIT,
    kinds.REVERT_COMMIT,
    kinds.REVERT_REFS,
    kinds.FIXUP_COMMIT,
    kinds.INITIAL_COMMIT,
)
"""In the order in which problems are told: what decides about a message comes first."""

COMMANDS: tuple[Command, ...] = (
    PROMOTE,
    ROLLBACK,
    STATUS,
    GATES,
    LOCK,
    UNLOCK,
    FREEZE,
    THAW,
    OVERRIDE,
    CANCEL,
    RETRY,
    HELP,
)
"""In the order in which help shows them."""
