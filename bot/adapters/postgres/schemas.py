"""What the bot remembers of environments' databases: ``bot.ports.schemas.SchemaStore``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from psycopg.rows import dict_row

from bot.adapters.postgres.connection import Connection, Pool, Row, text, with_connection
from bot.adapters.postgres.plain import from_plain, to_plain
from bot.adapters.postgres.statements import load_queries
from bot.core.migrations.builds import BuildSchema, KnownBackfill, KnownMigration
from bot.core.migrations.model import Version
from bot.core.migrations.runs import Run
from bot.core.model import Sha
from bot.core.schema.snapshot import MeantSchema

_SQL = load_queries("schemas")


class PostgresSchemas:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def bind_database(self, name: str, repository_id: int) -> int:
        arguments = {"name": text(name), "repository_id": repository_id}
        while not (rows := await self._fetch("bind_database", arguments)):
            pass  # another bound it in the same moment: the next look sees whose it is
        return int(rows[0]["repository_id"])

    async def fetch_bindings(self) -> Mapping[str, int]:
        rows = await self._fetch("fetch_bindings", {})
        return {row["name"]: row["repository_id"] for row in rows}

    async def save_known(self, repository_id: int, migrations: Iterable[KnownMigration]) -> None:
        known = sorted(migrations, key=lambda one: one.version)
        if known:
            arguments = {"repository_id": repository_id, "known": _json(known)}
            await self._execute("save_known", arguments)

    async def save_trunk(
        self,
        repository_id: int,
        migrations: Iterable[KnownMigration],
        backfills: Iterable[KnownBackfill],
        applied: Iterable[Version],
    ) -> None:
        known = list(migrations)
        await self.save_known(repository_id, known)
        kept = sorted({*applied, *(one.version for one in known)})
        await self._execute("forget_known", {"repository_id": repository_id, "kept": kept})
        arguments = {"repository_id": repository_id, "backfills": _json(list(backfills))}
        await self._execute("save_known_backfills", arguments)

    async def fetch_known(self, repository_id: int) -> dict[Version, KnownMigration]:
        rows = await self._fetch("fetch_known", {"repository_id": repository_id})
        known = [cast("KnownMigration", from_plain(KnownMigration, row["facts"])) for row in rows]
        return {one.version: one for one in known}

    async def fetch_known_backfills(self, repository_id: int) -> dict[Version, KnownBackfill]:
        rows = await self._fetch("fetch_known_backfills", {"repository_id": repository_id})
        return {row["version"]: KnownBackfill(**row) for row in rows}

    async def save_build(self, repository_id: int, build: BuildSchema) -> None:
        await self._execute(
            "save_build",
            {
                "repository_id": repository_id,
                "sha": build.sha,
                "facts": _json(replace(build, contains={})),
                "contains": _json(dict(build.contains)),
            },
        )

    async def fetch_builds(self, repository_id: int, shas: Iterable[Sha]) -> dict[Sha, BuildSchema]:
        arguments = {"repository_id": repository_id, "shas": list(shas)}
        rows = await self._fetch("fetch_builds", arguments)
        found = [
            replace(
                cast("BuildSchema", from_plain(BuildSchema, row["facts"])),
                contains=row["contains"],
            )
            for row in rows
        ]
        return {one.sha: one for one in found}

    async def add_run(self, run: Run) -> Run | None:
        arguments = {
            "repository_id": run.repo.id,
            "environment": run.environment,
            "comment_id": run.comment_id,
            "state": run.state.value,
            "content": _json(run),
            "requested_at": run.requested_at,
        }
        rows = await self._fetch("add_run", arguments)
        if rows:
            return _run(rows[0])
        return await self.fetch_run_of_comment(run.repo.id, run.comment_id)

    async def fetch_run(self, run_id: int) -> Run | None:
        rows = await self._fetch("fetch_run", {"id": run_id})
        return _run(rows[0]) if rows else None

    async def fetch_run_of_comment(self, repository_id: int, comment_id: int) -> Run | None:
        rows = await self._fetch(
            "fetch_run_of_comment", {"repository_id": repository_id, "comment_id": comment_id}
        )
        return _run(rows[0]) if rows else None

    async def fetch_runs(
        self, repository_id: int, environment: str, *, open_only: bool = False, limit: int = 20
    ) -> list[Run]:
        arguments = {
            "repository_id": repository_id,
            "environment": environment,
            "open_only": open_only,
            "limit": limit,
        }
        return [_run(row) for row in await self._fetch("fetch_runs", arguments)]

    async def take_environment(self, run: Run) -> bool:
        return bool(await self._fetch("take_environment_for_run", _place(run)))

    async def release_environment(self, run: Run) -> None:
        await self._execute("release_environment_of_run", _place(run))

    async def fetch_open_runs(self) -> list[int]:
        return [row["id"] for row in await self._fetch("fetch_open_runs", {})]

    async def save_run(self, run: Run) -> Run | None:
        arguments = {
            "id": run.id,
            "revision": run.revision,
            "state": run.state.value,
            "content": _json(run),
        }
        rows = await self._fetch("save_run", arguments)
        return _run(rows[0]) if rows else None

    async def save_pull_versions(
        self, repository_id: int, number: int, versions: Iterable[Version]
    ) -> None:
        arguments = {
            "repository_id": repository_id,
            "number": number,
            "versions": sorted(versions),
        }
        name = "save_pull_versions" if arguments["versions"] else "forget_pull_versions"
        await self._execute(name, arguments)

    async def fetch_pull_versions(self, repository_id: int, *, besides: int) -> dict[Version, int]:
        arguments = {"repository_id": repository_id, "number": besides}
        return {
            Version(version): row["number"]
            for row in await self._fetch("fetch_pull_versions", arguments)
            for version in row["versions"]
        }

    async def fetch_pulls_with_versions(self, repository_id: int) -> list[int]:
        rows = await self._fetch("fetch_pulls_with_versions", {"repository_id": repository_id})
        return [row["number"] for row in rows]

    async def save_meant(self, repository_id: int, environment: str, schema: MeantSchema) -> None:
        content = {
            "root": schema.root,
            "digests": dict(schema.digests),
            "applied": sorted(schema.applied),
            "cause": text(schema.cause),
            "at": schema.at.isoformat(),
        }
        await self._execute(
            "save_meant",
            {
                "repository_id": repository_id,
                "environment": environment,
                "root": schema.root,
                "content": json.dumps(content),
                "meant_at": schema.at,
            },
        )

    async def fetch_meant(self, repository_id: int, environment: str) -> MeantSchema | None:
        rows = await self._fetch(
            "fetch_meant", {"repository_id": repository_id, "environment": environment}
        )
        if not rows:
            return None
        content = rows[0]["content"]
        return MeantSchema(
            root=content["root"],
            digests=content["digests"],
            applied=frozenset(Version(each) for each in content["applied"]),
            cause=content["cause"],
            at=datetime.fromisoformat(content["at"]),
        )

    async def _fetch(self, name: str, arguments: dict[str, Any]) -> list[Row]:
        async def fetch(connection: Connection) -> list[Row]:
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_SQL[name], arguments)
                return await cursor.fetchall()

        return await with_connection(self._pool, fetch)

    async def _execute(self, name: str, arguments: dict[str, Any]) -> None:
        await with_connection(self._pool, lambda c: c.execute(_SQL[name], arguments))


def _json(value: Any) -> str:
    return text(json.dumps(to_plain(value), allow_nan=False).replace("\\u0000", ""))


def _place(run: Run) -> dict[str, Any]:
    return {"repository_id": run.repo.id, "environment": run.environment, "run_id": run.id}


def _run(row: Row) -> Run:
    found = cast("Run", from_plain(Run, row["content"]))
    return replace(found, id=row["id"], revision=row["revision"])
