"""Operations, locks, freezes and the ledger in PostgreSQL: ``bot.ports.operations.OperationStore``.

An environment's row in ``environment_holders`` is what everything about it is serialised by: who
holds it, the fence, and the order in which its ledger is written.
"""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar, cast

from psycopg.rows import dict_row

from bot.adapters.postgres import queue
from bot.adapters.postgres.connection import (
    Connection,
    Pool,
    Row,
    connection_pool,
    text,
    with_connection,
)
from bot.adapters.postgres.plain import from_plain, to_plain
from bot.adapters.postgres.repositories import repo_of
from bot.adapters.postgres.statements import load_queries
from bot.core.hosting import Build, Freeze, HostTarget, LedgerEntry, Lock, Origin
from bot.core.model import Sha
from bot.core.operations.machine import Operation
from bot.core.work.operations import AdvanceEnvironment
from bot.ports.operations import Answered, StaleFence

T = TypeVar("T")

_SQL = load_queries("operations")


class PostgresOperations:
    """Opened by ``open_operations``, or made on a pool that is open already."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_operation(self, operation: Operation) -> tuple[Operation, bool]:
        operation = replace(operation, version=0)
        repo, plan = operation.repo, operation.plan
        environment = text(plan.environment)
        arguments = {
            "request": uuid.uuid4(),
            "repository_id": repo.id,
            "environment": environment,
            "kind": plan.kind,
            "state": operation.state,
            "comment_id": operation.comment_id,
            "concluded": operation.concluded,
            "requested_at": operation.requested_at,
            "content": _content(operation),
            "pulls": sorted({operation.pull_number, plan.build.pull_number} - {0}),
        }

        async def add(connection: Connection) -> tuple[Operation, bool]:
            async with connection.transaction():
                added = await _rows(connection, "add_operation", arguments)
                if added:
                    job = AdvanceEnvironment(repo.id, environment)
                    await queue.enqueue(connection, [job])
                    return replace(operation, id=added[0]["id"]), True
                # What was in the way is committed by now, so this sees it.
                standing = (await _rows(connection, "fetch_standing", arguments))[0]
            # By this very call, whose connection broke after its commit?
            new = standing["request"] == arguments["request"]
            return _operation(standing), new

        return await self._do(add)

    async def fetch_operation(self, operation_id: int) -> Operation | None:
        rows = await self._fetch("fetch_operation", id=operation_id)
        return _operation(rows[0]) if rows else None

    async def fetch_begun(self, repository_id: int, comment_id: int) -> Operation | None:
        rows = await self._fetch("fetch_begun", repository_id=repository_id, comment_id=comment_id)
        return _operation(rows[0]) if rows else None

    async def note_answered(self, repository_id: int, comment_id: int, answered: Answered) -> None:
        await self._execute(
            "note_answered",
            repository_id=repository_id,
            comment_id=comment_id,
            texts=[text(each) for each in answered.texts],
            refused=answered.refused,
        )

    async def fetch_answered(self, repository_id: int, comment_id: int) -> Answered | None:
        rows = await self._fetch(
            "fetch_answered", repository_id=repository_id, comment_id=comment_id
        )
        return Answered(tuple(rows[0]["texts"]), rows[0]["refused"]) if rows else None

    async def save_operation(self, operation: Operation) -> Operation | None:
        newer = replace(operation, version=operation.version + 1)
        saved = await self._execute(
            "save_operation",
            id=operation.id,
            version=operation.version,
            state=operation.state,
            concluded=operation.concluded,
            content=_content(newer),
        )
        return newer if saved else None

    async def fetch_operations(
        self,
        repository_id: int = 0,
        *,
        environment: str = "",
        open_only: bool = False,
        limit: int = 50,
    ) -> list[Operation]:
        rows = await self._fetch(
            "fetch_operations",
            repository_id=repository_id,
            environment=text(environment),
            open_only=open_only,
            limit=limit,
        )
        return [_operation(row) for row in rows]

    async def fetch_operations_of_pull(
        self, repository_id: int, number: int, *, limit: int = 50
    ) -> list[Operation]:
        rows = await self._fetch(
            "fetch_operations_of_pull", repository_id=repository_id, number=number, limit=limit
        )
        return [_operation(row) for row in rows]

    async def fetch_stranded(self) -> list[AdvanceEnvironment]:
        rows = await self._fetch("fetch_stranded")
        return [AdvanceEnvironment(row["repository_id"], row["environment"]) for row in rows]

    async def take_environment(
        self, repository_id: int, environment: str, operation_id: int
    ) -> int | None:
        rows = await self._fetch(
            "take_environment",
            repository_id=repository_id,
            environment=text(environment),
            operation_id=operation_id,
        )
        return int(rows[0]["fence"]) if rows else None

    async def release_environment(
        self, repository_id: int, environment: str, operation_id: int
    ) -> None:
        await self._execute(
            "release_environment",
            repository_id=repository_id,
            environment=text(environment),
            operation_id=operation_id,
        )

    async def fetch_holder(self, repository_id: int, environment: str) -> int | None:
        rows = await self._fetch(
            "fetch_holder", repository_id=repository_id, environment=text(environment)
        )
        return int(rows[0]["operation_id"]) if rows else None

    async def fetch_live(self, repository_id: int) -> Mapping[str, LedgerEntry]:
        rows = await self._fetch("fetch_live", repository_id=repository_id)
        return {row["environment"]: entry_of(row) for row in rows}

    async def fetch_ledger(
        self, repository_id: int, environment: str, *, limit: int = 20
    ) -> list[LedgerEntry]:
        rows = await self._fetch(
            "fetch_ledger",
            repository_id=repository_id,
            environment=text(environment),
            limit=limit,
        )
        return [entry_of(row) for row in rows]

    async def record_live(
        self,
        repository_id: int,
        environment: str,
        build: Build,
        *,
        origin: Origin,
        actor: str,
        at: datetime,
        verified: bool,
        operation_id: int | None,
        fence: int | None,
    ) -> None:
        place = {"repository_id": repository_id, "environment": text(environment)}

        async def record(connection: Connection) -> None:
            async with connection.transaction():
                newest = await lock_fence(connection, place)
                if fence is not None and fence < newest:
                    raise StaleFence(fence, newest)
                live = await _rows(connection, "fetch_live_entry", place)
                if live and _same_build(live[0], build) and not _anew(live[0], origin):
                    if verified:
                        await connection.execute(
                            _SQL["note_verified"], {"id": live[0]["id"], "at": at}
                        )
                    return
                await add_entry(
                    connection,
                    place,
                    build,
                    origin=origin,
                    actor=actor,
                    at=at,
                    verified=verified,
                    operation_id=operation_id,
                )

        await self._do(record)

    async def fetch_lock(self, repository_id: int, environment: str) -> Lock | None:
        rows = await self._fetch(
            "fetch_lock", repository_id=repository_id, environment=text(environment)
        )
        return Lock(**rows[0]) if rows else None

    async def set_lock(self, repository_id: int, lock: Lock) -> None:
        await self._execute(
            "set_lock",
            repository_id=repository_id,
            environment=text(lock.environment),
            actor=text(lock.actor),
            reason=text(lock.reason),
            since=lock.since,
        )

    async def clear_lock(self, repository_id: int, environment: str) -> bool:
        cleared = await self._execute(
            "clear_lock", repository_id=repository_id, environment=text(environment)
        )
        return cleared > 0

    async def fetch_freezes(self, repository_id: int, environment: str) -> tuple[Freeze, ...]:
        rows = await self._fetch(
            "fetch_freezes", repository_id=repository_id, environment=text(environment)
        )
        return tuple(Freeze(**row) for row in rows)

    async def add_freeze(self, repository_id: int, freeze: Freeze) -> None:
        await self._execute(
            "add_freeze",
            repository_id=repository_id,
            environment=text(freeze.environment),
            since=freeze.since,
            until=freeze.until,
            actor=text(freeze.actor),
            reason=text(freeze.reason),
        )

    async def end_freezes(self, repository_id: int, environment: str) -> int:
        return await self._execute(
            "end_freezes", repository_id=repository_id, environment=text(environment)
        )

    async def save_policy(
        self, repository_id: int, policy: str, targets: Mapping[str, HostTarget]
    ) -> None:
        await self._execute(
            "save_policy",
            repository_id=repository_id,
            policy=text(policy),
            **target_columns(targets),
        )

    async def fetch_policy(self, repository_id: int) -> tuple[str, datetime] | None:
        rows = await self._fetch("fetch_policy", repository_id=repository_id)
        return (rows[0]["policy"], rows[0]["seen_at"]) if rows else None

    async def note_head(
        self, repository_id: int, number: int, head_sha: Sha, seen_at: datetime
    ) -> None:
        await self._execute(
            "note_head",
            repository_id=repository_id,
            number=number,
            head_sha=text(head_sha),
            seen_at=seen_at,
        )

    async def fetch_head_at(self, repository_id: int, number: int, at: datetime) -> Sha | None:
        rows = await self._fetch("fetch_head_at", repository_id=repository_id, number=number, at=at)
        return Sha(rows[0]["head_sha"]) if rows else None

    async def _do(self, act: Callable[[Connection], Awaitable[T]]) -> T:
        return await with_connection(self._pool, act)

    async def _fetch(self, query: str, **arguments: object) -> list[Row]:
        return await self._do(lambda connection: _rows(connection, query, arguments))

    async def _execute(self, query: str, **arguments: object) -> int:
        async def execute(connection: Connection) -> int:
            return (await connection.execute(_SQL[query], arguments)).rowcount

        return await self._do(execute)


@asynccontextmanager
async def open_operations(conninfo: str, *, size: int = 10) -> AsyncIterator[PostgresOperations]:
    """Like ``open_store``: the database need not be up yet. ``size`` is the most connections."""
    pool = connection_pool(conninfo, size=size)
    await pool.open(wait=False)
    try:
        yield PostgresOperations(pool)
    finally:
        await pool.close()


async def _rows(connection: Connection, query: str, arguments: Mapping[str, Any]) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        # Not prepared: a plan made for any arguments would use no index that some of them allow.
        await cursor.execute(_SQL[query], arguments, prepare=False)
        return await cursor.fetchall()


async def lock_fence(connection: Connection, place: Mapping[str, Any]) -> int:
    """Until the caller's transaction ends nobody else records there, or takes the environment;
    returns the newest fence."""
    return int((await _rows(connection, "lock_fence", place))[0]["fence"])


async def add_entry(
    connection: Connection,
    place: Mapping[str, Any],
    build: Build,
    *,
    origin: Origin,
    actor: str,
    at: datetime,
    verified: bool,
    operation_id: int | None,
    went_back: bool = False,
) -> LedgerEntry:
    """End what is live and begin a new entry, within the caller's transaction after
    ``lock_fence``."""
    live = await _rows(connection, "fetch_live_entry", place)
    # Clocks differ: an entry does not begin before the one that it ends.
    begin = max(at, live[0]["live_from"]) if live else at
    for ended in live:
        await connection.execute(_SQL["end_live"], {"id": ended["id"], "at": begin})
    entry = {
        **place,
        "sha": text(build.sha),
        "deployment_id": text(build.deployment_id),
        "tag": text(build.tag),
        "pull_number": build.pull_number,
        "schema_hash": text(build.schema_hash),
        "origin": origin,
        "actor": text(actor),
        "at": begin,
        "verified_at": begin if verified else None,
        "operation_id": operation_id,
        "went_back": went_back,
    }
    return entry_of((await _rows(connection, "add_live", entry))[0])


def target_columns(targets: Mapping[str, HostTarget]) -> dict[str, list[str]]:
    """A list for each column of ``environment_targets``, in one order."""
    places = sorted(targets.items())
    return {
        "environments": [text(name) for name, _ in places],
        "hosts": [text(target.host) for _, target in places],
        "projects": [text(target.project) for _, target in places],
        "domains": [text(target.domain) for _, target in places],
    }


def _content(operation: Operation) -> str:
    return json.dumps(to_plain(operation), allow_nan=False)


def _operation(row: Row) -> Operation:
    # The row's id: the one in the content is from before it had one.
    found = replace(cast("Operation", from_plain(Operation, row["content"])), id=row["id"])
    return found if row["owner"] is None else replace(found, repo=repo_of(row))


def _same_build(live: Row, build: Build) -> bool:
    """By the deployment where both name one: a commit can be built twice."""
    if live["deployment_id"] and build.deployment_id:
        return bool(live["deployment_id"] == build.deployment_id)
    return bool(live["sha"] == build.sha)


def _anew(live: Row, origin: Origin) -> bool:
    """Whether an operation of the bot's gives what is live another origin, by which it holds
    releases or does so no longer: that is a new entry."""
    return origin is not Origin.OUTSIDE and live["origin"] != origin


def entry_of(row: Row) -> LedgerEntry:
    return LedgerEntry(
        id=row["id"],
        environment=row["environment"],
        build=Build(
            Sha(row["sha"]),
            row["deployment_id"],
            row["tag"],
            row["pull_number"],
            row["schema_hash"],
        ),
        origin=Origin(row["origin"]),
        live_from=row["live_from"],
        live_until=row["live_until"],
        verified_at=row["verified_at"],
        operation_id=row["operation_id"],
        actor=row["actor"],
        went_back=row["went_back"],
    )
