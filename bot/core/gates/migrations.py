"""The gate on migrations: those in place are those that the build needs."""

from bot.core.decision import GateResult
from bot.core.migrations.compatibility import judge_migrations
from bot.core.migrations.gating import answer, schema_facts
from bot.core.promotion import PromotionFacts

GATE = "migrations"
_REASON = (
    "A build goes live once every expand of its tree is applied, and while no contract is applied "
    "that it cannot do without."
)


def evaluate(facts: PromotionFacts) -> GateResult:
    """Judge the migrations that are applied by what the build needs."""
    schema = schema_facts(GATE, facts, _REASON)
    if isinstance(schema, GateResult):
        return schema
    return answer(GATE, judge_migrations(schema.build, schema.database), _REASON, schema)
