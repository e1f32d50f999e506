"""Triggers that keep two shapes equal: any order of writes, by roles that may not do all.

Each example is one table after its expand and a list of writes. The model is what the page of the
recipe says: what a write changed wins, the new column where it changed both, and the old one where
a row is not filled.
"""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from databases import create_database, drop_database
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo
from recipe_kit import NUTRITION, RECIPES_TABLE, draft, told

from bot.adapters.postgres.embedded import EmbeddedServer
from bot.core.migrations.drafts.facts import Column, Table, TableName
from bot.core.migrations.drafts.files import Draft, Part

TEXTS = TableName("public", "texts")
DEPTH = """
CREATE FUNCTION depth() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF pg_trigger_depth() > 3 THEN RAISE EXCEPTION 'triggers call each other without an end'; END IF;
  RETURN NULL;
END $$;
"""


def expand(connection: psycopg.Connection, made: Draft) -> None:
    for file in made.files:
        if file.part is Part.EXPAND:
            with connection.transaction():
                connection.execute(file.text)


def watch_depth(connection: psycopg.Connection, *tables: str) -> None:
    for table in tables:
        connection.execute(
            sql.SQL(
                "CREATE TRIGGER depth AFTER INSERT OR UPDATE ON {} FOR EACH ROW"
                " EXECUTE FUNCTION depth()"
            ).format(sql.Identifier(table))
        )


@pytest.fixture(scope="module")
def server(postgres_server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    """One database for all examples; each begins with empty tables."""
    name = create_database(postgres_server, "template0")
    conninfo = make_conninfo(postgres_server.conninfo, dbname=name)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(DEPTH)
        yield connection
    drop_database(postgres_server, name)


# Equal by `=` and yet not the same: what a type says of equality must not decide.
NUMERICS = st.sampled_from([None, "1", "1.0", "1.00", "2", "-3.50"])
INTERVALS = st.sampled_from([None, "1 mon", "30 days", "720:00:00"])
JSONS = st.sampled_from([None, "{}", "{ }", '{"a":1}', "null"])
TEXTS_ = st.sampled_from([None, "", " ", "a", "A"])
TYPES = {"numeric": NUMERICS, "interval": INTERVALS, "json": JSONS, "text": TEXTS_}
WRITES = st.lists(
    st.tuples(st.sampled_from(["old", "new", "both", "other"]), st.data()), max_size=8
)


@pytest.mark.parametrize("type_", TYPES)
@given(data=st.data())
def test_any_writes_to_either_name_keep_both_equal(
    server: psycopg.Connection, type_: str, data: st.DataObject
) -> None:
    table = f"renamed_{type_}"
    if not server.execute("SELECT to_regclass(%s)", [table]).fetchone()[0]:
        server.execute(f"CREATE TABLE {table} (id bigint PRIMARY KEY, n int, old {type_})")
        home = told(TableName("public", table), old=type_)
        expand(server, draft("rename-column", f"{table}.old", f"{table}.new", tables=(home,)))
        watch_depth(server, table)
    values = TYPES[type_]
    server.execute(f"TRUNCATE {table}")
    given_ = data.draw(st.sampled_from(["neither", "old", "new", "both", "from before"]))
    old, new = data.draw(values), data.draw(values)
    if given_ == "from before":
        with server.transaction():
            server.execute("SET LOCAL session_replication_role = replica")
            server.execute(f"INSERT INTO {table} (id, old) VALUES (1, %s)", [old])
        model, filled = old, old is None
    else:
        columns = {"neither": [], "old": ["old"], "new": ["new"], "both": ["old", "new"]}[given_]
        chosen = {"old": old, "new": new}
        names = ", ".join(["id", *columns])
        marks = ", ".join(["1", *("%s" for _ in columns)])
        arguments = [chosen[column] for column in columns]
        server.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", arguments)
        stays = {"neither": None, "old": old, "new": new, "both": old if new is None else new}
        model, filled = stays[given_], True
    for _ in range(data.draw(st.integers(0, 6))):
        what = data.draw(st.sampled_from(["old", "new", "both", "other", "backfill"]))
        one, two = data.draw(values), data.draw(values)
        if what == "other":
            server.execute(f"UPDATE {table} SET n = 1")
        elif what == "backfill":
            server.execute(f"UPDATE {table} SET new = old WHERE new IS NULL AND old IS NOT NULL")
        elif what == "both":
            server.execute(f"UPDATE {table} SET old = %s, new = %s", [one, two])
            new_before = model if filled else None
            model = two if two != new_before else one
        elif what == "old":
            server.execute(f"UPDATE {table} SET old = %s", [one])
            model = one
        else:
            server.execute(f"UPDATE {table} SET new = %s", [two])
            model = two if filled or two is not None else model
        filled = True
        row = server.execute(f"SELECT old::text, new::text FROM {table}").fetchone()
        assert row == (model, model)


NUMBERS = st.sampled_from([None, 0, 1, 2])


@given(data=st.data())
def test_any_writes_to_either_table_keep_both_equal(
    server: psycopg.Connection, data: st.DataObject
) -> None:
    """move-column: rows that come in any order of both, and go."""
    if not server.execute("SELECT to_regclass('nutrition')").fetchone()[0]:
        server.execute(
            "CREATE TABLE foods (id int PRIMARY KEY, calories int);"
            "CREATE TABLE nutrition ("
            " food int PRIMARY KEY REFERENCES foods ON DELETE CASCADE, n int)"
        )
        home, other = told(TableName("public", "foods"), calories="int"), Table(NUTRITION)
        places = ("foods.calories", "nutrition.calories")
        expand(server, draft("move-column", *places, tables=(home, other), on=("food",)))
        watch_depth(server, "foods", "nutrition")
    server.execute("TRUNCATE foods CASCADE")
    model: dict[int, int | None] = {}
    halves: set[int] = set()
    for _ in range(data.draw(st.integers(1, 8))):
        key = data.draw(st.integers(1, 2))
        value = data.draw(NUMBERS)
        what = data.draw(st.sampled_from(["old", "new", "add old", "add new", "other", "delete"]))
        given_ = {"key": key, "value": value}
        if what == "old":
            server.execute("UPDATE foods SET calories = %(value)s WHERE id = %(key)s", given_)
            model |= {key: value} if key in model else {}
        elif what == "new":
            query = "UPDATE nutrition SET calories = %(value)s WHERE food = %(key)s"
            server.execute(query, given_)
            model |= {key: value} if key in halves else {}
        elif what == "add old" and key not in model:
            server.execute("INSERT INTO foods VALUES (%(key)s, %(value)s)", given_)
            model[key] = value
        elif what == "add new" and key in model and key not in halves:
            query = "INSERT INTO nutrition (food, calories) VALUES (%(key)s, %(value)s)"
            server.execute(query, given_)
            halves.add(key)
            model[key] = model[key] if value is None else value
        elif what == "other":
            server.execute("UPDATE nutrition SET n = 1")
        elif what == "delete":
            server.execute("DELETE FROM foods WHERE id = %(key)s", given_)
            model.pop(key, None)
            halves.discard(key)
        old = dict(server.execute("SELECT id, calories FROM foods").fetchall())
        new = dict(server.execute("SELECT food, calories FROM nutrition").fetchall())
        assert (old, new) == (model, {key: model[key] for key in halves})


@given(data=st.data())
def test_any_writes_keep_both_halves_of_a_row_equal(
    server: psycopg.Connection, data: st.DataObject
) -> None:
    """split-table: each row has both halves at the end of each transaction."""
    if not server.execute("SELECT to_regclass('texts')").fetchone()[0]:
        server.execute("CREATE TABLE books (id int PRIMARY KEY, body text, n int DEFAULT 7)")
        columns = {
            "id": Column("int", True),
            "body": Column("text"),
            "n": Column("int", False, "7"),
        }
        home = Table(TableName("public", "books"), columns, ("id",), ("id",), known=True)
        expand(server, draft("split-table", "books.body", "books.n", tables=(home,), to=TEXTS))
        watch_depth(server, "books", "texts")
    server.execute("TRUNCATE books CASCADE")
    model: dict[int, tuple[str | None, int | None]] = {}
    for _ in range(data.draw(st.integers(1, 8))):
        key = data.draw(st.integers(1, 2))
        body, n = data.draw(TEXTS_), data.draw(NUMBERS)
        given_ = {"key": key, "body": body, "n": n}
        what = data.draw(st.sampled_from(["old", "new", "upsert", "add old", "add new", "delete"]))
        if what == "old":
            server.execute("UPDATE books SET body = %(body)s WHERE id = %(key)s", given_)
            model |= {key: (body, model[key][1])} if key in model else {}
        elif what == "new":
            server.execute("UPDATE texts SET n = %(n)s WHERE id = %(key)s", given_)
            model |= {key: (model[key][0], n)} if key in model else {}
        elif what == "add old" and key not in model:
            server.execute("INSERT INTO books (id, body) VALUES (%(key)s, %(body)s)", given_)
            model[key] = (body, 7)
        elif what == "add new" and key not in model:
            with server.transaction():
                server.execute("INSERT INTO books (id) VALUES (%(key)s)", given_)
                server.execute("INSERT INTO texts VALUES (%(key)s, %(body)s, %(n)s)", given_)
            model[key] = (body, n)
        elif what == "upsert" and key in model:
            server.execute(
                "INSERT INTO texts VALUES (%(key)s, %(body)s, %(n)s)"
                " ON CONFLICT (id) DO UPDATE SET body = EXCLUDED.body, n = EXCLUDED.n",
                given_,
            )
            model[key] = (body, n)
        elif what == "delete":
            server.execute("DELETE FROM books WHERE id = %(key)s", given_)
            model.pop(key, None)
        for table in ("books", "texts"):
            found = server.execute(f"SELECT id, body, n FROM {table}").fetchall()
            assert {key: (body, n) for key, body, n in found} == model


@pytest.fixture
def fresh(empty_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


def test_a_value_that_does_not_convert_is_refused_with_both_names(
    fresh: psycopg.Connection,
) -> None:
    fresh.execute("CREATE TABLE recipes (id int PRIMARY KEY, servings varchar(3))")
    home = told(RECIPES_TABLE, servings="varchar(3)")
    places = ("recipes.servings", "recipes.number")
    expand(fresh, draft("change-type", *places, tables=(home,), type="integer"))
    fresh.execute("INSERT INTO recipes VALUES (1, '12'), (2, NULL)")
    fresh.execute("UPDATE recipes SET number = 7 WHERE id = 2")
    rows = fresh.execute("SELECT servings, number FROM recipes ORDER BY id").fetchall()
    assert rows == [("12", 12), ("7", 7)]
    for write, detail in (
        ("INSERT INTO recipes VALUES (3, 'two')", "invalid input syntax"),
        ("UPDATE recipes SET servings = 'ten'", "invalid input syntax"),
        ("UPDATE recipes SET number = 1234", "too long"),  # a cast would have cut it off
    ):
        with pytest.raises(errors.DataError) as refused:
            fresh.execute(write)
        told_ = refused.value.diag
        assert told_.message_primary == (
            "a value does not convert between public.recipes.servings and number"
        )
        assert detail in (told_.message_detail or "")
        assert "until the contract drops servings" in (told_.message_hint or "")
    assert fresh.execute("SELECT servings, number FROM recipes ORDER BY id").fetchall() == rows


def test_going_back_with_a_loss_keeps_what_was_written(fresh: psycopg.Connection) -> None:
    fresh.execute("CREATE TABLE recipes (id int PRIMARY KEY, day date, n int)")
    fresh.execute("INSERT INTO recipes VALUES (1, '2026-03-01')")
    home = told(RECIPES_TABLE, day="date")
    made = draft("change-type", "recipes.day", "recipes.moment", tables=(home,), type="timestamp")
    expand(fresh, made)
    (backfill,) = (file.text for file in made.files if file.part is Part.BACKFILL)
    fresh.execute(backfill.replace(":batch", "true"))
    fresh.execute("UPDATE recipes SET moment = '2026-03-02 13:30'")
    for harmless in ("UPDATE recipes SET n = 1", "UPDATE recipes SET day = '2026-03-02'"):
        fresh.execute(harmless)
        found = fresh.execute("SELECT day::text, moment::text FROM recipes").fetchone()
        assert found == ("2026-03-02", "2026-03-02 13:30:00")


def test_an_expression_that_names_no_schema_fails_in_the_expand(fresh: psycopg.Connection) -> None:
    fresh.execute("CREATE TABLE recipes (id int PRIMARY KEY, title text)")
    fresh.execute("CREATE FUNCTION tidy(text) RETURNS text LANGUAGE sql AS 'SELECT lower($1)'")
    home = told(RECIPES_TABLE, title="text")
    with pytest.raises(errors.UndefinedFunction):
        expand(fresh, draft("add-not-null", "recipes.title", tables=(home,), value="tidy('X')"))
    expand(fresh, draft("add-not-null", "recipes.title", tables=(home,), value="public.tidy('X')"))
    fresh.execute("SET search_path = ''")
    fresh.execute("INSERT INTO public.recipes VALUES (1)")
    assert fresh.execute("SELECT title FROM public.recipes").fetchone() == ("x",)


def test_triggers_of_others_that_change_the_row_are_followed(fresh: psycopg.Connection) -> None:
    fresh.execute(
        "CREATE TABLE recipes (id int PRIMARY KEY, title text);"
        "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN NEW.title := upper(NEW.title); RETURN NEW; END $$;"
        "CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON recipes"
        " FOR EACH ROW EXECUTE FUNCTION shout()"
    )
    home = told(RECIPES_TABLE, title="text")
    expand(fresh, draft("rename-column", "recipes.title", "recipes.name", tables=(home,)))
    fresh.execute("INSERT INTO recipes (id, title) VALUES (1, 'soup')")
    assert fresh.execute("SELECT title, name FROM recipes").fetchone() == ("SOUP", "SOUP")


def test_whoever_writes_one_half_must_be_allowed_the_other(fresh: psycopg.Connection) -> None:
    """Row level security of both tables holds for what the triggers do."""
    fresh.execute(
        "DROP ROLE IF EXISTS cook; CREATE ROLE cook;"
        "CREATE TABLE recipes (id int PRIMARY KEY, owner text, body text);"
        "ALTER TABLE recipes ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY seen ON recipes FOR SELECT USING (true);"
        "CREATE POLICY added ON recipes FOR INSERT WITH CHECK (owner = 'cook');"
        "CREATE POLICY changed ON recipes FOR UPDATE USING (owner = 'cook');"
        "GRANT SELECT, INSERT, UPDATE ON recipes TO cook"
    )
    columns = {"id": Column("int", True), "body": Column("text")}
    grants = {"cook": frozenset({"SELECT", "INSERT", "UPDATE"})}
    home = Table(RECIPES_TABLE, columns, ("id",), ("id",), grants=grants, known=True)
    expand(fresh, draft("split-table", "recipes.body", tables=(home,), to=TEXTS))
    fresh.execute("INSERT INTO recipes VALUES (1, 'ada', 'soup')")
    fresh.execute("SET ROLE cook")
    fresh.execute("INSERT INTO recipes VALUES (2, 'cook', 'stew')")
    fresh.execute("UPDATE recipes SET body = 'pie' WHERE id = 2")
    fresh.execute("UPDATE texts SET body = body || 's' WHERE id = 2")
    with pytest.raises(errors.InsufficientPrivilege, match=r"cannot be written to public\.recipes"):
        fresh.execute("UPDATE texts SET body = 'mine' WHERE id = 1")
    fresh.execute("RESET ROLE")
    for table in ("recipes", "texts"):
        rows = fresh.execute(f"SELECT id, body FROM {table} ORDER BY id").fetchall()
        assert rows == [(1, "soup"), (2, "pies")]


def expand_the_pair(fresh: psycopg.Connection) -> str:
    """The first contract of a column that is moved to another table, once that has begun."""
    home, other = told(RECIPES_TABLE, calories="int"), Table(NUTRITION)
    places = ("recipes.calories", "nutrition.calories")
    made = draft("move-column", *places, tables=(home, other), on=("recipe_id",))
    expand(fresh, made)
    return next(file.text for file in made.files if file.part is Part.CONTRACT)


def test_the_contract_of_a_pair_refuses_to_lose_a_value(fresh: psycopg.Connection) -> None:
    fresh.execute(
        "CREATE TABLE recipes (id int PRIMARY KEY, calories int);"
        "CREATE TABLE nutrition (recipe_id int PRIMARY KEY);"
        "INSERT INTO recipes VALUES (1, NULL), (2, 300)"
    )
    first = expand_the_pair(fresh)
    with pytest.raises(errors.IntegrityConstraintViolation, match="would lose"):
        fresh.execute(first)
    with pytest.raises(errors.IntegrityConstraintViolation, match="cannot be written to"):
        fresh.execute("INSERT INTO nutrition VALUES (9, 100)")
    fresh.execute("INSERT INTO nutrition VALUES (2)")
    fresh.execute(first)
    assert fresh.execute("SELECT * FROM nutrition").fetchall() == [(2, 300)]


def test_the_contract_of_a_pair_refuses_to_look_past_policies(fresh: psycopg.Connection) -> None:
    owner = f"owner_{secrets.token_hex(4)}"
    fresh.execute(
        f"CREATE ROLE {owner}; GRANT ALL ON SCHEMA public TO {owner}; SET ROLE {owner};"
        "CREATE TABLE recipes (id int PRIMARY KEY, calories int);"
        "CREATE TABLE nutrition (recipe_id int PRIMARY KEY);"
        "INSERT INTO recipes VALUES (2, 300);"
        "ALTER TABLE recipes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY few ON recipes USING (id = 1)"
    )
    first = expand_the_pair(fresh)
    with pytest.raises(errors.InsufficientPrivilege, match="row-level security policy"):
        fresh.execute(first)
    fresh.execute(f"RESET ROLE; DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}")
