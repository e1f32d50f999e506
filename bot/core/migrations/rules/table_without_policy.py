"""Row level security without a policy lets nobody in: said so, or forgotten?"""

from collections.abc import Iterator

from bot.core.migrations.findings import Severity
from bot.core.migrations.rewrites import ended, files
from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    last = reading.afterwards
    for one in reading.seen:
        relation = one.change.relation
        if one.change.kind != "AT_EnableRowSecurity" or relation is None:
            continue
        if relation.schema not in one.before.exposed or last.table(relation).policies:
            continue
        message = (
            f"{relation} has row level security and no policy: only its owner and `service_role` "
            "see a row; write the policy, or one that says that nobody may"
        )
        policy = f"CREATE POLICY nobody ON {one.change.written} USING (false);"
        yield Fault(message, one, files([ended(one.change.statement.text), policy]))


TABLE_WITHOUT_POLICY = Rule(
    name="table-without-policy",
    requirement="A table with row level security has a policy in the same file.",
    check=_check,
    bad="CREATE TABLE drafts (id bigint);\nALTER TABLE drafts ENABLE ROW LEVEL SECURITY;",
    good=(
        "CREATE TABLE drafts (id bigint);\nALTER TABLE drafts ENABLE ROW LEVEL SECURITY;\n"
        "CREATE POLICY own ON drafts USING (true);"
    ),
    severity=Severity.WARNING,
)
