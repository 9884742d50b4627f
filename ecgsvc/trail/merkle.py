"""Merkle trees after RFC 6962 (hashing, section 2.1) and RFC 9162 (proofs, section 2.1).

A leaf's data is the hash of an event. Trees are never held: a frontier of at most
log2(n) + 1 hashes grows with the trail, and what a proof needs is computed from ranges of
leaves that the caller streams.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Self

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

RangeRoot = Callable[[int, int], bytes]
"""Gives the root over the leaves of a half-open range."""


def leaf_hash(data: bytes) -> bytes:
    """Hash a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees of a growing tree, largest first."""

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self._roots = list(roots)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Self:
        """Read what `to_bytes` wrote; `ValueError` when it is of another size."""
        if len(data) != HASH_BYTES * size.bit_count():
            msg = "these are not the subtrees of a tree of that size"
            raise ValueError(msg)
        return cls(
            size, (data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))
        )

    def to_bytes(self) -> bytes:
        """Write the roots one after the other."""
        return b"".join(self._roots)

    def add(self, data: bytes) -> None:
        """Add a leaf."""
        root, size = leaf_hash(data), self.size
        while size & 1:
            root = node_hash(self._roots.pop(), root)
            size >>= 1
        self._roots.append(root)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of all leaves so far."""
        if not self._roots:
            return EMPTY_ROOT
        root = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            root = node_hash(left, root)
        return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the Merkle tree hash of the data of some leaves."""
    frontier = Frontier()
    for data in leaves:
        frontier.add(data)
    return frontier.root


def inclusion_proof(index: int, size: int, range_root: RangeRoot) -> list[bytes]:
    """Return the audit path of a leaf (RFC 9162, 2.1.3.1)."""
    if not 0 <= index < size:
        msg = "the tree has no such leaf"
        raise ValueError(msg)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_size(end - start)
        if index < middle:
            path.append(range_root(middle, end))
            end = middle
        else:
            path.append(range_root(start, middle))
            start = middle
    return path[::-1]


def root_from_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes]
) -> bytes | None:
    """Return the root that an audit path leads to (RFC 9162, 2.1.3.2).

    Parameters
    ----------
    leaf
        Data of the leaf.

    Returns
    -------
    bytes or None
        None when the path has not the length that index and size ask for.
    """
    if not 0 <= index < size:
        return None
    node, last, root = index, size - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def consistency_proof(old: int, size: int, range_root: RangeRoot) -> list[bytes]:
    """Prove that a tree begins with the one of `old` leaves (RFC 9162, 2.1.4.1)."""
    if not 0 < old <= size:
        msg = "the older tree must have leaves, and no more than the newer"
        raise ValueError(msg)
    path: list[bytes] = []
    start, end, is_whole = 0, size, True
    while old != end:
        middle = start + _left_size(end - start)
        if old <= middle:
            path.append(range_root(middle, end))
            end = middle
        else:
            path.append(range_root(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(range_root(start, end))
    return path[::-1]


def is_consistent(
    old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> bool:
    """Whether a proof shows that one tree begins with the other (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not path and old_root == root
    steps = [old_root, *path] if old.bit_count() == 1 else list(path)
    if not steps:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_hash = new_hash = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_hash = node_hash(sibling, old_hash)
            new_hash = node_hash(sibling, new_hash)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_hash == old_root and new_hash == root


def _left_size(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
