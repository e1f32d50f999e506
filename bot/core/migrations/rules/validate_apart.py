"""VALIDATE in the transaction that added the constraint reads under the lock that adding took."""

from collections.abc import Iterator

from bot.core.migrations.changes import Relation
from bot.core.migrations.impact import impact_of
from bot.core.migrations.locks import Cost, Hold, Lock
from bot.core.migrations.rules.rule import STRONG, Fault, Reading, Rule, in_two_files


def _check(reading: Reading) -> Iterator[Fault]:
    held: dict[Relation, Lock] = {}
    for one in reading.seen:
        relation = one.change.relation
        lock = held.get(relation) if relation else None
        if one.change.kind == "AT_ValidateConstraint" and relation and lock and not one.table.fresh:
            hold = Hold(relation, lock, Cost.SCAN)
            message = (
                f"VALIDATE CONSTRAINT reads the whole table while a statement before still holds "
                f"its lock: {impact_of(hold, one.table)}; put it into the next file"
            )
            yield Fault(message, one, in_two_files(reading, one))
        for hold in one.holds:
            if hold.lock >= STRONG:
                held[hold.relation] = max(hold.lock, held.get(hold.relation, hold.lock))


VALIDATE_APART = Rule(
    name="validate-apart",
    requirement="A constraint is validated in another file than the one that locks its table.",
    check=_check,
    bad="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD CONSTRAINT positive CHECK (servings > 0) NOT VALID;\n"
    "ALTER TABLE recipes VALIDATE CONSTRAINT positive;",
    good="-- lockgate: expand\nSET lock_timeout = '4s';\n"
    "ALTER TABLE recipes ADD CONSTRAINT positive CHECK (servings > 0) NOT VALID;",
    by_size=True,
)
