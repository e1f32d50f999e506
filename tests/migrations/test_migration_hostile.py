"""No SQL breaks the check, whether it can be parsed or not: pull requests are anybody's."""

import pytest
from growth import assert_linear
from hypothesis import given
from hypothesis import strategies as st
from rules_kit import check_parts, check_sql
from test_migration_rules import BAD, GOOD

from bot.core.migrations.findings import Check
from bot.core.render.migrations_check import render_migrations_check

ODD = [
    "CREATE TABLE a (LIKE b INCLUDING ALL)",
    "CREATE TABLE p PARTITION OF visits DEFAULT",
    "ALTER TYPE e ADD VALUE 'x'",
    "ALTER TYPE c ADD ATTRIBUTE x int",
    "ALTER DOMAIN d ADD CHECK (value>1)",
    "ALTER VIEW v RENAME TO w",
    "ALTER INDEX i RENAME TO j",
    "ALTER SEQUENCE s OWNED BY a.b",
    "DROP OWNED BY x",
    "GRANT a TO b",
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO anon",
    "GRANT USAGE ON SCHEMA public TO anon",
    "REVOKE ALL ON FUNCTION f(int) FROM PUBLIC",
    "ALTER FUNCTION f() SET search_path=''",
    "CREATE PROCEDURE p() LANGUAGE sql AS 'select 1'",
    "CALL p()",
    "EXPLAIN ANALYZE DELETE FROM recipes",
    "CREATE RULE r AS ON INSERT TO recipes DO NOTHING",
    "CREATE VIEW v AS SELECT 1",
    "CREATE MATERIALIZED VIEW m AS SELECT 1",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()",
    "COPY recipes FROM '/rows'",
    "COMMENT ON COLUMN recipes.title IS 'x'",
    "COMMENT ON COLUMN public.recipes.title IS 'x'",
    "COMMENT ON FUNCTION f(int) IS 'x'",
    "SECURITY LABEL ON TABLE recipes IS 'x'",
    "CREATE STATISTICS s ON id, title FROM recipes",
    "ALTER TABLE ALL IN TABLESPACE x SET TABLESPACE y",
    "ALTER TABLE recipes ALTER COLUMN 1 SET STATISTICS 5",
    "CREATE INDEX ON recipes (lower(title))",
    "DROP INDEX a, b",
    "DROP TABLE IF EXISTS a, b.c CASCADE",
    "DROP FUNCTION a(int), b",
    "DROP CAST (int AS text)",
    "DROP OPERATOR + (int,int)",
    "DROP TYPE a",
    "DROP DOMAIN d",
    "DROP SCHEMA s",
    "DROP EXTENSION e",
    "DROP TRIGGER t ON recipes",
    "DROP RULE r ON recipes",
    "DROP POLICY p ON recipes",
    "DROP OPERATOR CLASS c USING btree",
    "DROP TRANSFORM FOR int LANGUAGE sql",
    "DROP AGGREGATE a(*)",
    "DROP LANGUAGE x",
    "DROP PUBLICATION p",
    "DROP ACCESS METHOD x",
    "DROP EVENT TRIGGER e",
    "DROP STATISTICS s",
    "DROP TEXT SEARCH PARSER p",
    "DROP SERVER s",
    "DROP FOREIGN TABLE f",
    "DROP COLLATION c",
    "DROP CONVERSION c",
    "DROP USER MAPPING FOR a SERVER s",
    "DROP ROLE r",
    "DROP DATABASE d",
    "VACUUM",
    "ANALYZE",
    "REINDEX SCHEMA public",
    "REINDEX DATABASE",
    "CLUSTER",
    "MERGE INTO recipes r USING books b ON r.id=b.id WHEN MATCHED THEN DELETE",
    "CREATE SCHEMA s CREATE TABLE t (id int) CREATE VIEW v AS SELECT 1",
    "CREATE TABLE a OF t",
    "CREATE TABLE a (x int, CONSTRAINT k CHECK (x IS NOT NULL) NOT ENFORCED)",
    "ALTER TABLE recipes ADD CONSTRAINT n NOT NULL title NOT VALID",
    "ALTER TABLE recipes ADD NOT NULL title",
    "ALTER TABLE recipes ALTER CONSTRAINT c DEFERRABLE",
    "ALTER TABLE recipes INHERIT b",
    "ALTER TABLE recipes REPLICA IDENTITY FULL",
    "ALTER TABLE a RENAME CONSTRAINT b TO c",
    "ALTER TABLE visits DETACH PARTITION visits_2026 CONCURRENTLY",
    "ALTER TABLE visits ATTACH PARTITION visits_2026 FOR VALUES IN (1,2)",
    "ALTER TABLE visits ATTACH PARTITION visits_2026 FOR VALUES WITH (MODULUS 4, REMAINDER 1)",
    "ALTER TABLE visits ATTACH PARTITION visits_2026 FOR VALUES FROM (MINVALUE) TO ('2026-01-01')",
    "SELECT set_config()",
    "SELECT set_config('lock_timeout')",
    "SET lock_timeout TO DEFAULT",
    "SET LOCAL lock_timeout = 4000",
    "RESET lock_timeout",
    "SET SCHEMA 'x'",
    "DO 'begin end'",
    "DO $$ BEGIN IF true THEN EXECUTE 'x'; END IF; END $$",
    "DO $$ DECLARE x int := 1; BEGIN PERFORM f(); x := 2; UPDATE a SET b=1; RETURN; END $$",
    "CREATE TABLE a AS EXECUTE p",
    "PREPARE p AS DELETE FROM a",
    "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM anon",
    "IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c",
    "ALTER TABLE recipes SET SCHEMA other",
    "ALTER TABLE recipes OWNER TO x",
    "ALTER TABLE recipes ADD COLUMN a int UNIQUE, ADD b int PRIMARY KEY, ADD c int CHECK (c>0)",
    "UPDATE recipes SET (a,b) = (SELECT 1,2) WHERE id = ANY('{1,2}')",
    "DELETE FROM recipes WHERE CURRENT OF c",
    "UPDATE ONLY recipes r SET title='' FROM books b WHERE r.id=b.id RETURNING *",
    "INSERT INTO recipes SELECT * FROM books",
    "TRUNCATE recipes RESTART IDENTITY CASCADE",
    "SELECT 1 INTO newt",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE UNLOGGED TABLE u ()",
]
STATEMENTS = [*ODD, *GOOD, *(sql for _, sql in BAD)]
WORDS = sorted({word for sql in STATEMENTS for word in sql.split()})


def checked(sql: str) -> Check:
    check = check_sql(sql)
    assert render_migrations_check(check).summary
    for finding in check.findings:
        if finding.rewrite_sql:
            check_parts(finding.rewrite_sql)
    return check


@pytest.mark.parametrize("mark", ["", "-- lockgate: expand\n", "-- lockgate: contract\n"])
def test_every_statement_can_be_judged(mark: str) -> None:
    for sql in ODD:
        rules = [one.rule for one in checked(mark + sql).findings]
        assert "unreadable-file" not in rules, sql


@given(
    st.lists(st.sampled_from(STATEMENTS), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(WORDS)), max_size=3),
)
def test_statements_with_other_words_in_them_are_judged_or_refused(
    statements: list[str], changes: list[tuple[int, str]]
) -> None:
    words = ";\n".join(statements).split(" ")
    for place, word in changes:
        words[place % len(words)] = word
    checked(" ".join(words))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 50_000,
        "SELECT 1" + "+1" * 50_000,
        "SELECT " + "- " * 50_000 + "1",
        "SELECT 1" + "::int" * 50_000,
        "SELECT 1" + " UNION SELECT 1" * 20_000,
        "SELECT 1 FROM a" + " JOIN a ON true" * 20_000,
        "SELECT " + "CASE WHEN a THEN " * 20_000,
        "SELECT 1" + " IS NULL" * 20_000,
        "SELECT " + "(SELECT " * 900 + "1" + ")" * 900,
        "SELECT " + "f(" * 400 + "1" + ")" * 400,
        "DO $$ " + "BEGIN " * 5_000 + "END; " * 5_000 + "$$",
        "DO $$ BEGIN " + "IF a THEN " * 5_000 + " END $$",
        "DO $$ BEGIN x := " + "(" * 5_000 + "; END $$",
        "DO $$ BEGIN EXECUTE 'SELECT " + "(" * 5_000 + "'; END $$",
    ],
    ids=lambda sql: sql[:24],
)
def test_what_would_end_the_parser_s_stack_is_refused_or_judged(sql: str) -> None:
    checked(sql)


def test_a_file_of_many_findings_takes_no_longer_for_each() -> None:
    def check(size: int) -> None:
        statements = [f"ALTER TABLE t{n} ALTER COLUMN a SET NOT NULL;" for n in range(size)]
        found = check_sql("\n".join(["-- lockgate: expand", *statements])).findings
        assert [one.rule for one in found].count("set-not-null") == size

    assert_linear(check, 200)
