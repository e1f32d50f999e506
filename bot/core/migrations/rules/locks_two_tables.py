"""A transaction that keeps writers of two tables waiting can stand in a deadlock with them."""

from collections.abc import Iterator

from bot.core.migrations.findings import Severity
from bot.core.migrations.locks import Lock
from bot.core.migrations.rules.rule import Fault, Reading, Rule, in_two_files


def _check(reading: Reading) -> Iterator[Fault]:
    held: dict[object, Lock] = {}
    for one in reading.seen:
        strong = [hold for hold in one.holds if hold.lock >= Lock.SHARE_ROW_EXCLUSIVE]
        new = [hold for hold in strong if hold.relation not in held]
        if held and new:
            first = next(iter(held))
            message = (
                f"{_what(one.change.kind)} locks {new[0].relation} ({new[0].lock}) while {first} "
                f"({held[first]}) is still locked by a statement before: both stay locked to the "
                "transaction's end, and who writes to both in the other order deadlocks; give each "
                "table a file of its own"
            )
            yield Fault(message, one, in_two_files(reading, one))
            return
        for hold in strong:
            held.setdefault(hold.relation, hold.lock)


def _what(kind: str) -> str:
    return {"create_trig_stmt": "CREATE TRIGGER"}.get(kind, "this statement")


LOCKS_TWO_TABLES = Rule(
    name="locks-two-tables",
    requirement="A file takes strong locks on one table in use only, besides those of one foreign "
    "key.",
    check=_check,
    bad=(
        "SET lock_timeout = '4s';\n"
        "CREATE TRIGGER t AFTER INSERT ON recipes FOR EACH ROW EXECUTE FUNCTION touch();\n"
        "CREATE TRIGGER t AFTER INSERT ON books FOR EACH ROW EXECUTE FUNCTION touch();"
    ),
    good=(
        "SET lock_timeout = '4s';\n"
        "CREATE TRIGGER t AFTER INSERT ON recipes FOR EACH ROW EXECUTE FUNCTION touch();"
    ),
    severity=Severity.WARNING,
)
