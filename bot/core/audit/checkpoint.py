"""Keys, seals and signed checkpoints.

A checkpoint is a signed note (https://c2sp.org/tlog-checkpoint, https://c2sp.org/signed-note): the
log's name, how many entries it has, the tree's root, and an Ed25519 signature that anybody can
check who has the public key. A seal is a keyed hash that only the bot can make: with it each single
entry, and its place, is known to be the bot's, so that what was tampered with can be named.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b, sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ORIGIN = "lockgate/audit"
SEED_BYTES = 32
SIGNED_ELSEWHERE = "is not signed by a key given here"
"""It may be somebody's forgery, or of a machine that was given another key."""
_ED25519 = b"\x01"
_DASH = "—"


@dataclass(frozen=True)
class AuditKey:
    """Made from 32 secret bytes. The signing key is the seed itself; the sealing key is derived
    from it."""

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise ValueError(f"an audit key has {SEED_BYTES} bytes, not {len(self.seed)}")

    @cached_property
    def public(self) -> bytes:
        return self._signing.public_key().public_bytes_raw()

    @cached_property
    def id(self) -> str:
        """Eight hexadecimal digits; as in the note's signature line."""
        return key_id(self.public).hex()

    @cached_property
    def verifier(self) -> str:
        """The public key as others write it down: name, id and key."""
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{ORIGIN}+{self.id}+{encoded}"

    @cached_property
    def _signing(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def _entries(self) -> blake2b:
        return blake2b(key=self._sealing, digest_size=16, person=b"entry")

    @cached_property
    def _places(self) -> blake2b:
        return blake2b(key=self._sealing, digest_size=16, person=b"place")

    @cached_property
    def _sealing(self) -> bytes:
        return blake2b(key=self.seed, digest_size=32, person=b"lockgate seals").digest()

    def sign(self, text: bytes) -> bytes:
        return self._signing.sign(text)

    def seal_entry(self, leaf_hash: bytes) -> bytes:
        seal = self._entries.copy()
        seal.update(leaf_hash)
        return seal.digest()

    def seal_place(self, position: int, entry_id: int, leaf_hash: bytes, seal: bytes) -> bytes:
        """``seal`` is the entry's own."""
        place = self._places.copy()
        place.update(b"%d:%d:" % (position, entry_id) + leaf_hash + seal)
        return place.digest()


def key_id(public: bytes) -> bytes:
    return sha256(ORIGIN.encode() + b"\n" + _ED25519 + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{ORIGIN}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class CheckpointError(ValueError):
    """This is no checkpoint, or nobody known here signed it."""


def sign_checkpoint(checkpoint: Checkpoint, key: AuditKey) -> str:
    """The note: the checkpoint's text, an empty line, and a signature line."""
    signature = bytes.fromhex(key.id) + key.sign(checkpoint.text.encode())
    return f"{checkpoint.text}\n{_DASH} {ORIGIN} {base64.b64encode(signature).decode()}\n"


def parse_checkpoint(note: str) -> tuple[Checkpoint, list[tuple[bytes, bytes]]]:
    """The checkpoint and its signatures, as pairs of key id and signature, unchecked.

    Raises:
        CheckpointError: this is no checkpoint.
    """
    text, separator, signed = note.rpartition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) != 3 or lines[0] != ORIGIN or not signed.endswith("\n"):
        raise CheckpointError("this is no checkpoint of Lockgate's audit log")
    if not (lines[1].isascii() and lines[1].isdigit()) or str(int(lines[1][:20])) != lines[1]:
        raise CheckpointError("the checkpoint's size is no number")
    root = _decode(lines[2])
    if len(root) != 32:
        raise CheckpointError("the checkpoint's root is no hash")
    signatures = []
    for line in signed[:-1].split("\n"):
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        raw = _decode(encoded)
        if dash != _DASH or len(raw) < 4:
            raise CheckpointError("a signature line of the checkpoint is broken")
        if name == ORIGIN:
            signatures.append((raw[:4], raw[4:]))
    return Checkpoint(int(lines[1]), root), signatures


def verify_checkpoint(note: str, public_keys: list[bytes]) -> Checkpoint:
    """
    Raises:
        CheckpointError: this is no checkpoint, or none of the keys signed it.
    """
    checkpoint, signatures = parse_checkpoint(note)
    for public in public_keys:
        for identifier, signature in signatures:
            if hmac.compare_digest(identifier, key_id(public)):
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(
                        signature, checkpoint.text.encode()
                    )
                except InvalidSignature:
                    continue
                return checkpoint
    raise CheckpointError(f"the checkpoint of {checkpoint.size} entries {SIGNED_ELSEWHERE}")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise CheckpointError("the checkpoint holds something that is no base64") from error
