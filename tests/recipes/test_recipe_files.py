"""The files that recipes write, as text: they parse, name each other, and quote what they must."""

import pytest
from recipe_kit import BY_NAME, RECIPES_TABLE, cases, draft, findings_of, folder_of, told, versions

from bot.core.backfills.statement import parse_batch_statement
from bot.core.migrations.drafts.facts import (
    Column,
    ForeignKey,
    Index,
    RecipeError,
    Table,
    TableName,
    parse_place,
    parse_table,
)
from bot.core.migrations.drafts.files import Part
from bot.core.migrations.drafts.sql import check_expression, check_type, object_name
from bot.core.migrations.model import Phase, Version
from bot.core.migrations.names import parse_name

HOSTILE = {
    "plain": ("recipes", "title"),
    "mixed case": ('"Recipes"', '"Title"'),
    "words of SQL": ('"select"', '"order"'),
    "quotes": ('"re""cip\'es"', '"ti\'t""le"'),
    "a tag of dollars": ('"$sync$"', '"$guard$ $sync_$"'),
    "comments": ('"a -- b /* "', '"x */ -- requires: backfill 1"'),
    "percents": ('"100 %s"', '"50%"'),
    "dots and spaces": ('"a.b c"', '" . "'),
    "long": ("t" * 63, "c" * 63),
    "letters of others": ("рецепты", "заголовок"),
    "the aliases of the files": ("source", "target"),
}


@pytest.mark.parametrize("names", HOSTILE.values(), ids=HOSTILE)
def test_every_recipe_writes_files_that_parse_whatever_the_names(names: tuple[str, str]) -> None:
    for recipe, made in cases(*names).items():
        folder = folder_of(made)
        assert folder.problems == (), recipe
        contracts = [each for each in folder.migrations if each.marked is Phase.CONTRACT]
        assert contracts, recipe
        assert folder.migrations[-1] is contracts[-1]
        filled = tuple(each.version for each in folder.backfills)
        before: tuple[Version, ...] = ()
        for contract in contracts:
            assert contract.requires_backfills == filled
            assert contract.requires_contracts == before, recipe
            before = (contract.version,)


def test_the_end_of_every_backfill_can_be_counted() -> None:
    for recipe, made in cases().items():
        for backfill in folder_of(made).backfills:
            statement = parse_batch_statement(backfill.statement, parse_name(backfill.table))
            assert statement.count, recipe


def test_the_backfill_comes_after_the_newest_expand_and_before_the_contracts() -> None:
    for recipe, made in cases().items():
        order = [file.part for file in made.files]
        assert order == sorted(order, key=list(Part).index), recipe
        assert [file.version for file in made.files] == [
            version for version, _ in zip(versions(), made.files, strict=False)
        ]
        folder = folder_of(made)
        expands = [each.version for each in folder.migrations if each.marked is Phase.EXPAND]
        for backfill in folder.backfills:
            assert backfill.after == expands[-1]
            assert backfill.key


def test_a_contract_without_its_build_is_refused_until_somebody_writes_it() -> None:
    for recipe in ("rename-column", "drop-column"):
        made = draft(
            recipe,
            *["recipes.title", "recipes.title_norm"][: BY_NAME[recipe].count[0]],
            tables=(told(RECIPES_TABLE, title="text"),),
            build="",
        )
        (problem,) = folder_of(made).problems
        assert "requires-build" in problem.message


def test_the_lint_finds_nothing_in_what_is_written() -> None:
    for recipe, made in cases().items():
        assert findings_of(made) == (), recipe


def test_what_is_known_of_the_column_comes_along() -> None:
    table = Table(
        RECIPES_TABLE,
        {
            "id": Column("bigint", True),
            "title": Column(
                "text",
                True,
                "'none'::text",
                '"C"',
                by_hand=("view shown reads it\r\nDROP TABLE x",),
            ),
        },
        ("id",),
        ("id",),
        (Index("recipes_title_key", ("title",), True, True), Index("by_both", ("id", "title"))),
        (ForeignKey("fk", ("title",), "REFERENCES public.words(word) ON DELETE CASCADE"),),
        known=True,
    )
    made = draft("rename-column", "recipes.title", "recipes.name", tables=(table,))
    assert folder_of(made).problems == ()
    assert findings_of(made) == ()
    text = "\n".join(file.text for file in made.files)
    for expected in (
        'ADD COLUMN name text COLLATE "C";',
        "CHECK (name IS NOT NULL) NOT VALID;",
        "FOREIGN KEY (name) REFERENCES public.words(word) ON DELETE CASCADE NOT VALID;",
        "CREATE UNIQUE INDEX CONCURRENTLY recipes_name_key\nON public.recipes (name);",
        "CREATE INDEX CONCURRENTLY recipes_id_name_idx\nON public.recipes (id, name);",
        "VALIDATE CONSTRAINT recipes_name_fkey;",
        "UNIQUE USING INDEX recipes_name_key;",
        "SET DEFAULT 'none'::text;",
        "--   view shown reads it  DROP TABLE x\n",
    ):
        assert expected.replace(" name", ' "name"').replace("(name", '("name"') in text or (
            expected in text
        ), expected
    assert "public.recipes.title: view shown" in made.notes[0]


@pytest.mark.parametrize(
    ("recipe", "places", "options", "said"),
    [
        ("rename-column", ["recipes.title", "other.title"], {}, "are of two tables"),
        ("rename-column", ["recipes.title", "recipes.slug"], {}, "there is a column"),
        ("rename-column", ["recipes.id", "recipes.key_"], {}, "part of the primary key"),
        ("rename-column", ["recipes.shout", "recipes.loud"], {}, "is generated"),
        ("rename-column", ["recipes.gone", "recipes.loud"], {}, "there is no column"),
        ("change-type", ["recipes.title", "recipes.t"], {}, "needs `--type`"),
        ("change-type", ["recipes.title", "recipes.t"], {"type": "int", "using": "1"}, "both ways"),
        ("add-not-null", ["recipes.title"], {}, "needs `--value`"),
        ("add-not-null", ["recipes.slug"], {"value": "''"}, "NOT NULL already"),
        ("add-not-null", ["recipes.title"], {"value": "1); DROP TABLE x; --"}, "no expression"),
        ("add-unique", ["recipes.slug"], {"value": "slug"}, "unique already"),
        ("add-unique", ["recipes.title", "recipes.title"], {"value": "title"}, "not several"),
        ("move-column", ["recipes.title", "recipes.x"], {"on": ("id",)}, "of the same table"),
        ("move-column", ["recipes.title", "other.x"], {"on": ("recipe",)}, "several rows"),
        ("move-column", ["recipes.title", "other.x"], {"on": ("maybe",)}, "may be NULL"),
        ("move-column", ["recipes.title", "other.x"], {"on": ("a", "b")}, "has 1"),
        ("move-column", ["recipes.title", "other.recipe"], {"on": ("recipe",)}, "already"),
        ("split-table", ["recipes.title"], {}, "needs `--to`"),
        ("split-table", ["recipes.title"], {"to": TableName("public", "other")}, "already"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_remedy(
    recipe: str, places: list[str], options: dict[str, object], said: str
) -> None:
    home = Table(
        RECIPES_TABLE,
        {
            "id": Column("bigint", True),
            "title": Column("text"),
            "slug": Column("text", True),
            "shout": Column("text", generated=True),
        },
        ("id",),
        ("id",),
        (Index("recipes_slug_key", ("slug",), True, True),),
        known=True,
    )
    columns = {"recipe": Column("bigint", True), "maybe": Column("bigint")}
    other = Table(TableName("public", "other"), columns, ("recipe", "maybe"), known=True)
    with pytest.raises(RecipeError, match=said) as refused:
        draft(recipe, *places, tables=(home, other), **options)
    assert refused.value.remedy


def test_a_table_without_a_key_is_refused_with_the_remedy() -> None:
    table = Table(RECIPES_TABLE, {"title": Column("text")}, known=True)
    with pytest.raises(RecipeError, match="no key") as refused:
        draft("rename-column", "recipes.title", "recipes.name", tables=(table,))
    assert "PRIMARY KEY" in refused.value.remedy
    with pytest.raises(RecipeError, match=r"the key .* is not known"):
        draft("add-not-null", "recipes.title", tables=(Table(RECIPES_TABLE),), value="''")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("title", "names no column"),
        ("a.b.c.d", "names no column"),
        ("recipes.", "names no column"),
        ("recipes.Title", "has capitals"),
        ('recipes."a\nb"', "cannot be shown"),
        ('recipes."a\u2028b"', "cannot be shown"),
        ("recipes.title; DROP TABLE x", "names no column"),
        (f"recipes.{'c' * 64}", "names no column"),
    ],
)
def test_a_name_that_is_none_is_refused(written: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse_place(written)


def test_names_are_read_as_sql_writes_them() -> None:
    assert str(parse_place('shop."Re.cipes"."Ti""tle"')) == 'shop."Re.cipes"."Ti""tle"'
    assert parse_table("recipes") == TableName("public", "recipes")
    with pytest.raises(RecipeError, match="names no table"):
        parse_table("a.b.c")


@pytest.mark.parametrize(
    "written",
    ["", "1 AS b", "1) FROM x WHERE (true", "1; SELECT 2", "a -- b", "a\n+ b", "1, 2", "("],
)
def test_an_expression_is_one_value_on_one_line(written: str) -> None:
    with pytest.raises(RecipeError):
        check_expression(written, "--value")


def test_expressions_tell_whether_they_read_the_row() -> None:
    assert check_expression("lower(title)", "--value")
    assert not check_expression("'''' || now()", "--value")


@pytest.mark.parametrize(
    "written",
    ["", "int, 1", "int + 1", "int AS b", "int::text", "int; SELECT 1", "int -- x", "int\nx"],
)
def test_a_type_is_a_type(written: str) -> None:
    with pytest.raises(RecipeError, match="names no type"):
        check_type(written)


@pytest.mark.parametrize("written", ["bigint", "varchar(80)", 'x."Odd t"[]', "double precision"])
def test_types_are_taken_as_sql_writes_them(written: str) -> None:
    check_type(written)


def test_names_of_our_own_fit_and_stay_apart() -> None:
    one, other = (object_name("sync", "t" * 63, end * 63) for end in "ab")
    assert one != other
    assert max(len(name.encode()) for name in (one, other)) <= 63
    assert object_name("sync", "a", "b") == "sync_a_b"
