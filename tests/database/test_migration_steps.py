"""Which statements PostgreSQL runs outside of a transaction only."""

import pytest

from bot.core.migrations.steps import parse_steps


@pytest.mark.parametrize(
    ("statement", "builds", "indexes"),
    [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", '"i"', '"t"'),
        ('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "I" ON s.t (a)', '"s"."I"', '"s"."t"'),
        ("CREATE INDEX CONCURRENTLY ON t (a)", "", '"t"'),
        ("DROP INDEX CONCURRENTLY i", "", ""),
        ("REINDEX TABLE CONCURRENTLY t", "", '"t"'),
        ("REINDEX (CONCURRENTLY, VERBOSE) INDEX i", "", '"i"'),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "", ""),
        ("VACUUM t", "", ""),
        ("ALTER SYSTEM SET work_mem = '1MB'", "", ""),
    ],
)
def test_outside_of_a_transaction(statement: str, builds: str, indexes: str) -> None:
    steps = parse_steps(f"CREATE TABLE a ();\n{statement};")
    assert not steps.in_transaction
    first, step = steps.steps
    assert not first.outside
    assert (step.outside, step.builds, step.indexes, step.line) == (True, builds, indexes, 2)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX i ON t (a)",
        "DROP INDEX i",
        "REINDEX TABLE t",
        "ALTER TABLE t DETACH PARTITION p",
        "ALTER TABLE t ADD COLUMN a int",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "ALTER TYPE e ADD VALUE 'x'",
        "ANALYZE t",
    ],
)
def test_in_a_transaction(statement: str) -> None:
    assert parse_steps(statement).in_transaction
