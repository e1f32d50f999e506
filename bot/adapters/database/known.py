"""What rules for migrations ask of a database: sizes, write rates, checks, keys, row security."""

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

from bot.adapters.database.connection import named_errors, session
from bot.adapters.database.ledger import fetch_statements
from bot.core.migrations.catalog import Catalog, Check, Column, ForeignKey, Table, Type
from bot.core.migrations.changes import Relation
from bot.core.migrations.rules.rule import Surroundings
from bot.core.migrations.sql import SqlError, parse_statements

# A partitioned table is as large as its partitions; a table that nobody analysed has -1 rows.
_TABLES = """
SELECT n.nspname, c.relname, c.relrowsecurity,
       CASE WHEN sizes.known THEN sizes.rows::int8 END, sizes.bytes::int8,
       sizes.writes / greatest(extract(epoch FROM now() - since.at), 60),
       ARRAY(SELECT a.attname::text
               FROM unnest(p.partattrs::int2[]) WITH ORDINALITY AS k(num, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num ORDER BY k.place)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
 CROSS JOIN (SELECT coalesce((SELECT stats_reset FROM pg_stat_database
                               WHERE datname = current_database()), pg_postmaster_start_time()))
            AS since(at)
 CROSS JOIN LATERAL (
           SELECT sum(CASE WHEN one.reltuples >= 0 THEN one.reltuples
                           WHEN s.n_live_tup > 0 THEN s.n_live_tup
                           WHEN pg_relation_size(one.oid) = 0 THEN 0 END),
                  sum(pg_total_relation_size(one.oid)),
                  sum(coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)),
                  bool_and(one.reltuples >= 0 OR s.n_live_tup > 0
                           OR pg_relation_size(one.oid) = 0)
             FROM pg_class one
             LEFT JOIN pg_stat_all_tables s ON s.relid = one.oid
            WHERE one.oid = c.oid AND c.relkind <> 'p'
               OR c.relkind = 'p' AND one.relkind <> 'p'
                  AND one.oid IN (SELECT relid FROM pg_partition_tree(c.oid))
       ) AS sizes(rows, bytes, writes, known)
 WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname <> 'information_schema'
   AND n.nspname !~ '^pg_'
"""
_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, t.typname, format_type(a.atttypid, a.atttypmod),
       a.attnotnull
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped
   AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
 ORDER BY a.attrelid, a.attnum
"""
_CHECKS = """
SELECT n.nspname, c.relname, o.conname, o.convalidated, pg_get_expr(o.conbin, o.conrelid)
  FROM pg_constraint o
  JOIN pg_class c ON c.oid = o.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE o.contype = 'c'
"""
_FOREIGN_KEYS = """
SELECT n.nspname, c.relname, o.conname, m.nspname, t.relname,
       ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY AS k(num, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num ORDER BY k.place)
  FROM pg_constraint o
  JOIN pg_class c ON c.oid = o.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class t ON t.oid = o.confrelid
  JOIN pg_namespace m ON m.oid = t.relnamespace
 WHERE o.contype = 'f'
"""
_INDEXES = """
SELECT n.nspname, c.relname, i.relname, x.indisprimary,
       x.indisunique AND x.indisvalid AND x.indimmediate AND x.indpred IS NULL
       AND x.indexprs IS NULL,
       ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(num, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num
              WHERE k.place <= x.indnkeyatts ORDER BY k.place)
  FROM pg_index x
  JOIN pg_class c ON c.oid = x.indrelid
  JOIN pg_class i ON i.oid = x.indexrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_POLICIES = "SELECT schemaname, tablename, policyname FROM pg_policies"
_DOMAINS = """
WITH RECURSIVE constrained(oid) AS (
    SELECT t.oid FROM pg_type t
     WHERE t.typtype = 'd'
       AND (t.typnotnull OR EXISTS (SELECT FROM pg_constraint WHERE contypid = t.oid))
     UNION
    SELECT t.oid FROM pg_type t JOIN constrained c ON t.typbasetype = c.oid
)
SELECT n.nspname, t.typname
  FROM constrained c JOIN pg_type t ON t.oid = c.oid JOIN pg_namespace n ON n.oid = t.typnamespace
"""
_EXPOSED = """
SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.rolname = 'anon'
 WHERE has_schema_privilege(r.oid, n.oid, 'USAGE')
   AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_MODIFIERS = re.compile(r"\((\d+(?:,-?\d+)*)\)")


Rows: TypeAlias = Sequence[tuple[Any, ...]]


async def fetch_known(url: str) -> tuple[Catalog, Surroundings]:
    """The catalog, and the ledger as what stands around a file. Nothing is written.

    Raises:
        DatabaseUnavailable: it cannot be asked.
        DatabaseRefused: the URL cannot be read, or a permission is missing.
    """
    async with session(url, purpose="lockgate migrations") as connection:
        with named_errors():
            async with connection.transaction():
                await connection.execute("SET TRANSACTION READ ONLY")

                async def rows(query: str) -> Rows:
                    return await (await connection.execute(query.encode())).fetchall()

                catalog = _catalog(
                    await rows(_TABLES),
                    await rows(_COLUMNS),
                    await rows(_CHECKS),
                    await rows(_FOREIGN_KEYS),
                    await rows(_INDEXES),
                    await rows(_POLICIES),
                    await rows(_EXPOSED),
                    await rows(_DOMAINS),
                )
                applied = await fetch_statements(connection)
    return catalog, Surroundings(ledger=applied)


class _Gathered:
    """A table's parts while they come in."""

    def __init__(self) -> None:
        self.columns: dict[str, Column] = {}
        self.checks: dict[str, Check] = {}
        self.foreign_keys: dict[str, ForeignKey] = {}
        self.key: tuple[str, ...] = ()
        self.unique: set[tuple[str, ...]] = set()
        self.policies: set[str] = set()


def _catalog(
    tables: Rows,
    columns: Rows,
    checks: Rows,
    foreign_keys: Rows,
    indexes: Rows,
    policies: Rows,
    exposed: Rows,
    domains: Rows,
) -> Catalog:
    parts: dict[Relation, _Gathered] = defaultdict(_Gathered)
    on: dict[Relation, Relation] = {}
    for schema, name, column, type_, written, not_null in columns:
        found = Column(Type(type_, _modifiers(written)), not_null)
        parts[Relation(schema, name)].columns[column] = found
    for schema, name, check, validated, expression in checks:
        parts[Relation(schema, name)].checks[check] = _check(validated, expression)
    for schema, name, constraint, of_schema, to, keys in foreign_keys:
        found_key = ForeignKey(Relation(of_schema, to), tuple(keys))
        parts[Relation(schema, name)].foreign_keys[constraint] = found_key
    for schema, name, index, primary, unique, keys in indexes:
        relation = Relation(schema, name)
        on[Relation(schema, index)] = relation
        if unique:
            parts[relation].unique.add(tuple(keys))
        if primary:
            parts[relation].key = tuple(keys)
    for schema, name, policy in policies:
        parts[Relation(schema, name)].policies.add(policy)
    known = {}
    for schema, name, row_security, rows, size, writes, partition_key in tables:
        relation = Relation(schema, name)
        of = parts[relation]
        known[relation] = Table(
            rows=rows,
            bytes=size,
            writes_per_second=None if writes is None else float(writes),
            columns=of.columns,
            checks=of.checks,
            foreign_keys=of.foreign_keys,
            key=of.key,
            unique=frozenset(of.unique),
            partition_key=tuple(partition_key),
            row_security=row_security,
            policies=frozenset(of.policies),
            known=True,
        )
    return Catalog(
        known,
        on,
        frozenset(schema for (schema,) in exposed),
        complete=True,
        domains=frozenset(Relation(*domain) for domain in domains),
    )


def _modifiers(written: str) -> tuple[int, ...]:
    match = _MODIFIERS.search(written)
    return tuple(map(int, match[1].split(","))) if match else ()


def _check(validated: bool, expression: str) -> Check:
    try:
        (select,) = parse_statements(f"SELECT {expression}")
        (target,) = select.node.target_list
    except (SqlError, ValueError):
        return Check(validated=False, written=expression)
    return Check(validated, target.res_target.val, expression)
