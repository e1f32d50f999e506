"""The audit log in PostgreSQL: appended, taken into the tree, read."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from audit_kit import KEY, NOW, Clock, entry, rows, tamper
from inclusion import verify_inclusion

from bot.adapters.postgres import audit as adapter
from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.connection import connection_string
from bot.adapters.postgres.store import open_store
from bot.core.audit.checkpoint import AuditKey, parse_checkpoint, verify_checkpoint
from bot.core.audit.entry import encode_entry
from bot.core.audit.tree import hash_leaf
from bot.ports import StoreUnavailable
from bot.ports.operations import AuditBroken, AuditReader


async def test_entry_is_in_the_log_at_once_and_in_the_tree_after(audit: PostgresAudit) -> None:
    await audit.append(entry(1))
    (record,) = await audit.fetch_entries()
    assert (record.entry, record.at) == (entry(1), NOW + timedelta(seconds=1))
    found = await audit.verify()
    assert (found.verified, found.waiting, found.faults) == (0, 1, ())
    assert await audit.sequence() == 1
    assert await audit.sequence() == 0
    found = await audit.verify()
    assert (found.verified, found.waiting, found.faults) == (1, 0, ())


async def test_checkpoint_covers_all_that_was_appended(audit: PostgresAudit) -> None:
    assert await audit.checkpoint() == ""
    for size in (1, 2, 5):
        while len(await audit.fetch_entries()) < size:
            await audit.append(entry(size))
        note = await audit.checkpoint()
        assert verify_checkpoint(note, [KEY.public]).size == size
        assert await audit.checkpoint() == note


async def test_entries_appended_at_once_are_each_there_once(
    audit: PostgresAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "SEQUENCED_AT_ONCE", 70)
    await asyncio.gather(*(audit.append(entry(number)) for number in range(600)))
    sequenced = await asyncio.gather(*(audit.sequence() for _ in range(4)))
    assert sum(sequenced) == 600
    subjects = [record.entry.subject async for record in audit.export()]
    assert sorted(subjects) == sorted(entry(number).subject for number in range(600))
    found = await audit.verify()
    assert (found.verified, found.faults) == (600, ())


async def test_entry_with_a_key_is_there_once_however_often_and_wherever_it_is_appended(
    database_url: str, audit: PostgresAudit
) -> None:
    keyed = [entry(number, key=f"key {number}") for number in range(20)]
    await audit.append(keyed[3])
    async with open_store(database_url) as second:
        others = (audit, PostgresAudit(second.pool, [KEY], Clock()))
        await asyncio.gather(
            *(log.append(each) for log in others for each in (*keyed, *keyed)),
            *(others[1].append(each) for each in reversed(keyed)),
            *(log.append(entry(99)) for log in others),
        )
    subjects = [record.entry.subject async for record in audit.export()]
    assert sorted(subjects) == sorted(each.subject for each in (*keyed, entry(99), entry(99)))
    await audit.sequence()
    found = await audit.verify()
    assert (found.verified, found.waiting, found.faults) == (22, 0, ())


async def test_log_is_searched(audit: PostgresAudit) -> None:
    await audit.append(entry(1))
    await audit.append(entry(2, repository="Octo/Other"))
    await audit.append(entry(3, kind="lock", build_sha="c" * 40))

    async def found(**wanted: object) -> list[str]:
        records = await audit.fetch_entries(**wanted)  # type: ignore[arg-type]
        return [record.entry.subject.split()[-1] for record in records]

    assert await found() == ["3", "2", "1"]
    assert await found(repository="octo/SHOP") == ["3", "1"]
    assert await found(kind="lock") == ["3"]
    assert await found(build_sha="b" * 40) == ["2", "1"]
    assert await found(since=NOW + timedelta(seconds=2)) == ["3", "2"]
    assert await found(limit=1) == ["3"]
    last = (await audit.fetch_entries(limit=1))[0].id
    assert await found(before=last) == ["2", "1"]
    record = await audit.fetch_entry(last)
    assert record is not None
    assert record.entry == entry(3, kind="lock", build_sha="c" * 40)
    assert await audit.fetch_entry(last + 99) is None
    exported = [record.id async for record in audit.export(since=NOW + timedelta(seconds=2))]
    assert exported == sorted(exported)
    assert len(exported) == 2
    reader: AuditReader = audit
    assert reader is audit


async def test_entry_is_proved_to_be_in_the_log(audit: PostgresAudit) -> None:
    for number in range(7):
        await audit.append(entry(number))
    new, _ = parse_checkpoint(await audit.checkpoint())
    for record in await audit.fetch_entries():
        proof = await audit.prove(record.id)
        assert proof is not None
        checkpoint = verify_checkpoint(proof.checkpoint, [KEY.public])
        assert checkpoint == new
        assert verify_inclusion(
            proof.leaf_hash, proof.position, checkpoint.size, proof.path, checkpoint.root
        )
    await audit.append(entry(99))
    waiting = (await audit.fetch_entries(limit=1))[0]
    assert await audit.prove(waiting.id) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET content = content",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_places SET position = position + 1",
        "DELETE FROM audit_places",
        "TRUNCATE audit_places",
        "DELETE FROM audit_checkpoints",
        "SET session_replication_role = replica; DELETE FROM audit_entries",
    ],
)
async def test_log_is_append_only_for_a_superuser_too(
    database_url: str, audit: PostgresAudit, statement: str
) -> None:
    await audit.append(entry())
    await audit.sequence()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        await rows(database_url, statement)
    assert (await audit.verify()).faults == ()


async def test_role_with_the_documented_grants_appends_and_cannot_change(
    database_url: str, audit: PostgresAudit
) -> None:
    """docs/reference/audit.md has these statements."""
    page = (Path(__file__).parents[2] / "docs/reference/audit.md").read_text()
    grants = page.split("```sql\n")[1].split("```")[0].replace("lockgate_bot", "audit_test_role")
    async with await psycopg.AsyncConnection.connect(
        connection_string(database_url), autocommit=True
    ) as admin:
        await admin.execute("CREATE ROLE audit_test_role")
        try:
            await admin.execute(grants)  # type: ignore[arg-type]
            async with open_store(f"{database_url} options='-c role=audit_test_role'") as store:
                limited = PostgresAudit(store.pool, [KEY], Clock())
                await limited.append(entry())
                assert await limited.sequence() == 1
                assert (await limited.verify()).verified == 1
                assert len(await limited.fetch_entries()) == 1
                async with store.pool.connection() as connection:
                    for statement in (
                        "UPDATE audit_entries SET content = ''",
                        "DELETE FROM audit_entries",
                        "TRUNCATE audit_entries",
                        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
                    ):
                        with pytest.raises(psycopg.errors.InsufficientPrivilege):
                            await connection.execute(statement)  # type: ignore[arg-type]
        finally:
            await admin.execute("DROP OWNED BY audit_test_role")
            await admin.execute("DROP ROLE audit_test_role")


async def test_gaps_of_ids_are_no_fault(database_url: str, audit: PostgresAudit) -> None:
    await audit.append(entry(1))
    await rows(database_url, "SELECT nextval('lockgate.audit_ids') FROM generate_series(1, 5)")
    async with await psycopg.AsyncConnection.connect(connection_string(database_url)) as other:
        await other.execute("INSERT INTO audit_waiting VALUES (nextval('audit_ids'))")
        await other.rollback()
    await audit.append(entry(2))
    assert await audit.sequence() == 2
    assert (await audit.verify()).faults == ()
    ids = [record.id async for record in audit.export()]
    assert ids[1] - ids[0] == 7


async def test_entry_of_a_slow_transaction_is_taken_later(
    database_url: str, audit: PostgresAudit
) -> None:
    """Its id is lower than those that are in the tree by then."""
    content = encode_entry(1, NOW, entry(1))
    seal = KEY.seal_entry(hash_leaf(content.encode()))
    await rows(database_url, "SELECT nextval('lockgate.audit_ids')")
    async with await psycopg.AsyncConnection.connect(connection_string(database_url)) as slow:
        await slow.execute("INSERT INTO audit_entries VALUES (1, %s, %s)", [content, seal])
        await slow.execute("INSERT INTO audit_waiting VALUES (1)")
        await audit.append(entry(2))
        assert await audit.sequence() == 1
        await slow.commit()
    assert await audit.sequence() == 1
    found = await audit.verify()
    assert (found.verified, found.faults) == (2, ())


CRASH = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from audit_kit import KEY, Clock, entry
from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.store import open_store

async def main():
    async with open_store(sys.argv[1]) as store:
        audit = PostgresAudit(store.pool, [KEY], Clock())

        async def append(worker):
            number = 0
            while True:
                await audit.append(entry(number, actor=f"w{worker}"))
                print(worker, number, flush=True)
                number += 1

        async def sequence():
            while True:
                await audit.sequence()
                await asyncio.sleep(0)

        await asyncio.gather(sequence(), *(append(worker) for worker in range(8)))

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 40, 200])
async def test_killed_between_appending_and_sequencing_loses_nothing(
    database_url: str, audit: PostgresAudit, after: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CRASH, database_url, str(Path(__file__).parent),
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    told = {tuple(line.split()) for line in lines if line.endswith(b"\n")}
    assert (await audit.verify()).faults == (), "also before anybody cleans up"
    await audit.checkpoint()
    found = await audit.verify()
    assert (found.faults, found.waiting) == ((), 0)
    kept = {
        (record.entry.actor[1:].encode(), record.entry.subject.split()[-1].encode())
        async for record in audit.export()
    }
    assert told <= kept
    assert found.verified == len(kept)


async def test_crash_in_the_middle_of_sequencing_leaves_the_tree_as_it_was(
    audit: PostgresAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await audit.append(entry(1))
    await audit.sequence()
    await audit.append(entry(2))

    def crash(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(adapter, "sign_checkpoint", crash)
    with pytest.raises(KeyboardInterrupt):
        await audit.sequence()
    monkeypatch.undo()
    found = await audit.verify()
    assert (found.verified, found.waiting, found.faults) == (1, 1, ())
    assert await audit.sequence() == 1


async def test_two_processes_append_and_sequence_side_by_side(
    database_url: str, audit: PostgresAudit
) -> None:
    async with open_store(database_url) as second:
        other = PostgresAudit(second.pool, [KEY], Clock())
        done = asyncio.Event()

        async def append(log: PostgresAudit) -> None:
            for _ in range(20):
                await asyncio.gather(*(log.append(entry()) for _ in range(10)))

        async def sequence(log: PostgresAudit) -> None:
            while not done.is_set():
                await log.sequence()

        sequencers = [asyncio.create_task(sequence(log)) for log in (audit, other)]
        await asyncio.gather(append(audit), append(other))
        done.set()
        await asyncio.gather(*sequencers)
        await audit.checkpoint()
    found = await audit.verify()
    assert (found.verified, found.waiting, found.faults) == (400, 0, ())


async def test_what_cannot_be_encoded_fails_alone(audit: PostgresAudit) -> None:
    results = await asyncio.gather(
        audit.append(entry(1)),
        audit.append(entry(2, detail={"what": object()})),
        audit.append(entry(3)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [type(None), TypeError, type(None)]
    assert len(await audit.fetch_entries()) == 2


async def test_database_that_is_down_is_said() -> None:
    async with open_store("postgresql://127.0.0.1:1/none") as store:
        with pytest.raises(StoreUnavailable):
            await PostgresAudit(store.pool, [KEY], Clock()).append(entry())


async def test_newest_checkpoint_is_kept_in_a_file(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anchor = tmp_path / "audit.checkpoint"
    async with open_store(database_url) as store:
        audit = PostgresAudit(store.pool, [KEY], Clock(), anchor=anchor)
        await audit.append(entry())
        note = await audit.checkpoint()
        assert anchor.read_text() == note
        await audit.append(entry())
        larger = await audit.checkpoint()
        assert anchor.read_text() == larger
        adapter._keep(anchor, note)
        assert anchor.read_text() == larger, "a shorter log does not wipe the trace of itself"


# --- keys --------------------------------------------------------------------------------------


async def test_log_goes_on_under_a_new_key_if_the_former_is_given(
    database_url: str, audit: PostgresAudit
) -> None:
    await audit.append(entry(1))
    await audit.sequence()
    await audit.append(entry(2))  # sealed with the old one, and taken in under the new one
    new = AuditKey(bytes(32))
    async with open_store(database_url) as store:
        alone = PostgresAudit(store.pool, [new], Clock())
        await alone.append(entry(3))
        with pytest.raises(AuditBroken, match="not signed by a key"):
            await alone.sequence()
        rotated = PostgresAudit(store.pool, [new, KEY], Clock())
        assert await rotated.sequence() == 2
        found = await rotated.verify()
        assert (found.verified, found.waiting, found.faults) == (3, 0, ())
        assert (await alone.verify()).faults


async def test_tree_that_was_tampered_with_is_not_gone_on_with(
    database_url: str, audit: PostgresAudit
) -> None:
    for number in range(3):
        await audit.append(entry(number))
    await audit.sequence()
    await tamper(
        database_url,
        "UPDATE audit_checkpoints SET frontier = set_byte(frontier, 0, get_byte(frontier, 0) # 1)",
    )
    await audit.append(entry(4))
    with pytest.raises(AuditBroken, match="not the one that was signed"):
        await audit.sequence()
    assert (await audit.verify()).waiting == 1, "nothing is lost by that"
    await tamper(database_url, "DELETE FROM audit_checkpoints")
    with pytest.raises(AuditBroken, match="no checkpoint"):
        await audit.sequence()
