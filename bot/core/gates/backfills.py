"""The gate on backfills: those that the build needs are proven complete."""

from bot.core.decision import GateResult
from bot.core.migrations.compatibility import judge_backfills
from bot.core.migrations.gating import answer, schema_facts
from bot.core.promotion import PromotionFacts

GATE = "backfills"
_REASON = (
    "A build that reads what a backfill writes goes live once no row is left by the backfill's own "
    "predicate, counted after its last batch."
)


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge the backfills by what the build needs."""
    schema = schema_facts(GATE, facts, _REASON)
    if isinstance(schema, GateResult):
        return schema
    return answer(GATE, judge_backfills(schema.build, schema.database), _REASON, schema)
