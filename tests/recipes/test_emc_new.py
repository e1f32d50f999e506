"""``lockgate emc new``: what it writes where, what it reads of a database, what it refuses."""

import json
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from recipe_kit import BUILD, read_files

from bot.cli.emc_new import new
from bot.core.catalog import RECIPES

SCHEMA = """
CREATE ROLE "Ada's app";
CREATE SCHEMA "Shop";
CREATE TABLE "Shop".words (word text PRIMARY KEY);
CREATE TABLE "Shop"."Recipes" (
  "Id" bigserial PRIMARY KEY,
  "Title" varchar(80) COLLATE "C" NOT NULL DEFAULT 'none'
    REFERENCES "Shop".words ON DELETE CASCADE,
  tenant int,
  body text,
  minutes serial,
  loud text GENERATED ALWAYS AS (upper(body)) STORED,
  UNIQUE (tenant, "Title"),
  CHECK (length("Title") > 0)
);
CREATE INDEX ON "Shop"."Recipes" ("Title");
CREATE INDEX lowered ON "Shop"."Recipes" (lower("Title"));
COMMENT ON COLUMN "Shop"."Recipes"."Title" IS 'The cook''s \\
-- lockgate: contract';
CREATE DOMAIN "Shop".mail AS varchar(99) COLLATE "C" CHECK (value LIKE '%@%');
CREATE DOMAIN "Shop".mails AS "Shop".mail;
CREATE TABLE "Shop".people (id int PRIMARY KEY, mail "Shop".mails);
CREATE VIEW "Shop".shown AS SELECT "Title" FROM "Shop"."Recipes";
CREATE TABLE "Shop".details (recipe bigint PRIMARY KEY REFERENCES "Shop"."Recipes");
GRANT SELECT, UPDATE ON "Shop"."Recipes" TO "Ada's app";
"""


@pytest.fixture
def shop(empty_database_url: str) -> str:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(SCHEMA.replace("CREATE ROLE", "DROP ROLE IF EXISTS").split(";")[0])
        connection.execute(SCHEMA)
    return empty_database_url


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        new, [*arguments, "--dir", str(folder), "--at", "20260301120000"], catch_exceptions=False
    )


def apply(url: str, folder: Path) -> str:
    """All files in their order, a backfill in one go. The text of all of them."""
    found = read_files(folder)
    assert found.problems == ()
    texts = []
    with psycopg.connect(url, autocommit=True) as connection:
        for file in sorted((*found.migrations, *found.backfills), key=lambda one: one.version):
            texts.append(file.text)
            if "CONCURRENTLY" in file.text:
                connection.execute(file.text)
                continue
            with connection.transaction():
                connection.execute(file.text.replace(":batch", "true"))
    return "\n".join(texts)


def test_each_recipe_is_a_command_with_help_and_examples() -> None:
    for recipe in RECIPES:
        shown = CliRunner().invoke(new, [recipe.name, "--help"])
        assert shown.exit_code == 0
        assert f"lockgate emc new {recipe.name} {recipe.examples[0]}"[:70] in shown.output
        assert recipe.summary in shown.output


def test_files_are_as_exact_as_the_catalog(shop: str, tmp_path: Path) -> None:
    result = run(
        tmp_path,
        "rename-column",
        '"Shop"."Recipes"."Title"',
        '"Shop"."Recipes"."Na""me"',
        "--database",
        shop,
        "--build",
        BUILD,
    )
    assert result.exit_code == 0, result.output
    for rests in ("view", "lowered", "constraint"):
        assert rests in result.output, rests
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute('DROP VIEW "Shop".shown; DROP INDEX "Shop".lowered')
        connection.execute("INSERT INTO \"Shop\".words VALUES ('none'), ('soup')")
        connection.execute('INSERT INTO "Shop"."Recipes" (tenant) VALUES (1), (2)')
    apply(shop, tmp_path)
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute('INSERT INTO "Shop"."Recipes" (tenant) VALUES (3)')
        rows = connection.execute('SELECT tenant, "Na""me" FROM "Shop"."Recipes" ORDER BY 1')
        assert rows.fetchall() == [(1, "none"), (2, "none"), (3, "none")]
        column = connection.execute(
            "SELECT format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation::text"
            ' FROM pg_attribute WHERE attrelid = \'"Shop"."Recipes"\'::regclass AND attname = %s',
            ['Na"me'],
        ).fetchone()
        assert column == ("character varying(80)", True, '"C"')
        rules = connection.execute(
            "SELECT contype::text, convalidated, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = '\"Shop\".\"Recipes\"'::regclass AND contype IN ('u', 'f')"
        ).fetchall()
        assert sorted(rules) == [
            ("f", True, 'FOREIGN KEY ("Na""me") REFERENCES "Shop".words(word) ON DELETE CASCADE'),
            ("u", True, 'UNIQUE (tenant, "Na""me")'),
        ]
        said = connection.execute(
            "SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attname = 'Na\"me'"
        )
        assert said.fetchone() == ("The cook's \\\n-- lockgate: contract",)
        left = connection.execute(
            "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal UNION ALL"
            " SELECT count(*) FROM pg_proc WHERE proname LIKE 'lockgate%'"
        ).fetchall()
        assert left == [(0,), (0,)]


def test_a_sequence_and_the_default_go_along(shop: str, tmp_path: Path) -> None:
    places = ['"Shop"."Recipes".minutes', '"Shop"."Recipes".duration']
    arguments = ["change-type", *places, "--type", "bigint"]
    result = run(tmp_path, *arguments, "--database", shop, "--build", BUILD)
    assert result.exit_code == 0, result.output
    apply(shop, tmp_path)
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("INSERT INTO \"Shop\".words VALUES ('none')")
        connection.execute('INSERT INTO "Shop"."Recipes" (tenant) VALUES (1), (2)')
        rows = connection.execute('SELECT duration FROM "Shop"."Recipes" ORDER BY 1').fetchall()
        assert rows == [(1,), (2,)]


def test_another_type_of_texts_keeps_the_collation_and_the_comment(
    shop: str, tmp_path: Path
) -> None:
    places = ['"Shop"."Recipes"."Title"', '"Shop"."Recipes"."Name"']
    for type_, written in (
        ("text", 'text COLLATE pg_catalog."C"'),
        ('text COLLATE "POSIX"', 'text COLLATE "POSIX"'),
        ("text[]", 'text[] COLLATE pg_catalog."C"'),
        ("bytea", "bytea"),
    ):
        folder = tmp_path / type_
        result = run(folder, "change-type", *places, "--type", type_, "--database", shop)
        assert result.exit_code == 0, result.output
        text = next((folder / "migrations").glob("*Title.expand.sql".lower())).read_text()
        assert f'ADD COLUMN "Name" {written};' in text
        assert r"IS E'The cook''s \\\n-- lockgate: contract';" in text


@pytest.mark.parametrize(
    ("recipe", "place"),
    [
        (["split-table", "--to", '"Shop".titles'], '"Shop".titles."Title"'),
        (["move-column", '"Shop".details.title', "--on", "recipe"], '"Shop".details.title'),
    ],
    ids=["split", "move"],
)
def test_the_comment_goes_to_another_table(
    shop: str, tmp_path: Path, recipe: list[str], place: str
) -> None:
    name, *rest = recipe
    arguments = [name, '"Shop"."Recipes"."Title"', *rest, "--database", shop]
    assert run(tmp_path, *arguments).exit_code == 0
    text = "\n".join(path.read_text() for path in tmp_path.rglob("*.expand.sql"))
    assert f"COMMENT ON COLUMN {place} IS E'The cook" in text


def test_no_column_of_a_domain_with_constraints_is_added(shop: str, tmp_path: Path) -> None:
    place, new = '"Shop".people.mail', '"Shop".people.email'
    for recipe in (
        ("rename-column", place, new),
        ("move-column", place, '"Shop".details.mail', "--on", "recipe"),
    ):
        result = run(tmp_path, *recipe, "--database", shop)
        assert result.exit_code == 2
        assert 'is of "Shop".mails, a domain with constraints' in result.output
        assert "--type 'character varying(99) COLLATE pg_catalog.\"C\"'" in result.output
    assert list(tmp_path.iterdir()) == []
    type_ = 'character varying(99) COLLATE pg_catalog."C"'
    arguments = ["change-type", place, new, "--type", type_, "--build", BUILD]
    assert run(tmp_path, *arguments, "--database", shop).exit_code == 0
    apply(shop, tmp_path)


def test_grants_and_the_key_go_to_the_table_that_is_split_off(shop: str, tmp_path: Path) -> None:
    arguments = ["split-table", '"Shop"."Recipes".tenant', "--to", '"Shop".tenants']
    result = run(tmp_path, *arguments, "--database", shop, "--build", BUILD)
    assert result.exit_code == 0, result.output
    text = "\n".join(path.read_text() for path in tmp_path.rglob("*.sql"))
    assert 'GRANT INSERT, SELECT, UPDATE ON "Shop".tenants TO "Ada\'s app";' in text
    assert 'FOREIGN KEY ("Id") REFERENCES "Shop"."Recipes" ("Id") ON DELETE CASCADE' in text


@pytest.mark.parametrize(
    ("arguments", "said", "remedy"),
    [
        (["rename-column", "recipes.title"], "takes TABLE.COLUMN TABLE.NEW", "for example"),
        (["rename-column", "a.b", "a.c"], "type of public.a.b is not known", "--database"),
        (["rename-column", "a.b", "a.c", "--type", "text"], "key of public.a", "--key"),
        (["add-not-null", "a.b", "--key", "id"], "needs `--value`", "NULL"),
        (["drop-column", "a.b", "--build", "c0ffee"], "no commit's id", "40 digits"),
        (["drop-column", "a.b", "--value", "1 --"], "no expression", "write one"),
        (["change-type", "a.b", "a.c", "--type", "int; x"], "names no type", "bigint"),
        (["split-table", "a.b", "--to", "c", "--type", "x"], "gives no column", "title=text"),
        (["drop-column", "a.\x1b[31mb"], "cannot be shown", "rename"),
        (["drop-column", "a.b", "--database", "host=127.0.0.1 port=1"], "database", "try again"),
        (["drop-column", "a.b", "--database", "nonsense"], "URL cannot be read", "postgresql://"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_written(
    arguments: list[str], said: str, remedy: str, tmp_path: Path
) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    error, help_ = result.output.strip().split("\n")
    assert error.startswith("error: ")
    assert said in error
    assert help_.startswith("help: ")
    assert remedy in help_
    assert "\x1b" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_what_the_database_does_not_have_is_refused(shop: str, tmp_path: Path) -> None:
    for place, said in (
        ('"Shop".gone.x', "has no table"),
        ('"Shop".shown."Title"', "is no table"),
        ('"Shop"."Recipes".gone', "no column"),
        ('"Shop"."Recipes".loud', "is generated"),
    ):
        result = run(tmp_path, "drop-column", place, "--database", shop)
        assert result.exit_code == 2
        assert said in result.output
        assert shop not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_others_inherit_from_is_refused(shop: str, tmp_path: Path) -> None:
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute('CREATE TABLE "Shop"."Old words" () INHERITS ("Shop".words)')
        connection.execute('CREATE TABLE "Shop".plain (id int PRIMARY KEY, word text, extra text)')
    for recipe in (
        ("add-unique", '"Shop".words.word', "--value", "word"),
        ("move-column", '"Shop".plain.extra', '"Shop".words.extra', "--on", "word"),
    ):
        result = run(tmp_path, *recipe, "--database", shop)
        assert result.exit_code == 2
        assert '"Shop"."Old words" inherits from "Shop".words' in result.output
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    arguments = ["drop-column", "recipes.title", "--build", BUILD]
    assert run(tmp_path, *arguments).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.sql")}
    again = run(tmp_path, *arguments)
    assert again.exit_code == 2
    assert "is there already" in again.output
    other = run(tmp_path, "drop-column", "recipes.body")
    assert "20260301120000_drop_column_recipes_title.expand.sql is there" in other.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.sql")} == before


def test_versions_come_after_those_that_are_there(tmp_path: Path) -> None:
    for version in ("20991231235959", "99999999999000"):
        (tmp_path / "migrations").mkdir(exist_ok=True)
        (tmp_path / "migrations" / f"{version}_far.sql").write_text("SELECT 1;")
        name = f"recipes.c{version}"
        result = CliRunner().invoke(new, ["drop-column", name, "--dir", str(tmp_path)])
        assert result.exit_code == 0, result.output
        versions = [line.split("/")[-1][:14] for line in result.output.split("\n")[:2]]
        assert sorted([version, *versions]) == [version, *versions]


def test_json_says_what_is_where(tmp_path: Path) -> None:
    places = ["recipes.title", "recipes.name"]
    result = run(
        tmp_path, "rename-column", *places, "--type", "text", "--key", "id", "--format", "json"
    )
    told = json.loads(result.output)
    assert told["recipe"] == "rename-column"
    assert [file["phase"] for file in told["files"]] == ["expand", "backfill", "contract"]
    assert all(Path(file["path"]).exists() for file in told["files"])
    assert "was not read" in told["notes"][0]
