"""The database goes away under the intake and the worker, and comes back."""

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from bot.adapters.postgres.embedded import EmbeddedServer, embedded_server
from bot.adapters.postgres.migrations import migrate
from bot.adapters.postgres.store import PostgresStore, open_store
from bot.adapters.postgres.worker import run_worker
from bot.core.work.deliveries import SweepDeliveries
from bot.core.work.kinds import Work
from bot.ports import Delivery, JobInfo, JobStatus, StoreUnavailable
from bot.web.intake import Intake


@pytest.fixture
def durable_server() -> Iterator[EmbeddedServer]:
    home = Path(tempfile.mkdtemp(prefix="lockgate-outage-"))
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    with embedded_server(home) as server:
        yield server
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
async def durable_store(durable_server: EmbeddedServer) -> AsyncIterator[PostgresStore]:
    await migrate(durable_server.conninfo)
    async with open_store(durable_server.conninfo) as opened:
        yield opened


def _postmaster(server: EmbeddedServer) -> int:
    return int((server.folder / "data" / "postmaster.pid").read_text().splitlines()[0])


@asynccontextmanager
async def down(server: EmbeddedServer) -> AsyncIterator[None]:
    """The server is shut down inside the block; its supervisor, held still, starts it after."""
    supervisor = int((server.folder / "supervisor.lock").read_text())
    os.kill(supervisor, signal.SIGSTOP)
    os.kill(_postmaster(server), signal.SIGINT)
    async with asyncio.timeout(60):
        while (server.folder / "data" / "postmaster.pid").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def delivery(*, routed: bool = False) -> Delivery:
    return Delivery(
        guid=str(uuid.uuid4()),
        event="push",
        action="",
        installation_id=None,
        repository_id=None,
        repository="",
        payload=b"{}" * 500,
        routed=routed,
    )


async def submit_until_stored(intake: Intake, seconds: float = 60) -> Delivery:
    async with asyncio.timeout(seconds):
        while True:
            given = delivery()
            with suppress(StoreUnavailable):
                await intake.submit(given)
                return given
            await asyncio.sleep(0.05)


async def test_intake_says_no_while_the_store_is_down_and_recovers_by_itself(
    durable_server: EmbeddedServer, durable_store: PostgresStore
) -> None:
    async with Intake(durable_store).opened() as intake:
        # Several connections, all of which the outage breaks.
        await asyncio.gather(*(durable_store.fetch_recent_deliveries() for _ in range(20)))
        before = delivery()
        await intake.submit(before)
        async with down(durable_server):
            for _ in range(2):
                async with asyncio.timeout(9):
                    answers = await asyncio.gather(
                        *(intake.submit(delivery()) for _ in range(10)), return_exceptions=True
                    )
                assert {type(answer) for answer in answers} == {StoreUnavailable}
            with pytest.raises(StoreUnavailable):
                await durable_store.queue_health()
        after = await submit_until_stored(intake)
        stored = {one.guid for one in await durable_store.fetch_recent_deliveries()}
    assert stored == {before.guid, after.guid}


async def test_restart_between_two_deliveries_is_not_noticed(
    durable_server: EmbeddedServer, durable_store: PostgresStore
) -> None:
    """Every idle connection is dead then; the first one to be used must not fail a request."""
    await asyncio.gather(*(durable_store.fetch_recent_deliveries() for _ in range(20)))
    async with down(durable_server):
        pass
    async with asyncio.timeout(60):
        while not _accepts(durable_server):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    async with Intake(durable_store).opened() as intake:
        await asyncio.gather(*(intake.submit(delivery()) for _ in range(5)))
    assert len(await durable_store.fetch_recent_deliveries()) == 5


def _accepts(server: EmbeddedServer) -> bool:
    try:
        with psycopg.connect(server.conninfo):
            return True
    except psycopg.OperationalError:
        return False


async def test_killed_server_loses_no_acknowledged_delivery(
    durable_server: EmbeddedServer, durable_store: PostgresStore
) -> None:
    acknowledged: set[str] = set()
    refused = 0
    kills = 3
    enough = asyncio.Event()

    async def client(intake: Intake) -> None:
        nonlocal refused
        while not enough.is_set():
            given = delivery(routed=True)
            try:
                await intake.submit(given)
            except StoreUnavailable:
                refused += 1
                await asyncio.sleep(0.01)
            else:
                acknowledged.add(given.guid)

    async with Intake(durable_store).opened() as intake:
        clients = [asyncio.create_task(client(intake)) for _ in range(16)]
        for _ in range(kills):
            goal = len(acknowledged) + 200
            async with asyncio.timeout(60):
                while len(acknowledged) < goal:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
            killed = _postmaster(durable_server)
            os.kill(killed, signal.SIGKILL)
            async with asyncio.timeout(60):
                while not _accepts(durable_server) or _postmaster(durable_server) == killed:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        await submit_until_stored(intake, 60)
        enough.set()
        await asyncio.gather(*clients)
    async with await psycopg.AsyncConnection.connect(durable_server.conninfo) as connection:
        cursor = await connection.execute("SELECT guid FROM lockgate.deliveries")
        stored = {row[0] for row in await cursor.fetchall()}
        cursor = await connection.execute(
            "SELECT jsonb_array_elements_text(args -> 'guids') FROM lockgate.procrastinate_jobs"
        )
        queued = [row[0] for row in await cursor.fetchall()]
    assert acknowledged <= stored
    assert acknowledged <= set(queued)
    assert len(queued) == len(set(queued)), "and none has two jobs"


@pytest.mark.slow
async def test_worker_outlasts_a_database_that_goes_away(
    durable_server: EmbeddedServer, durable_store: PostgresStore
) -> None:
    seen: list[int] = []
    started, finish = asyncio.Event(), asyncio.Event()

    async def handle(_: Work, job: JobInfo) -> None:
        seen.append(job.id)
        started.set()
        await finish.wait()

    task = asyncio.create_task(
        run_worker(durable_server.conninfo, {"sweep_deliveries": handle}, recurring=())
    )
    await durable_store.enqueue(SweepDeliveries())
    async with asyncio.timeout(60):
        await started.wait()
    async with down(durable_server):
        finish.set()  # its end cannot be written now
        with pytest.raises(StoreUnavailable):
            await durable_store.enqueue(SweepDeliveries())
    async with asyncio.timeout(60):
        while True:
            with suppress(StoreUnavailable):
                if all(j.status is JobStatus.DONE for j in await durable_store.fetch_jobs()):
                    break
            await asyncio.sleep(0.05)
        assert len(seen) == 1, "it was not taken for stalled, and its end was kept"
        await durable_store.enqueue(SweepDeliveries())
        while len(seen) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert not task.done()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_store_that_does_not_answer_is_given_up_in_time(
    durable_server: EmbeddedServer, durable_store: PostgresStore
) -> None:
    """Hung, not down: the connection is open and nothing comes back."""
    async with Intake(durable_store, answer_within=0.3).opened() as intake:
        await intake.submit(delivery())
        backends = _children(_postmaster(durable_server))
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnavailable, match="in time"):
                await intake.submit(delivery())
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        await submit_until_stored(intake)


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
