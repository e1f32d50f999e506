"""What an auditor does with a proof from the log."""

from collections.abc import Sequence

from bot.core.audit.tree import hash_node


def verify_inclusion(
    leaf_hash: bytes, position: int, size: int, path: Sequence[bytes], root: bytes
) -> bool:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= position < size:
        return False
    index, last, found = position, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            found = hash_node(sibling, found)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            found = hash_node(found, sibling)
        index >>= 1
        last >>= 1
    return last == 0 and found == root
