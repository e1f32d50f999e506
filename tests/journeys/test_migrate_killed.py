"""A worker is killed by SIGKILL in the middle of ``/migrate``. Another one finishes: each migration
is applied once, every row is changed, one comment tells of it."""

import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from killing import Killer, its_heart_has_stopped, killer
from kitchen import BACKFILLS, FOLDER, Kitchen, opened_kitchen

from bot.core.migrations.runs import RunState
from bot.core.render.schema_run import run_marker

PARTS = 4
"""Of the whole campaign."""
AMID = (
    "schema_runs.py:_migration:",
    "schema_runs.py:_backfill:",
    "schema_runs.py:_conclude:",
    "runner.py:",
    "backfills.py:",
)


@dataclass
class Told:
    """One change after another, each by a comment that nobody has worked on yet."""

    kitchen: Kitchen
    kill: Killer
    count: int = 0
    killed: int = 0

    async def comes(self) -> None:
        self.count += 1
        expand, fill = f"2026{self.count:010}", f"2027{self.count:010}"
        column = f"extra_{self.count}"
        pull = self.kitchen.merged(
            f"feat: add {column}",
            {
                f"{FOLDER}/{expand}_add.expand.sql": "SET lock_timeout = '2s';\n"
                f"ALTER TABLE recipes ADD COLUMN {column} text;\n",
                f"{BACKFILLS}/{fill}_fill.sql": "-- table: recipes\n-- key: id\n"
                f"-- after: {expand}\n-- batch: 20\n"
                f"UPDATE recipes SET {column} = title WHERE {column} IS NULL AND :batch;\n",
            },
        )
        journey = self.kitchen.production.journey
        async with journey.working():
            await journey.rest()
        self.kitchen.production.comment(pull, "/migrate")
        await self.kitchen.production.github.hooks.settled()
        self.pull = pull

    async def places(self) -> list[str]:
        """The statements that run when nobody interferes."""
        await self.comes()
        ended = await self.kill.run(0)
        assert ended["ended"] == 0
        await self.is_whole("undisturbed")
        return ended["places"]

    async def killed_at(self, last: str) -> None:
        """Another run may come by a statement less often than the one before, and end by itself;
        not by its first time."""
        await self.comes()
        ended = await self.kill.run(last)
        place = f"killed at {last}: {ended['places'][-1:]}"
        killed = ended["ended"] == -signal.SIGKILL
        assert killed or not last.endswith("#1"), place
        self.killed += killed
        journey = self.kitchen.production.journey
        await its_heart_has_stopped(journey)
        async with journey.working():
            await journey.rest()
        await self.is_whole(place)

    async def is_whole(self, place: str) -> None:
        production, column = self.kitchen.production, f"extra_{self.count}"
        journey = production.journey
        await journey.rest()
        store = journey.bot.engine.shipping.schema_store
        runs = await store.fetch_runs(production.repository.id, "production", limit=1000)
        assert len(runs) == self.count, place
        assert runs[0].state is RunState.SUCCEEDED, (place, runs[0])
        wrong = self.kitchen.rows(
            f"SELECT count(*) FROM recipes WHERE {column} IS DISTINCT FROM title"
        )
        assert wrong == [(0,)], place
        applied = self.kitchen.rows("SELECT count(*) FROM supabase_migrations.schema_migrations")
        assert applied == [(self.count,)], place
        told = [one for one in journey.comments_of(self.pull) if run_marker(runs[0].id) in one.body]
        assert len(told) == 1, place
        assert "Migrated" in told[0].body, place
        entries = [
            one.entry.subject for one in await journey.bot.audit.fetch_entries(kind="migrate")
        ]
        assert entries.count(f"production: run {runs[0].id}") == 1, place
        health = await journey.bot.store.queue_health()
        assert health.dead == 0, place


def boundaries(places: list[str]) -> list[str]:
    """Every pass over a statement amid what changes something, as the program wants it."""
    seen: Counter[str] = Counter()
    found = []
    for place in places:
        seen[place] += 1
        if place.startswith(AMID):
            found.append(f"{place}#{seen[place]}")
    return found


@pytest.fixture
async def kitchen(database_url: str, empty_database_url: str, tmp_path: Path):
    async with opened_kitchen(database_url, empty_database_url, tmp_path, rows=100) as opened:
        yield opened


@pytest.mark.slow
async def test_a_worker_is_killed_amid_a_run(kitchen: Kitchen) -> None:
    async with killer(kitchen.production.journey) as kill:
        told = Told(kitchen, kill)
        points = boundaries(await told.places())
        assert len(points) > 40
        firsts = [point for point in points if point.endswith("#1")]
        for part in range(1, 5):
            await told.killed_at(firsts[len(firsts) * part // 5])
        assert told.killed == 4


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
async def test_a_worker_is_killed_at_every_statement_of_a_run(kitchen: Kitchen, part: int) -> None:
    async with killer(kitchen.production.journey) as kill:
        told = Told(kitchen, kill)
        points = boundaries(await told.places())
        for point in points[part::PARTS]:
            await told.killed_at(point)
        assert told.killed > len(points[part::PARTS]) // 2
