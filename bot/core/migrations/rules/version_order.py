"""New files come after those of the trunk, and no two have one version."""

from collections.abc import Iterator

from bot.core.migrations.rules.rule import Fault, Reading, Rule
from bot.core.migrations.versions import version_after
from bot.core.phrases import quoted


def _check(reading: Reading) -> Iterator[Fault]:
    version, around = reading.migration.version, reading.around
    if version in around.elsewhere:
        other = around.elsewhere[version]
        yield Fault(
            f"{other} adds a migration with the version {version} too; name this one "
            f"{_name(reading)}"
        )
    if version not in around.ledger and around.newest is not None and version < around.newest:
        yield Fault(
            f"{version} comes before {around.newest}, which is on the trunk already: databases "
            f"that have that one get this one late, others in order; name it {_name(reading)}"
        )


def _name(reading: Reading) -> str:
    """What to call the file: after all that is known."""
    version, around = reading.migration.version, reading.around
    others = [*around.elsewhere, *([around.newest] if around.newest else [])]
    later = version_after(max(version, *others)) if others else None
    rest = reading.migration.path.rpartition("/")[2][len(version) :]
    return quoted(f"{later or '<a later version>'}{rest}")


VERSION_ORDER = Rule(
    name="version-order",
    requirement="A new file's version is after the trunk's newest and in no other pull request.",
    check=_check,
    bad="CREATE TABLE drafts (id bigint);",
    good="CREATE TABLE drafts (id bigint);",
)
