"""What a recipe is, and what it is asked."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from bot.core.migrations.drafts.facts import Place, RecipeError, Table, TableName
from bot.core.migrations.drafts.files import Draft, DraftWriter, slug_of
from bot.core.migrations.model import Version


@dataclass(frozen=True, slots=True)
class Asked:
    """A change, with all that is known of it. Expressions and types are SQL, and were checked."""

    places: tuple[Place, ...]
    """The columns that it is about, in the order in which the recipe wants them."""
    tables: Mapping[TableName, Table]
    to: TableName | None = None
    """The table that split-table makes."""
    on: tuple[str, ...] = ()
    """Columns of the other table that hold this one's key."""
    type: str = ""
    using: str = ""
    """The new value, in terms of the row's columns; empty for PostgreSQL's own conversion."""
    back: str = ""
    """The old value, in terms of the row's columns."""
    value: str = ""
    build: str = ""

    @property
    def place(self) -> Place:
        return self.places[0]

    def table(self, name: TableName) -> Table:
        return self.tables[name]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A change that goes out in steps."""

    name: str
    summary: str
    """What the command's help and the documentation say of it, in a sentence."""
    places: str
    """The arguments, as in usage: ``TABLE.COLUMN TABLE.NEW``."""
    count: tuple[int, int]
    """How many places it takes at least and at most."""
    options: tuple[str, ...]
    """Of ``Asked``'s fields from ``to`` to ``value``, those that it reads."""
    examples: tuple[str, ...]
    """Arguments, as in a shell."""
    write: Callable[[Asked, DraftWriter], None]
    """Raises RecipeError where the change cannot be made so."""
    needs: Mapping[str, str] = field(default_factory=dict)
    """Options that it cannot do without, and what each is for."""

    def draft(self, asked: Asked, versions: Iterable[Version]) -> Draft:
        """
        Raises:
            RecipeError: the change cannot be made so, or more must be known.
        """
        for option, why in self.needs.items():
            if not getattr(asked, option):
                raise RecipeError(f"{self.name} needs `--{option}`", f"give {why}")
        for place in asked.places:
            if (table := asked.table(place.table)).known and place.column in table.columns:
                _refuse_odd(self.name, place, table)
        slug = slug_of(
            self.name, asked.place.table.name, *(place.column for place in asked.places[:1])
        )
        writer = DraftWriter(slug or slug_of(self.name), iter(versions), asked.build)
        self.write(asked, writer)
        return writer.done()


def _refuse_odd(recipe: str, place: Place, table: Table) -> None:
    column = table.columns[place.column]
    if column.generated:
        raise RecipeError(
            f"{place} is generated: nobody writes it",
            "change the columns that it is generated from",
        )
    if place.column in table.primary_key and recipe != "add-unique":
        raise RecipeError(
            f"{place} is part of the primary key of {table.name}",
            "give the table another primary key first: whatever refers to a row would lose it",
        )
