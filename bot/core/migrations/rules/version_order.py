"""New files come after those of the trunk, and no two have one version."""

from collections.abc import Iterator

from bot.core.migrations.rules.rule import Fault, Reading, Rule


def _check(reading: Reading) -> Iterator[Fault]:
    version, around = reading.migration.version, reading.around
    if version in around.elsewhere:
        other = around.elsewhere[version]
        yield Fault(
            f"{other} adds a migration with the version {version} too; give this one another"
        )
    if version not in around.ledger and around.newest is not None and version < around.newest:
        yield Fault(
            f"{version} comes before {around.newest}, which is on the trunk already: databases "
            "that have that one get this one late, others in order; give it a version after it"
        )


VERSION_ORDER = Rule(
    name="version-order",
    requirement="A new file's version is after the trunk's newest and in no other pull request.",
    check=_check,
    bad="CREATE TABLE drafts (id bigint);",
    good="CREATE TABLE drafts (id bigint);",
)
