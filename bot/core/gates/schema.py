"""The gate on drift: the schema in place is the one that the last known change left."""

from bot.core.decision import Finding, GateResult, Json, Verdict
from bot.core.migrations.gating import schema_facts
from bot.core.phrases import counted, listed, quoted, say_time
from bot.core.promotion import PromotionFacts, Unread
from bot.core.schema.difference import Difference, digest_differences

GATE = "schema"
_REASON = (
    "A build is judged by the schema that is known. What somebody changed past Lockgate is looked "
    "at before anything more is built on it."
)
_NAMED = 3
_FOUND = 20


def evaluate(facts: PromotionFacts) -> GateResult:
    """Compare the schema in place with the one that was recorded after the last known change."""
    schema = schema_facts(GATE, facts, _REASON)
    if isinstance(schema, GateResult):
        return schema
    here = quoted(facts.environment)
    in_place, meant = schema.in_place, schema.meant
    if isinstance(in_place, Unread):
        return GateResult(
            GATE,
            Verdict.ERROR,
            f"the schema of {here} could not be read: {in_place.reason}",
            "see that its database answers, then run the command again",
            _REASON,
            evidence={"unread": "schema"},
        )
    evidence: dict[str, Json] = {"in_place": in_place.root}
    if meant is None:
        return GateResult(
            GATE,
            Verdict.SKIP,
            "no schema is recorded yet to compare with: the next change records one",
            reason=_REASON,
            evidence=evidence,
        )
    evidence |= {"meant": meant.root, "meant_at": meant.at.isoformat(), "cause": meant.cause}
    since = f"as {meant.cause} left it at {say_time(meant.at)}"
    if in_place.root == meant.root:
        return GateResult(GATE, Verdict.PASS, since, reason=_REASON, evidence=evidence)
    found = digest_differences(meant.digests, in_place.objects)
    past = sorted(schema.database.applied.keys() - meant.applied)
    evidence |= {
        "objects": [{"change": one.change.value, "name": one.name} for one in found],
        "applied_past": list(past),
    }
    by = f"; {listed([quoted(one) for one in past])} went past Lockgate" if past else ""
    return GateResult(
        GATE,
        Verdict.FAIL,
        f"the schema of {here} is not {since}: {_what(found)}{by}",
        "undo it by hand, or comment "
        f"`/migrate {facts.environment} --accept-schema` if it is to stay",
        _REASON,
        tuple(
            Finding(one.name, f"{GATE}/drift", f"{one.change.value} past Lockgate")
            for one in found[:_FOUND]
        ),
        evidence,
    )


def _what(found: tuple[Difference, ...]) -> str:
    """``changed `table public.recipes` and 2 more``"""
    if not found:
        return "what is recorded of it and what is in place were read in different ways"
    named = [f"{one.change.value} {quoted(one.name)}" for one in found[:_NAMED]]
    rest = f" and {counted(len(found) - _NAMED, 'object')} more" if len(found) > _NAMED else ""
    return f"{', '.join(named)}{rest}"
