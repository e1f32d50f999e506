"""What squawk finds, as findings of ours. https://squawkhq.com/docs/rules"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bot.core.migrations.findings import Severity

REPLACED = frozenset(
    {
        # Our rules say it with locks, sizes and the safe rewrite.
        "adding-field-with-default",
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-serial-primary-key-field",
        "ban-concurrent-index-creation-in-transaction",
        "ban-truncate-cascade",
        "changing-column-type",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
        "require-lock-timeout",
        "require-timeout-settings",
        # Our rules know the phase: in a contract it is the point.
        "adding-required-field",
        "ban-alter-identity",
        "ban-drop-column",
        "ban-drop-constraint",
        "ban-drop-database",
        "ban-drop-default",
        "ban-drop-domain",
        "ban-drop-function",
        "ban-drop-not-null",
        "ban-drop-schema",
        "ban-drop-sequence",
        "ban-drop-table",
        "ban-drop-trigger",
        "ban-drop-type",
        "ban-drop-view",
        "renaming-column",
        "renaming-table",
        # Each file is one transaction, and the runner sets the time that a statement may take.
        "ban-uncommitted-transaction",
        "prefer-robust-stmts",
        "require-statement-timeout",
        "transaction-nesting",
        # A wider varchar costs nothing.
        "prefer-text-field",
        # Ours is PostgreSQL's own parser.
        "syntax-error",
    }
)
"""Rules of squawk that are passed over."""
_TASTE = frozenset(
    {"prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity"}
    | {"prefer-timestamp-tz", "prefer-timestamptz", "ban-char-field", "require-enum-value-ordering"}
    | {"ban-create-domain-with-constraint", "ban-alter-domain-with-add-constraint"}
)
"""Advice that no lock and no build depends on."""


@dataclass(frozen=True, slots=True)
class SquawkFinding:
    path: str
    line: int
    rule: str
    severity: Severity
    message: str
    url: str


class SquawkError(Exception):
    """Its answer cannot be read."""


def parse_squawk(answer: str) -> Iterator[SquawkFinding]:
    """Of its JSON reporter.

    Raises:
        SquawkError: it is not what its reporter writes.
    """
    try:
        for one in json.loads(answer):
            rule = str(one["rule_name"])
            if rule in REPLACED:
                continue
            help_ = f" {one['help']}" if one.get("help") else ""
            yield SquawkFinding(
                str(one["file"]),
                int(one["line"]) + 1,
                rule,
                Severity.INFO if rule in _TASTE else Severity.WARNING,
                f"{one['message']}{help_}",
                f"https://squawkhq.com/docs/{rule}",
            )
    except (ValueError, KeyError, TypeError) as error:
        raise SquawkError("squawk's answer cannot be read") from error
