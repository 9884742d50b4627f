"""The tree is RFC 6962's, and its proofs prove what they say and nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecgsvc.trail.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    root_from_inclusion,
    root_of,
)

LEAVES = [hashlib.sha256(bytes([n])).digest() for n in range(200)]
RFC_LEAVES = [
    b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57", bytes(range(0x60, 0x70)),
]  # fmt: skip
RFC_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"

sizes = st.integers(1, len(LEAVES))


def range_root(start: int, end: int) -> bytes:
    return root_of(LEAVES[start:end])


def test_the_root_of_the_certificate_transparency_test_vector() -> None:
    assert root_of(RFC_LEAVES).hex() == RFC_ROOT
    assert root_of([]) == EMPTY_ROOT == hashlib.sha256(b"").digest()


@given(sizes)
def test_a_frontier_written_and_read_goes_on_as_if_nothing_happened(size: int) -> None:
    whole, interrupted = Frontier(), Frontier()
    for leaf in LEAVES[:size]:
        whole.add(leaf)
        interrupted = Frontier.from_bytes(interrupted.size, interrupted.to_bytes())
        interrupted.add(leaf)
    assert interrupted.root == whole.root == root_of(LEAVES[:size])
    with pytest.raises(ValueError, match="size"):
        Frontier.from_bytes(size, whole.to_bytes() + bytes(32))


@given(sizes, st.data())
def test_an_inclusion_proof_leads_to_the_root_from_its_leaf_only(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(index, size, range_root)
    root = range_root(0, size)
    assert root_from_inclusion(index, size, LEAVES[index], path) == root
    assert root_from_inclusion(index, size, b"another", path) != root
    assert root_from_inclusion(index, size, LEAVES[index], [*path, root]) != root
    assert root_from_inclusion(size, size, LEAVES[index], path) is None
    for other in {index ^ 1, size - 1, 0} - {index}:
        if other < size:
            assert root_from_inclusion(other, size, LEAVES[index], path) != root


@given(sizes, st.data())
def test_a_consistency_proof_holds_for_its_two_trees_only(
    size: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, size))
    path = consistency_proof(old, size, range_root)
    roots = range_root(0, old), range_root(0, size)
    assert is_consistent(old, roots[0], size, roots[1], path)
    assert not is_consistent(old, b"x" * 32, size, roots[1], path)
    assert not is_consistent(old, roots[0], size, b"x" * 32, path)
    assert not is_consistent(old, roots[0], size, roots[1], [*path, b"x" * 32])
    if old < size:
        assert not is_consistent(old, roots[0], size, roots[1], path[:-1])


def test_there_is_no_proof_of_what_is_not_there() -> None:
    for index, size in ((0, 0), (3, 3), (-1, 3)):
        with pytest.raises(ValueError, match="leaf"):
            inclusion_proof(index, size, range_root)
    for old, size in ((0, 3), (4, 3)):
        with pytest.raises(ValueError, match="older"):
            consistency_proof(old, size, range_root)
        assert not is_consistent(old, b"", size, b"", [])
