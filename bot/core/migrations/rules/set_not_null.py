"""SET NOT NULL reads the whole table, unless a validated CHECK proves it."""

from collections.abc import Iterator

from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost
from bot.core.migrations.rewrites import expand, files, or_nothing, others, required_in_steps
from bot.core.migrations.rules.rule import Fault, Reading, Rule, Seen


def _check(reading: Reading) -> Iterator[Fault]:
    for one in reading.of("AT_SetNotNull"):
        if one.hold is None or one.hold.cost is not Cost.SCAN:
            continue
        message = (
            f"SET NOT NULL reads the whole table: {impact_of(one.hold, one.table)}; a CHECK that "
            "was validated before proves it at once"
        )
        yield Fault(message, one, _rewrite(one))


@or_nothing
def _rewrite(one: Seen) -> str:
    rest = others(one.change)
    steps = required_in_steps(one.change, one.change.column)
    return files(expand(rest) if rest else [], *steps)


SET_NOT_NULL = Rule(
    name="set-not-null",
    requirement="A column becomes NOT NULL when a validated CHECK proves that it is.",
    check=_check,
    bad="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ALTER COLUMN title SET NOT NULL;",
    good="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD CONSTRAINT titled CHECK (title IS NOT NULL) NOT VALID;",
    by_size=True,
)
