"""A migration's file → what is sent to the database, and whether in one transaction. Pure."""

from dataclasses import dataclass

from bot.core.migrations.sql import Statement, parse_statements

_ALWAYS_OUTSIDE = (
    "alter_system_stmt",
    "createdb_stmt",
    "dropdb_stmt",
    "create_table_space_stmt",
    "drop_table_space_stmt",
)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement; ``line`` counts from 1 in its file."""

    text: str
    line: int
    outside: bool
    """Whether PostgreSQL runs it outside of a transaction only."""
    builds: str = ""
    """The index that it makes concurrently, where it names it; quoted as needed."""
    indexes: str = ""
    """The table whose index it makes, or makes anew, concurrently; quoted as needed."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A whole file. One with a step that is ``outside`` has no transaction around it."""

    steps: tuple[Step, ...]

    @property
    def in_transaction(self) -> bool:
        return not any(step.outside for step in self.steps)


def parse_steps(text: str) -> Steps:
    """
    Raises:
        SqlError: it is no SQL.
    """
    return Steps(tuple(map(_step, parse_statements(text))))


def _step(statement: Statement) -> Step:
    node, outside, builds, indexes = statement.node, False, "", ""
    match statement.kind:
        case "index_stmt" if node.concurrent:
            outside = True
            indexes = _name(node.relation.schemaname, node.relation.relname)
            # An index lives in the schema of its table.
            builds = _name(node.relation.schemaname, node.idxname) if node.idxname else ""
        case "drop_stmt":
            outside = node.concurrent
        case "reindex_stmt":
            outside = any(one.def_elem.defname == "concurrently" for one in node.params)
            if outside and node.HasField("relation") and "INDEX_TABLE" not in str(node.kind):
                indexes = _name(node.relation.schemaname, node.relation.relname)
        case "alter_table_stmt":
            outside = any(
                command.alter_table_cmd.HasField("def")
                and getattr(command.alter_table_cmd, "def").partition_cmd.concurrent
                for command in node.cmds
            )
        case "vacuum_stmt":
            outside = node.is_vacuumcmd  # else it is ANALYZE
        case kind:
            outside = kind in _ALWAYS_OUTSIDE
    return Step(statement.text, statement.line, outside, builds, indexes)


def _name(schema: str, name: str) -> str:
    parts = [schema, name] if schema else [name]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
