"""Builds and a database that go together, to be spoiled one by one.

`v1.3` reads `recipes.title`, `v1.4` (of commit STOPPED or later) reads `recipes.title_norm` alone,
and `v1.5` has the contract that drops `title` in its tree.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.core.migrations.builds import (
    BackfillProgress,
    BackfillState,
    BuildSchema,
    DatabaseState,
    InUse,
    KnownMigration,
    Taken,
    UnreadBuild,
)
from bot.core.migrations.model import Migration, Phase, Version
from bot.core.model import Sha

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STOPPED = Sha("5709b3d" + "0" * 33)

EXPAND = Version("20260101000000")
ADDED = Version("20260102000000")
FILL = Version("20260103000000")
CONTRACT = Version("20260301000000")
STRANGE = Version("20260302000000")


def migration(version: Version, name: str, phase: Phase | None, **changes: Any) -> KnownMigration:
    return replace(KnownMigration(version, name, phase), **changes)


TITLE = migration(EXPAND, "add_title", Phase.EXPAND)
TITLE_NORM = migration(ADDED, "add_title_norm", Phase.EXPAND)
DROP_TITLE = migration(
    CONTRACT,
    "drop_title",
    Phase.CONTRACT,
    requires_build=STOPPED,
    taken_away=(Taken("recipes.title"),),
)
DROP_FILE = Migration(
    CONTRACT,
    "drop_title",
    f"supabase/migrations/{CONTRACT}_drop_title.contract.sql",
    "alter table recipes drop column title;",
    Phase.CONTRACT,
    requires_backfills=(FILL,),
    requires_build=STOPPED,
)


def by_version(*migrations: KnownMigration) -> dict[Version, KnownMigration]:
    return {each.version: each for each in migrations}


def sha(digit: str) -> Sha:
    return Sha(digit * 40)


V13 = BuildSchema(sha("3"), "v1.3", by_version(TITLE), {}, {STOPPED: False})
V14 = BuildSchema(
    sha("4"), "v1.4", by_version(TITLE, TITLE_NORM), {FILL: "title_norm"}, {STOPPED: True}
)
V15 = BuildSchema(
    sha("5"),
    "v1.5",
    by_version(TITLE, TITLE_NORM, DROP_TITLE),
    {FILL: "title_norm"},
    {STOPPED: True},
)
UNREAD = UnreadBuild(sha("6"), "v1.6", "GitHub answered 502")
FILLED = BackfillProgress(FILL, "title_norm", BackfillState.FINISHED, proven=True, done=1.0)


def database(
    *applied: KnownMigration, fill: BackfillProgress | None = FILLED, **changes: Any
) -> DatabaseState:
    fills = {} if fill is None else {fill.version: fill}
    return replace(DatabaseState("production", by_version(*applied), fills), **changes)


EXPANDED = database(TITLE, TITLE_NORM)
CONTRACTED = database(TITLE, TITLE_NORM, DROP_TITLE)
LIVE = InUse(V15, "production", live=True)
BEFORE = InUse(V14, "production", live=False, leaves_after=2)


def going(state: BackfillState = BackfillState.RUNNING, **changes: Any) -> BackfillProgress:
    """At 83 %, four minutes before its end."""
    halfway = BackfillProgress(
        FILL, "title_norm", state, done=0.8399, left=timedelta(minutes=4), why=""
    )
    return replace(halfway, **changes)
