"""Another type for a column, as the files of the recipe for it, with what a migration says."""

from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote

from bot.core.migrations.catalog import Table, type_of
from bot.core.migrations.changes import Change, definition
from bot.core.migrations.expressions import expression_sql
from bot.core.migrations.model import Version
from bot.core.migrations.names import dotted, quoted
from bot.core.migrations.rewrites import BACKFILL_FILE, CONTRACT, EXPAND, files, or_nothing
from bot.core.migrations.sql import Node, inner, names_of
from bot.core.migrations.versions import version_after


@dataclass(frozen=True, slots=True)
class Retyped:
    """``ALTER TABLE … ALTER COLUMN … TYPE …``"""

    change: Change
    table: Table
    """As it was before."""

    @property
    def command(self) -> str:
        """What to type for the files."""
        name = self.change.written
        old, new = (f"{name}.{quoted(one)}" for one in (self.change.column, self._successor))
        words = ["lockgate emc new change-type", quote(old), quote(new), "--type", quote(self.type)]
        if self.table.key:
            words += ["--key", quote(", ".join(map(quoted, self.table.key)))]
        if self._using:
            words += ["--using", quote(self._using), "--back …"]
        return " ".join(words)

    @property
    def in_a_key(self) -> bool:
        """Whether rows, or partitions, are told apart by it: then no column beside it will do."""
        return self.change.column in (*self.table.key, *self.table.partition_key)

    @property
    def type(self) -> str:
        """As SQL, with its collation; its name alone where the deparser has no words for it."""
        named = names_of(self._definition.coll_clause.collname)
        return f"{self._plain} COLLATE {dotted(*named)}" if named else self._plain

    @property
    def _plain(self) -> str:
        return or_nothing(_type_sql)(self._definition.type_name) or str(self._new)

    def rewrite(self, version: Version) -> str:
        """The files, from that version on. Empty where a person has to say more, such as how a
        value becomes an old one again."""
        # Not before there is a fault: they are many modules.
        from bot.core.migrations.drafts import facts
        from bot.core.migrations.drafts.files import Part
        from bot.core.migrations.drafts.recipe import Asked
        from bot.core.migrations.recipes.change_type import CHANGE_TYPE

        column, relation = self.change.column, self.change.relation
        alone = len(self.change.statement.node.cmds) == 1
        if relation is None or not alone or self._using:
            return ""
        # A line end in a name would end the header's line that has it.
        if self.in_a_key or not "".join((*relation, column)).isprintable():
            return ""
        name = facts.TableName(*relation)
        before = self.table.columns.get(column)
        known = {column: facts.Column(str(before.type), before.not_null)} if before else {}
        table = facts.Table(name, known, self.table.key or ("id",))
        places = (facts.Place(name, column), facts.Place(name, self._successor))
        asked = Asked(places, {name: table}, type=self.type)
        try:
            draft = CHANGE_TYPE.draft(asked, _versions(version))
        except (facts.RecipeError, StopIteration):
            return ""
        heads = {Part.EXPAND: [EXPAND], Part.CONTRACT: [CONTRACT]}
        return files(
            *(
                [*heads.get(one.part, [BACKFILL_FILE, f"-- named {one.name}"]), one.text.rstrip()]
                for one in draft.files
            )
        )

    @property
    def _definition(self) -> Node:
        return definition(self.change.node)

    @property
    def _new(self) -> object:
        return type_of(self._definition.type_name)

    @property
    def _successor(self) -> str:
        from bot.core.migrations.drafts.files import slug_of
        from bot.core.migrations.drafts.sql import object_name

        return object_name(self.change.column, slug_of(self._plain) or "new")

    @property
    def _using(self) -> str:
        """Its own conversion; empty for a plain cast of the column, which is PostgreSQL's."""
        if not self._definition.HasField("raw_default"):
            return ""
        kind, node = inner(self._definition.raw_default)
        if kind == "type_cast" and type_of(node.type_name) == self._new:
            kind, node = inner(node.arg)
            if kind == "column_ref" and names_of(node.fields)[-1:] == (self.change.column,):
                return ""
        return or_nothing(expression_sql)(self._definition.raw_default) or "…"


def _versions(first: Version) -> Iterator[Version]:
    version: Version | None = first
    while version is not None:
        yield version
        version = version_after(version)


def _type_sql(name: Node) -> str:
    import postgast

    tree = postgast.parse("SELECT NULL::int")
    target = tree.stmts[0].stmt.select_stmt.target_list[0].res_target
    target.val.type_cast.type_name.CopyFrom(name)
    return str(postgast.deparse(tree)).removeprefix("SELECT NULL::")
