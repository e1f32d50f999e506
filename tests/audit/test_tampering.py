"""Whoever owns the database changes the log behind the bot's back; verification names the entry."""

import pytest
from audit_kit import KEY, Clock, entry, rows, tamper

from bot.adapters.postgres.audit import PostgresAudit
from bot.adapters.postgres.store import open_store
from bot.core.audit.checkpoint import AuditKey, Checkpoint, sign_checkpoint
from bot.core.audit.tree import compute_root, hash_leaf
from bot.core.audit.verify import MOST_FAULTS, Tampering


@pytest.fixture
async def filled(audit: PostgresAudit) -> PostgresAudit:
    """Entries 1 to 8 in the tree, with a checkpoint at 4 and at 8, and entry 9 waiting."""
    for number in range(1, 10):
        await audit.append(entry(number))
        if number in (4, 8):
            await audit.sequence()
    found = await audit.verify()
    assert (found.verified, found.waiting, found.faults) == (8, 1, ())
    return audit


async def faults(audit: PostgresAudit) -> set[tuple[Tampering, int]]:
    return {(fault.tampering, fault.entry_id) for fault in (await audit.verify()).faults}


CHANGE = "UPDATE audit_entries SET content = replace(content, 'maria', 'mallo') WHERE id = {}"


@pytest.mark.parametrize("number", [1, 4, 5, 8])
async def test_changed_entry(database_url: str, filled: PostgresAudit, number: int) -> None:
    await tamper(database_url, CHANGE.format(number))
    assert await faults(filled) == {(Tampering.CHANGED, number)}


async def test_changed_entry_that_waits(database_url: str, filled: PostgresAudit) -> None:
    await tamper(database_url, CHANGE.format(9))
    assert await faults(filled) == {(Tampering.INSERTED, 9)}
    assert await filled.sequence() == 1
    found = await filled.verify()
    assert (found.verified, found.waiting) == (8, 0), "it does not get into the tree"
    assert [fault.entry_id for fault in found.faults] == [9]


async def test_changed_entry_with_its_hash(database_url: str, filled: PostgresAudit) -> None:
    hashed = "sha256('\\x00'::bytea || convert_to(content, 'UTF8'))"
    await tamper(
        database_url,
        CHANGE.format(3),
        f"UPDATE audit_places SET leaf = (SELECT {hashed} FROM audit_entries WHERE id = 3)"
        " WHERE entry_id = 3",
    )
    assert await faults(filled) == {(Tampering.CHANGED, 3), (Tampering.CHECKPOINT, 0)}


async def test_changed_seal(database_url: str, filled: PostgresAudit) -> None:
    await tamper(database_url, "UPDATE audit_entries SET seal = '\\x00' WHERE id = 6")
    assert await faults(filled) == {(Tampering.CHANGED, 6)}


@pytest.mark.parametrize("number", [1, 5, 8])
async def test_removed_entry(database_url: str, filled: PostgresAudit, number: int) -> None:
    await tamper(database_url, f"DELETE FROM audit_entries WHERE id = {number}")
    assert await faults(filled) == {(Tampering.REMOVED, number)}


async def test_entry_removed_from_the_tree_alone(database_url: str, filled: PostgresAudit) -> None:
    await tamper(database_url, "DELETE FROM audit_places WHERE entry_id = 3")
    assert await faults(filled) == {(Tampering.REMOVED, 3), (Tampering.REMOVED, 0)}


async def test_entry_removed_with_its_place(database_url: str, filled: PostgresAudit) -> None:
    await tamper(
        database_url,
        "DELETE FROM audit_places WHERE entry_id = 3",
        "DELETE FROM audit_entries WHERE id = 3",
    )
    (fault,) = (await filled.verify()).faults
    assert fault.tampering is Tampering.REMOVED
    assert "1 entry between entry 2 and entry 4" in fault.found


async def test_entry_removed_and_the_gap_closed(database_url: str, filled: PostgresAudit) -> None:
    await tamper(
        database_url,
        "DELETE FROM audit_places WHERE entry_id = 3",
        "DELETE FROM audit_entries WHERE id = 3",
        "UPDATE audit_places SET position = -position WHERE entry_id > 3",
        "UPDATE audit_places SET position = -position - 1 WHERE entry_id > 3",
    )
    found = await faults(filled)
    assert {(Tampering.MOVED, number) for number in (4, 5, 6, 7, 8)} <= found
    assert (Tampering.CHECKPOINT, 0) in found


async def test_reordered_places(database_url: str, filled: PostgresAudit) -> None:
    await tamper(
        database_url,
        "UPDATE audit_places SET position = -1 WHERE entry_id = 2",
        "UPDATE audit_places SET position = 1 WHERE entry_id = 3",
        "UPDATE audit_places SET position = 2 WHERE entry_id = 2",
    )
    assert await faults(filled) == {
        (Tampering.MOVED, 2), (Tampering.MOVED, 3), (Tampering.CHECKPOINT, 0),
    }  # fmt: skip


async def test_reordered_contents(database_url: str, filled: PostgresAudit) -> None:
    await tamper(
        database_url,
        "UPDATE audit_entries AS one SET content = two.content, seal = two.seal"
        " FROM audit_entries AS two WHERE (one.id, two.id) IN ((2, 3), (3, 2))",
    )
    assert await faults(filled) == {(Tampering.MOVED, 2), (Tampering.MOVED, 3)}


async def test_inserted_entry(database_url: str, filled: PostgresAudit) -> None:
    await tamper(database_url, "INSERT INTO audit_entries VALUES (100, '{}', '\\x00')")
    assert await faults(filled) == {(Tampering.INSERTED, 100)}


async def test_copy_of_an_entry(database_url: str, filled: PostgresAudit) -> None:
    await tamper(
        database_url,
        "INSERT INTO audit_entries SELECT 100, content, seal FROM audit_entries WHERE id = 2",
        "INSERT INTO audit_waiting VALUES (100)",
    )
    await filled.sequence()
    (fault,) = (await filled.verify()).faults
    assert (fault.tampering, fault.entry_id) == (Tampering.INSERTED, 100)
    assert "copy of entry 2" in fault.found


async def test_entry_put_into_the_middle_of_the_tree(
    database_url: str, filled: PostgresAudit
) -> None:
    await tamper(
        database_url,
        "INSERT INTO audit_entries SELECT 100, content, seal FROM audit_entries WHERE id = 2",
        "UPDATE audit_places SET position = -position - 1 WHERE position >= 3",
        "UPDATE audit_places SET position = -position WHERE position < 0",
        "INSERT INTO audit_places SELECT 3, 100, leaf, seal FROM audit_places WHERE entry_id = 2",
    )
    found = await faults(filled)
    assert (Tampering.INSERTED, 100) in found
    assert {(Tampering.MOVED, number) for number in (4, 5, 6, 7, 8)} <= found


async def test_entry_appended_behind_the_newest_checkpoint(
    database_url: str, filled: PostgresAudit
) -> None:
    await tamper(
        database_url,
        "INSERT INTO audit_entries VALUES (100, '{}', '\\x00')",
        "INSERT INTO audit_places VALUES"
        " (8, 100, sha256('\\x00'::bytea || convert_to('{}', 'UTF8')), '\\x00')",
    )
    assert await faults(filled) == {(Tampering.CHANGED, 100), (Tampering.CHECKPOINT, 0)}


async def test_entry_appended_under_a_checkpoint_of_somebody_else(
    database_url: str, filled: PostgresAudit
) -> None:
    forger = AuditKey(bytes(32))
    leaves = [row[0] for row in await rows(
        database_url, "SELECT leaf FROM audit_places ORDER BY position"
    )]  # fmt: skip
    leaf = hash_leaf(b"{}")
    note = sign_checkpoint(Checkpoint(9, compute_root([*leaves, leaf])), forger)
    await tamper(
        database_url,
        f"INSERT INTO audit_entries VALUES (100, '{{}}', '\\x{forger.seal_entry(leaf).hex()}')",
        f"INSERT INTO audit_places VALUES (8, 100, '\\x{leaf.hex()}', '\\x00')",
        f"INSERT INTO audit_checkpoints VALUES (9, '{note}', '\\x00', now())",
    )
    found = (await filled.verify()).faults
    assert {(fault.tampering, fault.entry_id) for fault in found} == {
        (Tampering.CHANGED, 100), (Tampering.CHECKPOINT, 0),
    }  # fmt: skip
    assert any(f"signed by key {forger.id}" in fault.found for fault in found)


async def test_end_of_the_log_removed(database_url: str, filled: PostgresAudit) -> None:
    """Without a trace in the database: what was kept elsewhere tells."""
    anchor = await filled.checkpoint()
    await tamper(
        database_url,
        "DELETE FROM audit_entries WHERE id > 4",
        "DELETE FROM audit_places WHERE entry_id > 4",
        "DELETE FROM audit_checkpoints WHERE size > 4",
    )
    assert await faults(filled) == set()
    (fault,) = (await filled.verify(anchors=[(anchor, "the check run")])).faults
    assert fault.tampering is Tampering.REMOVED
    assert "the last 5 entries" in fault.found
    assert "the check run" in fault.found


async def test_newest_checkpoint_removed(database_url: str, filled: PostgresAudit) -> None:
    await tamper(database_url, "DELETE FROM audit_checkpoints WHERE size = 8")
    (fault,) = (await filled.verify()).faults
    assert fault.tampering is Tampering.CHECKPOINT
    assert "the last 4 entries" in fault.found


async def test_log_rewritten_by_whoever_has_the_key_does_not_fit_what_was_kept_elsewhere(
    database_url: str, filled: PostgresAudit
) -> None:
    anchor = await filled.checkpoint()
    tables = ("audit_entries", "audit_places", "audit_checkpoints", "audit_waiting")
    await tamper(database_url, *(f"DELETE FROM {table}" for table in tables))
    async with open_store(database_url) as store:
        again = PostgresAudit(store.pool, [KEY], Clock())
        for number in range(9):
            await again.append(entry(number, actor="mallory"))
        await again.sequence()
        assert await faults(again) == set()
        (fault,) = (await again.verify(anchors=[(anchor, "release note")])).faults
    assert fault.tampering is Tampering.CHECKPOINT
    assert "release note was signed for another tree" in fault.found


async def test_faults_are_listed_up_to_a_bound(database_url: str, audit: PostgresAudit) -> None:
    await tamper(
        database_url,
        "INSERT INTO audit_entries"
        f" SELECT n, '{{}}', '\\x00' FROM generate_series(1001, {MOST_FAULTS + 1005}) AS n",
    )
    found = await audit.verify()
    assert len(found.faults) == MOST_FAULTS
    assert found.more_faults == 5
