"""The one list of what Lockgate is made of. Adding a unit is one file and one line here."""

from bot.core.commands.cancel import CANCEL
from bot.core.commands.command import Command
from bot.core.commands.contract import CONTRACT
from bot.core.commands.freeze import FREEZE
from bot.core.commands.gates import GATES as GATES_COMMAND
from bot.core.commands.help import HELP
from bot.core.commands.lock import LOCK
from bot.core.commands.migrate import MIGRATE
from bot.core.commands.migrations import MIGRATIONS
from bot.core.commands.override import OVERRIDE
from bot.core.commands.promote import PROMOTE
from bot.core.commands.release import RELEASE
from bot.core.commands.retry import RETRY
from bot.core.commands.rollback import ROLLBACK
from bot.core.commands.slo import SLO
from bot.core.commands.status import STATUS
from bot.core.commands.thaw import THAW
from bot.core.commands.unlock import UNLOCK
from bot.core.commands.watch import WATCH
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
from bot.core.gates import (
    approvals,
    backfills,
    checks,
    commits,
    deployment,
    freeze,
    lock,
    migrations,
    order,
    schema,
    slo,
    source,
)
from bot.core.migrations.drafts.recipe import Recipe
from bot.core.migrations.recipes.add_not_null import ADD_NOT_NULL
from bot.core.migrations.recipes.add_unique import ADD_UNIQUE
from bot.core.migrations.recipes.change_type import CHANGE_TYPE
from bot.core.migrations.recipes.drop_column import DROP_COLUMN
from bot.core.migrations.recipes.move_column import MOVE_COLUMN
from bot.core.migrations.recipes.rename_column import RENAME_COLUMN
from bot.core.migrations.recipes.split_table import SPLIT_TABLE
from bot.core.migrations.ruleset import MIGRATION_RULES as MIGRATION_RULES
from bot.core.promotion import Gate
from bot.core.release.updaters.by_path import BY_PATH
from bot.core.release.updaters.by_regex import BY_REGEX
from bot.core.release.updaters.cargo_lock import CARGO_LOCK
from bot.core.release.updaters.cargo_toml import CARGO_TOML
from bot.core.release.updaters.go_mod import GO_MOD
from bot.core.release.updaters.marker import MARKER
from bot.core.release.updaters.other_locks import OTHER_LOCKS
from bot.core.release.updaters.package_json import PACKAGE_JSON
from bot.core.release.updaters.package_lock import PACKAGE_LOCK
from bot.core.release.updaters.pyproject import PYPROJECT
from bot.core.release.updaters.python_source import PYTHON_SOURCE
from bot.core.release.updaters.setup_cfg import SETUP_CFG
from bot.core.release.updaters.updater import Updater
from bot.core.release.updaters.uv_lock import UV_LOCK
from bot.core.release.updaters.version_txt import VERSION_TXT

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
    GATES_COMMAND,
    SLO,
    LOCK,
    UNLOCK,
    FREEZE,
    THAW,
    OVERRIDE,
    CANCEL,
    RETRY,
    WATCH,
    MIGRATE,
    CONTRACT,
    MIGRATIONS,
    RELEASE,
    HELP,
)
"""In the order in which help shows them."""

GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate(
            "source",
            "It may go there: on the trunk, released, or approved.",
            source.evaluate,
            overridable=False,
        ),
        Gate("checks", "The checks of its commit are green.", checks.evaluate),
        Gate("commits", "The message that landed keeps to the rules.", commits.evaluate_landed),
        Gate(
            "deployment",
            "It is built for production from exactly its commit.",
            deployment.evaluate,
            overridable=False,
        ),
        Gate(
            "approvals",
            "Enough people approved it, and nobody asks for changes.",
            approvals.evaluate,
        ),
        Gate("migrations", "The migrations that it needs are applied.", migrations.evaluate),
        Gate("backfills", "The backfills that it needs are complete.", backfills.evaluate),
        Gate("schema", "The schema is as the last known change left it.", schema.evaluate),
        Gate("slo", "No objective is out of its error budget.", slo.evaluate),
        Gate("freeze", "No freeze holds.", freeze.evaluate),
        Gate("lock", "Nobody has locked the environment.", lock.evaluate),
        Gate("order", "It is live in the environment before, for long enough.", order.evaluate),
    )
}
"""The gates of promotion, by the names that the policy has for them."""

UPDATERS: tuple[Updater, ...] = (
    PACKAGE_JSON,
    PACKAGE_LOCK,
    PYPROJECT,
    SETUP_CFG,
    PYTHON_SOURCE,
    UV_LOCK,
    CARGO_TOML,
    CARGO_LOCK,
    GO_MOD,
    VERSION_TXT,
    OTHER_LOCKS,
    MARKER,
    BY_PATH,
    BY_REGEX,
)
"""Of those that know files by name, the first that matches sets the version there; the last three
are for files that the policy names."""

RECIPES: tuple[Recipe, ...] = (
    RENAME_COLUMN,
    CHANGE_TYPE,
    ADD_NOT_NULL,
    ADD_UNIQUE,
    MOVE_COLUMN,
    SPLIT_TABLE,
    DROP_COLUMN,
)
"""Changes of a schema that go out in steps, in the order in which the documentation has them."""
