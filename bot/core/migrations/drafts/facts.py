"""What is known of a table: read from its catalog, or told by whoever asks for the files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.core.migrations.names import dotted, parse_name, quoted

DEFAULT_SCHEMA = "public"


class RecipeError(Exception):
    """The files cannot be made. Texts are plain, and may quote what was asked for."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class TableName:
    schema: str
    name: str

    @property
    def sql(self) -> str:
        return dotted(self.schema, self.name)

    def __str__(self) -> str:
        return self.sql


@dataclass(frozen=True, slots=True)
class Place:
    """A column, with its table."""

    table: TableName
    column: str

    @property
    def sql(self) -> str:
        """The column alone."""
        return quoted(self.column)

    def __str__(self) -> str:
        return dotted(self.table.schema, self.table.name, self.column)


@dataclass(frozen=True, slots=True)
class Column:
    """Texts are SQL as PostgreSQL writes it with an empty ``search_path``."""

    type: str
    not_null: bool = False
    default: str = ""
    collation: str = ""
    """Where it is not the type's own, or that of the type below a domain."""
    generated: bool = False
    identity: bool = False
    sequence: str = ""
    """The sequence that the column owns."""
    comment: str = ""
    base: str = ""
    """Of a domain that has constraints, the type below it."""
    by_hand: tuple[str, ...] = ()
    """What reads it or rests on it, and is not in the files: views, policies, checks, …"""

    @property
    def declared(self) -> str:
        """The type, as behind a column's name."""
        return f"{self.type} COLLATE {self.collation}" if self.collation else self.type


@dataclass(frozen=True, slots=True)
class Index:
    """Of whole columns, in B-tree order; other indexes are in ``Column.by_hand``."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    constraint: bool = False


@dataclass(frozen=True, slots=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    references: str
    """``REFERENCES other(id) ON DELETE CASCADE``"""


@dataclass(frozen=True, slots=True)
class Table:
    """``known``: read from the catalog, so that what is not here is not there."""

    name: TableName
    columns: Mapping[str, Column] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    """Its primary key, or another that is unique and never null."""
    primary_key: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    partitioned: bool = False
    heirs: tuple[str, ...] = ()
    """Tables that inherit from it, as SQL writes them; partitions are none."""
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Role → what it may do with the whole table: ``SELECT``, ``INSERT``, … The owner is left
    out, and ``PUBLIC`` stands for everybody."""
    known: bool = False

    @property
    def unknown(self) -> str:
        """What to say of what was not read; empty where all was."""
        if self.known:
            return ""
        return (
            f"{self.name} was not read: if the column has indexes, foreign keys, checks, a "
            "default, a comment, a collation of its own or NOT NULL, give `--database`, or write "
            "them into the files by hand"
        )

    def column(self, place: Place) -> Column:
        """
        Raises:
            RecipeError: the table has no such column; or it is not known which type it has.
        """
        found = self.columns.get(place.column)
        if found is not None:
            return found
        if self.known:
            names = ", ".join(quoted(name) for name in self.columns) or "no column"
            raise RecipeError(f"there is no column {place}", f"the table has {names}")
        raise RecipeError(
            f"the type of {place} is not known",
            "let it be read from the database with `--database`, or give it with `--type`",
        )


def key_of(table: Table) -> tuple[str, ...]:
    """
    Raises:
        RecipeError: batches could not be made, or it is not known by what; or a trigger would not
            see all rows.
    """
    refuse_heirs(table)
    if table.key and not "".join(table.key).isprintable():
        raise RecipeError(
            f"the key of {table.name.sql!a} has a character that cannot be shown",
            "rename it first: a file's header cannot name it",
        )
    if table.key:
        return table.key
    if table.known:
        raise RecipeError(
            f"{table.name} has no key by which a backfill could go",
            f"add one: `ALTER TABLE {table.name} ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY "
            "PRIMARY KEY` rewrites the table; a unique index on columns that are NOT NULL does not",
        )
    raise RecipeError(
        f"the key of {table.name} is not known",
        "let it be read from the database with `--database`, or give it with `--key`",
    )


def refuse_heirs(table: Table) -> None:
    """A trigger, and a unique index, is of one table alone, unless that is partitioned.
    https://www.postgresql.org/docs/18/ddl-inherit.html#DDL-INHERIT-CAVEATS

    Raises:
        RecipeError: a trigger would not see all rows.
    """
    if table.heirs:
        raise RecipeError(
            f"{table.heirs[0]} inherits from {table.name}: a trigger here does not see its rows",
            "make one table of them first, or a partitioned one",
        )


def refuse_domain(place: Place, column: Column) -> None:
    """Where a column of a domain with constraints is added, PostgreSQL writes the table anew, and
    where NULL is none of its values it refuses to.

    Raises:
        RecipeError: another column of its type cannot be added while builds write.
    """
    if column.base:
        plain = replace(column, type=column.base).declared
        raise RecipeError(
            f"{place} is of {column.type}, a domain with constraints: to add another such column "
            "writes the whole table anew, while nobody may read or write it",
            f"use `change-type` with `--type '{plain}'`, and give the new column the domain's "
            "constraints by hand",
        )


def parse_table(written: str) -> TableName:
    """``recipes`` or ``public.recipes``, as SQL writes it.

    Raises:
        RecipeError: it is no table's name.
    """
    names = _parse(written, "a table", "recipes")
    if len(names) > 2:
        raise RecipeError(f"“{written}” names no table", "write `recipes` or `public.recipes`")
    return TableName(*(DEFAULT_SCHEMA, *names)[-2:])


def parse_place(written: str) -> Place:
    """``recipes.title`` or ``public.recipes.title``, as SQL writes it.

    Raises:
        RecipeError: it is no column's name.
    """
    names = _parse(written, "a column", "recipes.title")
    if not 2 <= len(names) <= 3:
        raise RecipeError(
            f"“{written}” names no column", "write it with its table: `recipes.title`"
        )
    *table, column = names
    return Place(TableName(*(DEFAULT_SCHEMA, *table)[-2:]), column)


def parse_column(written: str) -> str:
    """One name, without its table.

    Raises:
        RecipeError: it is none.
    """
    names = _parse(written, "a column", "title")
    if len(names) != 1:
        raise RecipeError(f"“{written}” names no column", "write the column's name alone")
    return names[0]


def _parse(written: str, what: str, example: str) -> tuple[str, ...]:
    if not written.isprintable():
        # It could end the comment that names it, and begin SQL of its own.
        raise RecipeError(
            f"{written!a} has a character that cannot be shown",
            "rename it first: a file's header cannot name it",
        )
    names = parse_name(written)
    if not names:
        raise RecipeError(
            f"“{written}” names no {what.removeprefix('a ')}",
            f"write it as in SQL, such as `{example}`, in double quotes where it must be",
        )
    if '"' not in written and written != written.lower():
        # PostgreSQL would fold it; whoever writes capitals means either.
        raise RecipeError(
            f"“{written}” has capitals and no quotation marks",
            f"write `{written.lower()}`, or put the name that has them into double quotes",
        )
    return names
