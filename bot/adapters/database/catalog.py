"""What a database's catalog says of tables, for files that are to be exact."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from psycopg.rows import TupleRow

from bot.adapters.database.connection import Arguments, Connection, named_errors, session
from bot.core.migrations.drafts.facts import Column, ForeignKey, Index, Table, TableName
from bot.ports.database import DatabaseRefused

_TABLE = """
SELECT c.oid::int8, c.relkind::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s
"""
_COLUMNS = """
SELECT a.attname,
       format_type(a.atttypid, a.atttypmod),
       a.attnotnull,
       coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
       CASE WHEN a.attcollation <> coalesce(base.typcollation, t.typcollation)
            THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(c.collname)
                    FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
                   WHERE c.oid = a.attcollation) ELSE '' END,
       a.attgenerated <> '',
       a.attidentity <> '',
       coalesce((SELECT p.objid::regclass::text FROM pg_depend p
                   JOIN pg_class s ON s.oid = p.objid AND s.relkind = 'S'
                  WHERE p.classid = 'pg_class'::regclass AND p.refclassid = 'pg_class'::regclass
                    AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum
                    AND p.deptype = 'a'), ''),
       coalesce(col_description(a.attrelid, a.attnum), ''),
       CASE WHEN base.checked THEN base.written ELSE '' END,
       a.attacl IS NOT NULL,
       a.attnum
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  LEFT JOIN LATERAL (
           WITH RECURSIVE below(base, modifier, checked) AS (
               SELECT t.typbasetype, t.typtypmod, t.typnotnull
                      OR EXISTS (SELECT FROM pg_constraint WHERE contypid = t.oid)
                UNION ALL
               SELECT b.typbasetype, b.typtypmod, b.typnotnull
                      OR EXISTS (SELECT FROM pg_constraint WHERE contypid = b.oid)
                 FROM below JOIN pg_type b ON b.oid = below.base AND b.typtype = 'd'
           )
           SELECT p.typcollation, format_type(p.oid, modifier) AS written,
                  (SELECT bool_or(checked) FROM below) AS checked
             FROM below JOIN pg_type p ON p.oid = below.base AND p.typtype <> 'd'
       ) AS base ON t.typtype = 'd'
 WHERE a.attrelid = %s::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum
"""
# What whole columns in their types' own order are: only of these can another be written from names.
_INDEXES = """
SELECT c.relname,
       (SELECT array_agg(a.attname::text ORDER BY k.place)
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum),
       i.indisunique,
       EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.contype = 'u'
                  AND o.conrelid = i.indrelid),
       i.indisprimary,
       i.indexrelid::int8
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am m ON m.oid = c.relam
 WHERE i.indrelid = %s::int8::oid AND i.indisvalid AND m.amname = 'btree'
   AND i.indexprs IS NULL AND i.indpred IS NULL AND i.indnatts = i.indnkeyatts
   AND NOT coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
   AND 0 = ALL (i.indoption::int2[])
   AND NOT EXISTS (
           SELECT FROM unnest(i.indclass::oid[], i.indcollation::oid[], i.indkey::int2[])
                       AS k(opclass, collation_, attnum)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
             JOIN pg_opclass o ON o.oid = k.opclass
            WHERE NOT o.opcdefault OR k.collation_ <> a.attcollation
       )
   AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid
                      AND o.conrelid = i.indrelid AND o.condeferrable)
 ORDER BY i.indisprimary DESC, i.indnatts, c.relname
"""
_FOREIGN_KEYS = """
SELECT o.conname, k.names,
       substr(pg_get_constraintdef(o.oid), length('FOREIGN KEY (' || k.written || ') ') + 1),
       o.oid::int8
  FROM pg_constraint o
 CROSS JOIN LATERAL (
           SELECT array_agg(a.attname::text ORDER BY c.place),
                  string_agg(quote_ident(a.attname), ', ' ORDER BY c.place)
             FROM unnest(o.conkey) WITH ORDINALITY AS c(attnum, place)
             JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = c.attnum
       ) AS k(names, written)
 WHERE o.conrelid = %s::int8::oid AND o.contype = 'f' AND o.conparentid = 0 AND o.convalidated
 ORDER BY o.conname
"""
# Of what goes with a column by itself nothing is said: its default, its sequence, NOT NULL.
_RESTING = """
SELECT d.refobjsubid, pg_describe_object(d.classid, d.objid, d.objsubid)
  FROM pg_depend d
 WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = %(table)s::int8::oid
   AND d.refobjsubid > 0
   AND NOT (d.classid = 'pg_class'::regclass AND d.objid = ANY(%(indexes)s::int8[]::oid[]))
   AND NOT (d.classid = 'pg_constraint'::regclass AND d.objid = ANY(%(keys)s::int8[]::oid[]))
   AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (
           SELECT FROM pg_constraint o WHERE o.oid = d.objid
              AND (o.contype = 'n' OR o.contype IN ('p', 'u')
                                      AND o.conindid = ANY(%(indexes)s::int8[]::oid[]))))
   AND NOT (d.classid = 'pg_attrdef'::regclass AND d.objid = (
           SELECT oid FROM pg_attrdef WHERE adrelid = d.refobjid AND adnum = d.refobjsubid))
   AND NOT (d.classid = 'pg_class'::regclass AND (
           SELECT relkind = 'S' FROM pg_class WHERE oid = d.objid))
 GROUP BY 1, 2
 ORDER BY 1, 2
"""
_GRANTS = """
SELECT coalesce(r.rolname, 'PUBLIC'), array_agg(DISTINCT g.privilege_type::text)
  FROM pg_class c
 CROSS JOIN LATERAL aclexplode(c.relacl) AS g
  LEFT JOIN pg_roles r ON r.oid = g.grantee
 WHERE c.oid = %s::int8::oid AND g.grantee <> c.relowner
   AND g.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
 GROUP BY 1 ORDER BY 1
"""


_HEIRS = """
SELECT i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
 WHERE c.oid = %s::int8::oid AND c.relkind <> 'p' ORDER BY 1
"""

_ONE_SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path = ''
"""
_TABLE_KINDS = ("r", "p")


async def fetch_tables(url: str, names: Iterable[TableName]) -> Mapping[TableName, Table]:
    """Those that are there; types and expressions as written with an empty ``search_path``.

    Raises:
        DatabaseUnavailable: the database cannot be asked.
        DatabaseRefused: it lets nobody in, or a name is of something else than a table.
    """
    found = {}
    async with session(url, purpose="lockgate emc new") as connection:
        with named_errors():
            async with connection.transaction():
                await connection.execute(_ONE_SNAPSHOT)
                for name in names:
                    if (table := await _fetch_table(connection, name)) is not None:
                        found[name] = table
    return found


async def _rows(connection: Connection, query: str, arguments: Arguments) -> list[TupleRow]:
    return await (await connection.execute(query, arguments)).fetchall()


async def _fetch_table(connection: Connection, name: TableName) -> Table | None:
    row = await (await connection.execute(_TABLE, [name.schema, name.name])).fetchone()
    if row is None:
        return None
    oid, kind = row
    if kind not in _TABLE_KINDS:
        raise DatabaseRefused(f"{name} is no table", "name the table that has the column")
    columns: dict[str, Column] = {}
    numbers: dict[int, str] = {}
    for attname, *facts, own_grants, number in await _rows(connection, _COLUMNS, [oid]):
        column = Column(*facts)
        if own_grants:
            column = replace(column, by_hand=("privileges that are granted on it alone",))
        columns[attname] = column
        numbers[number] = attname
    indexes: list[Index] = []
    primary_key: tuple[str, ...] = ()
    index_oids = []
    for index, members, unique, constraint, primary, index_oid in await _rows(
        connection, _INDEXES, [oid]
    ):
        index_oids.append(index_oid)
        if primary:
            primary_key = tuple(members)
        else:
            indexes.append(Index(index, tuple(members), unique, constraint))
    foreign_keys, key_oids = [], []
    for key, members, references, key_oid in await _rows(connection, _FOREIGN_KEYS, [oid]):
        key_oids.append(key_oid)
        foreign_keys.append(ForeignKey(key, tuple(members), references))
    resting = {"table": oid, "indexes": index_oids, "keys": key_oids}
    for number, what in await _rows(connection, _RESTING, resting):
        column = columns[numbers[number]]
        columns[numbers[number]] = replace(column, by_hand=(*column.by_hand, what))
    grants = await _rows(connection, _GRANTS, [oid])
    heirs = await _rows(connection, _HEIRS, [oid])
    uniques = (
        index.columns
        for index in indexes
        if index.unique and all(columns[member].not_null for member in index.columns)
    )
    return Table(
        name,
        columns,
        primary_key or next(uniques, ()),
        primary_key,
        tuple(indexes),
        tuple(foreign_keys),
        kind == "p",
        tuple(heir for (heir,) in heirs),
        {role: frozenset(privileges) for role, privileges in grants},
        known=True,
    )
