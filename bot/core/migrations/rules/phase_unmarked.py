"""A file that does more than add says which phase it is."""

from collections.abc import Iterator

from bot.core.migrations.model import Phase
from bot.core.migrations.phases import Effect, describe
from bot.core.migrations.rewrites import CONTRACT, EXPAND
from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    if reading.phase is not None or not reading.seen:
        return
    effects = reading.effects
    # The worst decides what to suggest; the first of it is shown.
    order = [Effect.ADDITIVE, Effect.RELAXING, Effect.TIGHTENING, Effect.UNKNOWN, Effect.BREAKING]
    worst = max(effects, key=order.index)
    one = reading.seen[effects.index(worst)]
    phase = Phase.CONTRACT if worst in (Effect.BREAKING, Effect.UNKNOWN) else Phase.EXPAND
    message = (
        f"{describe(one.change)} is {worst.value}, not purely additive, and the file says no "
        f"phase; begin it with `-- lockgate: {phase.value}`"
    )
    mark = CONTRACT if phase is Phase.CONTRACT else EXPAND
    yield Fault(message, one, f"{mark}\n{reading.migration.text.strip()}")


PHASE_UNMARKED = Rule(
    name="phase-unmarked",
    requirement="A file that is not purely additive is marked as an expand or a contract.",
    check=_check,
    bad="SET lock_timeout = '4s';\nALTER TABLE recipes DROP COLUMN title;",
    good="-- lockgate: contract\nSET lock_timeout = '4s';\nALTER TABLE recipes DROP COLUMN title;",
)
