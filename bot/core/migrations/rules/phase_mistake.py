"""What old builds name must not go in an expand."""

from collections.abc import Iterator

from bot.core.migrations.locks import Lock
from bot.core.migrations.model import Phase
from bot.core.migrations.names import quoted
from bot.core.migrations.phases import Effect, describe
from bot.core.migrations.rewrites import (
    CONTRACT,
    TIMEOUT,
    command,
    ended,
    files,
    or_nothing,
    others,
)
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen

_RECIPES = {
    "AT_DropColumn": "drop-column",
    "rename_COLUMN": "rename-column",
    "AT_AlterColumnType": "change-type",
}


def _check(reading: Reading) -> Iterator[Fault]:
    if reading.phase is not Phase.EXPAND:
        return
    for one, effect in zip(reading.seen, reading.effects, strict=True):
        if effect is Effect.BREAKING:
            message = (
                f"{describe(one.change)} stands in an expand, and builds that are live may still "
                f"need what it takes away; do it in a contract{_recipe(one)}"
            )
            yield Fault(message, one, _rewrite(one))


def _recipe(one: Seen) -> str:
    recipe = _RECIPES.get(one.change.kind)
    if recipe is None:
        return ""
    name = f"{one.change.written}.{quoted(one.change.column)}"
    return f" (`lockgate emc new {recipe} {name} …` begins one)"


@or_nothing
def _rewrite(one: Seen) -> str:
    change = one.change
    timeout = TIMEOUT if any(hold.lock >= Lock.SHARE for hold in one.holds) else ""
    if change.statement.kind != "alter_table_stmt" or not change.kind.startswith("AT_"):
        alone = change.statement.text
        return (
            ""
            if change.statement.text.upper().startswith("DO")
            else files([CONTRACT, timeout, ended(alone)])
        )
    rest = others(change)
    kept = ["-- lockgate: expand", TIMEOUT, ended(rest)] if rest else []
    return files(kept, [CONTRACT, timeout, ended(command(change))])


PHASE_MISTAKE = Rule(
    name="phase-mistake",
    requirement="An expand drops, renames and retypes nothing that a live build may name.",
    check=_check,
    bad="-- lockgate: expand\nSET lock_timeout = '4s';\nALTER TABLE recipes DROP COLUMN title;",
    good="-- lockgate: contract\nSET lock_timeout = '4s';\nALTER TABLE recipes DROP COLUMN title;",
)
