"""A backfill's file as it is run: its statement, its pauses, what its batches should take."""

from dataclasses import dataclass
from datetime import timedelta

from bot.core.backfills.model import DEFAULT_BATCH, DEFAULT_TARGET
from bot.core.backfills.pauses import Limits, limits_of
from bot.core.backfills.statement import BatchStatement, StatementError, parse_batch_statement
from bot.core.migrations.model import Backfill
from bot.core.migrations.sql import SqlError, parse_statements
from bot.ports.database import DatabaseRefused


@dataclass(frozen=True, slots=True)
class Plan:
    backfill: Backfill
    statement: BatchStatement
    limits: Limits

    @property
    def first_batch(self) -> int:
        """Rows."""
        return self.backfill.batch or DEFAULT_BATCH

    @property
    def latency(self) -> timedelta:
        given = self.backfill.target_ms
        return timedelta(milliseconds=given) if given else DEFAULT_TARGET


def plan_backfill(backfill: Backfill) -> Plan:
    """
    Raises:
        DatabaseRefused: its file says what cannot be run.
    """
    try:
        # Read as SQL reads it: quotation marks and capital letters.
        (select,) = parse_statements(f"TABLE {backfill.table}")
        relation = select.node.from_clause[0].range_var
        table = [name for name in (relation.schemaname, relation.relname) if name]
        return Plan(
            backfill,
            parse_batch_statement(backfill.statement, table),
            limits_of(backfill.pause_when),
        )
    except StatementError as error:
        raise DatabaseRefused(f"{backfill.path}: {error}", error.remedy) from error
    except (SqlError, ValueError) as error:
        raise DatabaseRefused(f"{backfill.path}: {error}", "mend the file") from error


def edited(backfill: Backfill) -> DatabaseRefused:
    return DatabaseRefused(
        f"{backfill.path} was edited after backfill {backfill.version} had begun",
        "put it back as it was; or cancel the backfill, and write a new one",
    )
