"""Finds what was tampered with in an audit log, and names it.

Fed with the rows as they stand in the database, in order of position, a page at a time: memory
stays flat however long the log is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from bot.core.audit.checkpoint import (
    AuditKey,
    Checkpoint,
    CheckpointError,
    parse_checkpoint,
    verify_checkpoint,
)
from bot.core.audit.entry import decode_entry
from bot.core.audit.tree import Frontier, hash_leaf

Place: TypeAlias = tuple[int, int, bytes, bytes, str | None, bytes | None]
"""Position, entry's id, leaf hash, seal of the place, and the entry's content and seal: None where
there is no such entry."""
Stray: TypeAlias = tuple[int, str, bytes, bool]
"""Id, content and seal of an entry without a place, and whether it is noted as waiting for one."""


MOST_FAULTS = 1000


class Tampering(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    MOVED = "moved"
    INSERTED = "inserted"
    CHECKPOINT = "checkpoint"
    """A checkpoint does not fit, or is missing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``entry_id`` is 0 where it is about no single entry."""

    tampering: Tampering
    entry_id: int
    found: str


class Verifier:
    """Feed ``checkpoints`` (stored ones and anchors), then ``places``, then ``strays``, and at last
    ``finish``; faults gather in ``faults``.

    ``keys`` are the present one and former ones: what was sealed with either is the bot's.
    """

    def __init__(self, keys: Sequence[AuditKey]) -> None:
        self._keys = list(keys)
        self._frontier = Frontier()
        self._whole = True
        """Whether the tree can still be computed and was what every checkpoint says."""
        self._due: list[tuple[Checkpoint, str]] = []
        self._newest = 0
        self._matched = 0
        self._next = 0
        self._last_id = 0
        self.faults: list[Fault] = []
        self.more_faults = 0
        """Those beyond the first thousand."""
        self.waiting = 0
        """Entries that are in the log and not in the tree yet."""

    @property
    def verified(self) -> int:
        """How many entries of the tree were looked at."""
        return self._next

    def checkpoints(self, notes: Iterable[tuple[str, str]]) -> None:
        """Notes, each with a word for where it was found."""
        public_keys = [key.public for key in self._keys]
        for note, where in notes:
            try:
                checkpoint = verify_checkpoint(note, public_keys)
            except CheckpointError as error:
                self._fault(Tampering.CHECKPOINT, 0, f"{where}: {error}{_signer(note)}")
            else:
                self._due.append((checkpoint, where))
                self._newest = max(self._newest, checkpoint.size)
        self._due.sort(key=lambda due: due[0].size, reverse=True)

    def places(self, rows: Iterable[Place]) -> None:
        """The next rows, by position."""
        key, due, append = self._keys[0], self._due, self._frontier.append
        seal_place = key.seal_place
        for position, entry_id, leaf, place_seal, content, seal in rows:
            while due and due[-1][0].size <= self._next:
                self._compare(*due.pop())
            if position != self._next:
                self._misplaced(position, entry_id)
            if (
                content is None
                or seal is None
                or sha256(b"\0" + content.encode()).digest() != leaf
                or seal_place(position, entry_id, leaf, seal) != place_seal
            ):
                self._judge(position, entry_id, leaf, place_seal, content, seal)
            append(leaf)
            self._next = position + 1
            self._last_id = entry_id

    def strays(self, rows: Iterable[Stray]) -> None:
        """Entries that have no place in the tree."""
        for entry_id, content, seal, noted in rows:
            held = _id_of(content)
            if not self._sealed(hash_leaf(content.encode()), seal):
                self._fault(Tampering.INSERTED, entry_id, "it was not written by the bot")
            elif held != entry_id:
                self._fault(Tampering.INSERTED, entry_id, f"it is a copy of entry {held}")
            elif not noted:
                self._fault(Tampering.REMOVED, entry_id, "it was taken out of the tree")
            else:
                self.waiting += 1

    def finish(self) -> None:
        while self._due:
            self._compare(*self._due.pop())
        if self._whole and self._next > self._newest:
            self._fault(
                Tampering.CHECKPOINT,
                0,
                f"no checkpoint was signed for the last {self._next - self._newest} entries of the "
                "tree: it was removed, or they were put in behind it",
            )

    def _compare(self, checkpoint: Checkpoint, where: str) -> None:
        if not self._whole:
            return
        if checkpoint.size > self._next:
            self._whole = False
            self._fault(
                Tampering.REMOVED,
                0,
                f"the last {checkpoint.size - self._next} entries: {where} was signed for "
                f"{checkpoint.size}, and the tree has {self._next}, up to entry {self._last_id}",
            )
        elif checkpoint.root != self._frontier.root():
            self._whole = False
            self._fault(
                Tampering.CHECKPOINT,
                0,
                f"{where} was signed for another tree: something differs at the positions from "
                f"{self._matched} to {checkpoint.size - 1}, up to entry {self._last_id}",
            )
        else:
            self._matched = checkpoint.size

    def _misplaced(self, position: int, entry_id: int) -> None:
        self._whole = False
        if position < self._next:
            found = f"it stands at position {position}, where another stands"
            self._fault(Tampering.INSERTED, entry_id, found)
            return
        missing = position - self._next
        self._fault(
            Tampering.REMOVED,
            0,
            f"{missing} {'entry' if missing == 1 else 'entries'} between entry {self._last_id} and "
            f"entry {entry_id}: the positions from {self._next} to {position - 1} are gone",
        )

    def _judge(
        self,
        position: int,
        entry_id: int,
        leaf: bytes,
        place_seal: bytes,
        content: str | None,
        seal: bytes | None,
    ) -> None:
        # With the seal that it was given, not the one that stands there now.
        given = [key.seal_entry(leaf) for key in self._keys]
        in_place = any(
            key.seal_place(position, entry_id, leaf, first) == place_seal
            for first in given
            for key in self._keys
        )
        if content is None:
            self._fault(Tampering.REMOVED, entry_id, f"it stood at position {position}")
            return
        present = hash_leaf(content.encode())
        ours = self._sealed(present, seal)
        if in_place and present == leaf:
            if not ours:
                self._fault(Tampering.CHANGED, entry_id, "its seal is not the one it was given")
        elif in_place and ours:
            held = _id_of(content)
            self._fault(Tampering.MOVED, entry_id, f"it holds what was written in entry {held}")
        elif in_place:
            self._fault(Tampering.CHANGED, entry_id, "its content is not what was written")
        elif ours and _id_of(content) == entry_id:
            found = f"it stands at position {position}, which is not the one it was given"
            self._fault(Tampering.MOVED, entry_id, found)
        elif ours:
            self._fault(Tampering.INSERTED, entry_id, f"it is a copy of entry {_id_of(content)}")
        else:
            found = "it is not what the bot wrote, and its place was made to fit"
            self._fault(Tampering.CHANGED, entry_id, found)

    def _sealed(self, leaf: bytes, seal: bytes | None) -> bool:
        return any(key.seal_entry(leaf) == seal for key in self._keys)

    def _fault(self, tampering: Tampering, entry_id: int, found: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(tampering, entry_id, found))
        else:
            self.more_faults += 1


def _id_of(content: str) -> int:
    try:
        return decode_entry(content).id
    except ValueError:
        return 0


def _signer(note: str) -> str:
    try:
        _, signatures = parse_checkpoint(note)
    except CheckpointError:
        return ""
    return f" (signed by key {', '.join(sorted({key.hex() for key, _ in signatures}))})"
