"""The Merkle tree against RFC 6962's definitions and the test data of its first implementation."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inclusion import verify_inclusion

from bot.core.audit.tree import (
    EMPTY_ROOT,
    Frontier,
    compute_root,
    hash_leaf,
    hash_node,
    prove_inclusion,
    subtrees_of,
)

# The leaves and roots of certificate-transparency's merkle_tree_test.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243",
        "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)

sizes = st.integers(1, 70)


def leaves(count: int) -> list[bytes]:
    return [hash_leaf(str(number).encode()) for number in range(count)]


def recursive_root(hashes: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hash_node(recursive_root(hashes[:split]), recursive_root(hashes[split:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert compute_root(map(hash_leaf, LEAVES[:size])).hex() == ROOTS[size - 1]


def test_root_of_nothing() -> None:
    expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert EMPTY_ROOT.hex() == compute_root([]).hex() == expected


@given(st.integers(0, 130))
def test_tree_that_grew_has_the_root_of_the_definition(size: int) -> None:
    assert compute_root(leaves(size)) == recursive_root(leaves(size))


@given(st.integers(0, 130), st.integers(0, 40))
def test_tree_goes_on_from_its_frontier(size: int, more: int) -> None:
    first = Frontier()
    for leaf in leaves(size):
        first.append(leaf)
    later = Frontier(size, first.hashes)
    for leaf in leaves(size + more)[size:]:
        later.append(leaf)
    assert later.root() == recursive_root(leaves(size + more))


def test_frontier_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="full subtrees"):
        Frontier(5, [EMPTY_ROOT])


@given(sizes, st.data())
def test_inclusion_is_proved_for_that_leaf_and_place_alone(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    root = recursive_root(hashes)
    position = data.draw(st.integers(0, size - 1))
    path = prove_inclusion(subtrees_of(hashes), position, size)
    assert verify_inclusion(hashes[position], position, size, path, root)
    assert not verify_inclusion(hash_leaf(b"other"), position, size, path, root)
    assert not verify_inclusion(hashes[position], position, size, path, hash_leaf(b"root"))
    assert not verify_inclusion(hashes[position], position, size, [*path, root], root)
    other = data.draw(st.integers(-1, size))
    assert verify_inclusion(hashes[position], other, size, path, root) == (other == position)
    if path:
        assert not verify_inclusion(hashes[position], position, size, path[:-1], root)


def test_proof_of_what_is_not_there_is_refused() -> None:
    subtree = subtrees_of(leaves(3))
    with pytest.raises(ValueError, match="none at position 3"):
        prove_inclusion(subtree, 3, 3)
