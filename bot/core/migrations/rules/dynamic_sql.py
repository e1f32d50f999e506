"""SQL that is put together when it runs cannot be judged before."""

from collections.abc import Iterator

from bot.core.migrations.rules.rule import Fault, Reading, Rule
from bot.core.migrations.script import DYNAMIC


def _check(reading: Reading) -> Iterator[Fault]:
    told = set()
    for one in reading.seen:
        if one.change.kind == DYNAMIC and one.change.statement.start not in told:
            told.add(one.change.statement.start)
            message = (
                "what this DO block runs is put together when it runs, so that nobody can say "
                "what it locks or drops; write the statements themselves"
            )
            yield Fault(message, one)


DYNAMIC_SQL = Rule(
    name="dynamic-sql",
    requirement="A DO block has statements that can be read, none that it puts together.",
    check=_check,
    bad="-- lockgate: expand\nDO $$ BEGIN EXECUTE 'DROP TABLE ' || 'drafts'; END $$;",
    good="DO $$ BEGIN\n  CREATE TYPE mood AS ENUM ('sad');\n"
    "EXCEPTION WHEN duplicate_object THEN NULL;\nEND $$;",
)
