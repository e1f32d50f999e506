"""What the folders of one commit say: the files themselves, and what builds of it need. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.core.migrations.builds import (
    BuildFacts,
    BuildSchema,
    KnownBackfill,
    KnownMigration,
    UnreadBuild,
    known,
)
from bot.core.migrations.files import read_folder
from bot.core.migrations.model import Backfill, Migration, Phase, Problem, Version
from bot.core.migrations.phases import phase_of
from bot.core.migrations.taken import taken_by
from bot.core.model import Sha


@dataclass(frozen=True, slots=True)
class Tree:
    """``known`` has every migration, with its phase; None there where nobody can tell it."""

    migrations: Mapping[Version, Migration]
    known: Mapping[Version, KnownMigration]
    backfills: Mapping[Version, Backfill]
    problems: tuple[Problem, ...]

    @property
    def known_backfills(self) -> tuple[KnownBackfill, ...]:
        return tuple(
            KnownBackfill(one.version, one.name, one.needed) for one in self.backfills.values()
        )

    def build(self, sha: Sha, label: str, contains: Mapping[Sha, bool]) -> BuildFacts:
        """What a build of the commit needs of a database."""
        if self.problems:
            first = self.problems[0]
            return UnreadBuild(sha, label, f"{first.path}:{first.line}: {first.message}")
        needed = {one.version: one.name for one in self.backfills.values() if one.needed}
        return BuildSchema(sha, label, self.known, needed, contains)


def read_tree(
    migrations: Mapping[str, bytes],
    backfills: Mapping[str, bytes],
    applied: Collection[Version] = (),
) -> Tree:
    """``applied``: the versions in the ledger, which nobody runs again."""
    folder = read_folder(migrations.items(), backfills.items(), applied)
    return Tree(
        {one.version: one for one in folder.migrations},
        {one.version: _known(one) for one in folder.migrations},
        {one.version: one for one in folder.backfills},
        folder.problems,
    )


def _known(migration: Migration) -> KnownMigration:
    phase = phase_of(migration)
    told = phase if isinstance(phase, Phase) else None
    # An expand takes nothing away from builds that run; what it is called on the way is no matter.
    taken = taken_by(migration.text) if told is Phase.CONTRACT else ()
    return known(migration, told, taken)
