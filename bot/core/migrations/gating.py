"""What the gates on databases have in common: no database, one that cannot be read, a judgement."""

from bot.core.decision import Finding, GateResult, Verdict
from bot.core.migrations.judgement import Judgement
from bot.core.phrases import quoted
from bot.core.promotion import PromotionFacts, SchemaFacts, Unread


def database_variable(environment: str) -> str:
    """The name in the server's environment that an environment's database is told by."""
    return f"LOCKGATE_DB_{environment.upper().replace('-', '_')}"


def schema_facts(gate: str, facts: PromotionFacts, reason: str) -> SchemaFacts | GateResult:
    """What was read of the environment's database, else what the gate says without it."""
    schema = facts.schema
    if isinstance(schema, Unread):
        return GateResult(
            gate,
            Verdict.ERROR,
            f"the database of {quoted(facts.environment)} could not be read: {schema.reason}",
            "see that it answers, then run the command again",
            reason,
            evidence={"unread": "database"},
        )
    if schema is not None:
        return schema
    if gate not in facts.policy.requires:
        return GateResult(gate, Verdict.SKIP, "no database is configured", reason=reason)
    return GateResult(
        gate,
        Verdict.FAIL,
        f"no database is configured for {quoted(facts.environment)}",
        f"have whoever runs the bot set {quoted(database_variable(facts.environment))} to the "
        f"database's URL, or take `{gate}` out of `environments.{facts.environment}.requires`",
        f"{reason} The policy of {quoted(facts.environment)} requires it.",
    )


def answer(gate: str, judgement: Judgement, reason: str, schema: SchemaFacts) -> GateResult:
    """A judgement as a gate's result: every obstacle is a finding."""
    return GateResult(
        gate,
        judgement.verdict,
        judgement.summary,
        judgement.remedy,
        reason,
        tuple(Finding(one.subject, gate, one.said) for one in judgement.obstacles)
        if len(judgement.obstacles) > 1
        else (),  # the summary says it already
        {
            "build": schema.build.sha,
            "applied": [str(version) for version in sorted(schema.database.applied)],
            "obstacles": [
                {"subject": one.subject, "verdict": one.verdict.value, "said": one.said}
                for one in judgement.obstacles
            ],
        },
    )
