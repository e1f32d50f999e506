"""Merkle trees and inclusion proofs. RFC 6962, section 2.1.

Hashes are SHA-256, 32 bytes. A leaf's begins with 0x00 and a node's with 0x01, so that neither
passes for the other.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()


def hash_leaf(content: bytes) -> bytes:
    return sha256(b"\0" + content).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """A tree that grows at its right edge, held as the roots of its full subtrees.

    ``hashes`` has one for each bit set in ``size``, largest subtree first.
    """

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """Raises ValueError if a tree of that size has no such subtrees."""
        if size < 0 or len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has not {len(hashes)} full subtrees")
        self.size = size
        self.hashes = list(hashes)

    def append(self, leaf_hash: bytes) -> None:
        hashes, size = self.hashes, self.size
        while size & 1:
            leaf_hash = sha256(b"\1" + hashes.pop() + leaf_hash).digest()
            size >>= 1
        hashes.append(leaf_hash)
        self.size += 1

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = hash_node(left, root)
        return root


def compute_root(leaf_hashes: Iterable[bytes]) -> bytes:
    frontier = Frontier()
    for leaf_hash in leaf_hashes:
        frontier.append(leaf_hash)
    return frontier.root()


Subtree = Callable[[int, int], bytes]
"""The root of the subtree over the leaves from one position to before another."""


def subtrees_of(leaf_hashes: Sequence[bytes]) -> Subtree:
    return lambda start, end: compute_root(leaf_hashes[start:end])


def prove_inclusion(subtree: Subtree, position: int, size: int) -> list[bytes]:
    """RFC 6962, 2.1.1: the path from a leaf to the root of the tree of ``size`` leaves.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= position < size:
        raise ValueError(f"a tree of {size} leaves has none at position {position}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if position < middle:
            path.append(subtree(middle, end))
            end = middle
        else:
            path.append(subtree(start, middle))
            start = middle
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1
