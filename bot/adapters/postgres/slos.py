"""Probes, their counts, how objectives stand, and their alerts: ``bot.ports.slo.SloStore``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, cast

from psycopg import Rollback
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.plain import from_plain, to_plain
from bot.adapters.postgres.statements import load_queries
from bot.core.model import Sha
from bot.core.slo.kept import BudgetPoint, KeptState
from bot.core.slo.model import State
from bot.core.slo.probes import (
    BOUNDS_MS,
    KEPT_ANSWERS,
    KEPT_HOURS,
    DueProbe,
    Outcome,
    Probe,
    ProbeAnswer,
)
from bot.ports.slo import Counter, CounterAt, KeptAlert

_SQL = load_queries("slos")


class PostgresSlos:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def want_probes(self, repository_id: int, probes: Sequence[Probe]) -> None:
        arguments = {
            "repository_id": repository_id,
            "names": [text(probe.name) for probe in probes],
            "everies": [probe.every for probe in probes],
            "contents": [Jsonb(to_plain(probe)) for probe in probes],
        }

        async def want(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_SQL["want_probes"], arguments)
                await connection.execute(_SQL["unwant_probes"], arguments)

        await with_connection(self._pool, want)

    async def claim_probes(self, limit: int) -> list[DueProbe]:
        return [_due(row) for row in await self._fetch("claim_probes", {"limit": limit})]

    async def find_probes(self, repository_id: int, names: Sequence[str]) -> list[DueProbe]:
        arguments = {"repository_id": repository_id, "names": [text(name) for name in names]}
        return [_due(row) for row in await self._fetch("find_probes", arguments)]

    async def record_probes(self, answers: Sequence[tuple[DueProbe, ProbeAnswer]]) -> None:
        arguments = {
            "bounds": list(BOUNDS_MS),
            "ids": [due.id for due, _ in answers],
            "ats": [due.at for due, _ in answers],
            "goods": [answer.good for _, answer in answers],
            "milliseconds": [answer.milliseconds for _, answer in answers],
            "statuses": [answer.status for _, answer in answers],
            "outcomes": [answer.outcome.value for _, answer in answers],
        }
        await self._execute("record_probes", arguments)

    async def fetch_counters(self, wanted: Sequence[CounterAt]) -> list[Counter | None]:
        places = {one: place for place, one in enumerate(dict.fromkeys(wanted), start=1)}
        rows = await self._fetch(
            "fetch_counters",
            {
                "repository_ids": [one.repository_id for one in places],
                "names": [text(one.probe) for one in places],
                "places": [one.bound for one in places],
                "ats": [one.at for one in places],
            },
        )
        found = {row["place"]: Counter(row["at"], row["total"], row["good"]) for row in rows}
        return [found.get(places[one]) for one in wanted]

    async def fetch_answers(
        self, repository_id: int, probe: str, *, limit: int, since: datetime | None = None
    ) -> list[ProbeAnswer]:
        rows = await self._fetch(
            "fetch_answers",
            {
                "repository_id": repository_id,
                "name": text(probe),
                "since": since or "-infinity",
                "limit": limit,
            },
        )
        return [
            ProbeAnswer(Outcome(row["outcome"]), row["milliseconds"], row["status"], row["at"])
            for row in rows
        ]

    async def thin_probes(self, now: datetime) -> None:
        await self._execute("thin_probes", {"before": now - KEPT_ANSWERS})
        await self._execute("prune_hours", {"before": now - KEPT_HOURS})
        await self._execute("prune_probes", {})

    async def want_objectives(self, repository_id: int, at: Sha, files: Mapping[str, str]) -> None:
        query = "want_objectives" if files else "unwant_objectives"
        plain = Jsonb({text(path): text(content) for path, content in files.items()})
        await self._execute(query, {"repository_id": repository_id, "sha": at, "files": plain})

    async def fetch_defining(self) -> list[int]:
        return [row["repository_id"] for row in await self._fetch("fetch_defining", {})]

    async def fetch_evaluated(self) -> list[int]:
        return [row["repository_id"] for row in await self._fetch("fetch_evaluated", {})]

    async def pause(self, repository_id: int) -> None:
        arguments = {"repository_id": repository_id, "names": []}

        async def pause(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_SQL["unwant_probes"], arguments)
                await connection.execute(_SQL["pause_objectives"], arguments)

        await with_connection(self._pool, pause)

    async def fetch_defined(self, repository_id: int) -> dict[str, str]:
        rows = await self._fetch("fetch_defined", {"repository_id": repository_id})
        return dict(rows[0]["files"]) if rows else {}

    async def save_states(self, repository_id: int, states: Sequence[KeptState]) -> None:
        arguments = {
            "repository_id": repository_id,
            "objectives": [text(one.name) for one in states],
            "ats": [one.evaluated_at for one in states],
            "counted": [one.state.at for one in states],
            "periods": [one.window.length for one in states],
            "contents": [Jsonb(to_plain(one)) for one in states],
            "remainings": [_real(one.state.budget_remaining) for one in states],
        }

        async def save(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(_SQL["forget_states"], arguments)
                await connection.execute(_SQL["save_states"], arguments)
                await connection.execute(_SQL["add_budgets"], arguments)

        await with_connection(self._pool, save)

    async def fetch_states(self, repository_ids: Sequence[int]) -> list[KeptState]:
        rows = await self._fetch("fetch_states", {"repository_ids": list(repository_ids)})
        return [cast("KeptState", from_plain(KeptState, row["content"])) for row in rows]

    async def find_states(self, name: str, repository_id: int = 0) -> list[KeptState]:
        arguments = {"objective": text(name), "repository_id": repository_id}
        rows = await self._fetch("find_states", arguments)
        return [cast("KeptState", from_plain(KeptState, row["content"])) for row in rows]

    async def count_states(
        self, repository_ids: Sequence[int], since: datetime
    ) -> dict[State, int]:
        arguments = {"repository_ids": list(repository_ids), "since": since}
        rows = await self._fetch("count_states", arguments)
        return {State(row["state"]): row["count"] for row in rows}

    async def fetch_budget_history(
        self, repository_id: int, name: str, since: datetime
    ) -> list[BudgetPoint]:
        rows = await self._fetch(
            "fetch_budget_history",
            {"repository_id": repository_id, "objective": text(name), "since": since},
        )
        return [BudgetPoint(**row) for row in rows]

    async def thin_budgets(self, now: datetime) -> None:
        await self._execute("thin_budgets", {"now": now})

    async def fetch_alerts(self, repository_id: int) -> list[KeptAlert]:
        rows = await self._fetch("fetch_alerts", {"repository_id": repository_id})
        return [KeptAlert(**row) for row in rows]

    async def save_alerts(self, repository_id: int, alerts: Sequence[KeptAlert]) -> bool:
        arguments = _alerts(repository_id, alerts)
        arguments["contents"] = [Jsonb(one.content) for one in alerts]

        async def save(connection: Connection) -> bool:
            async with connection.transaction() as transaction:
                cursor = await connection.execute(_SQL["save_alerts"], arguments)
                whole = cursor.rowcount == len(alerts)
                if not whole:
                    raise Rollback(transaction)
            return whole

        return not alerts or await with_connection(self._pool, save)

    async def forget_alerts(self, repository_id: int, alerts: Sequence[KeptAlert]) -> None:
        if alerts:
            await self._execute("forget_alerts", _alerts(repository_id, alerts))

    async def _execute(self, query: str, arguments: Mapping[str, Any]) -> None:
        await with_connection(self._pool, lambda c: c.execute(_SQL[query], arguments))

    async def _fetch(self, query: str, arguments: Mapping[str, Any]) -> list[Row]:
        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL[query], arguments, prepare=False)
                return await cursor.fetchall()

        return await with_connection(self._pool, fetch)


def _real(part: Fraction | None) -> float | None:
    return None if part is None else float(part)


def _due(row: Row) -> DueProbe:
    probe = cast("Probe", from_plain(Probe, row["content"]))
    return DueProbe(row["id"], row["repository_id"], row["at"], probe)


def _alerts(repository_id: int, alerts: Sequence[KeptAlert]) -> dict[str, Any]:
    return {
        "repository_id": repository_id,
        "objectives": [text(one.objective) for one in alerts],
        "alerts": [text(one.alert) for one in alerts],
        "revisions": [one.revision for one in alerts],
    }
