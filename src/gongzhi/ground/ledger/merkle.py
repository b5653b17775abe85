"""Merkle tree hashes and inclusion proofs, as RFC 6962 section 2.1 defines them (SHA-256)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(content: bytes) -> bytes:
    return sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The tree hash over leaf hashes.

    The RFC splits n leaves at the largest power of two below n. Pairing neighbours level by level, with an odd
    last node carried up unchanged, builds the same tree without recursion.
    """
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    paired = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        paired.append(level[-1])
    return paired


def audit_path(position: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The neighbours' hashes that lead from one leaf to the root, lowest first (RFC 6962 section 2.1.1)."""
    if not 0 <= position < len(leaves):
        raise ValueError(f"there is no leaf {position} among {len(leaves)}")
    path = []
    level: Sequence[bytes] = leaves
    while len(level) > 1:
        neighbour = position ^ 1
        if neighbour < len(level):
            path.append(level[neighbour])
        level = _next_level(level)
        position //= 2
    return path


def root_from_path(leaf: bytes, position: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path claims, or None when the path cannot belong to this position and size."""
    if not 0 <= position < size:
        return None
    hashed, last, steps = leaf, size - 1, iter(path)
    while last > 0:
        if position % 2 or position < last:
            neighbour = next(steps, None)
            if neighbour is None:
                return None
            hashed = node_hash(neighbour, hashed) if position % 2 else node_hash(hashed, neighbour)
        position //= 2
        last //= 2
    return hashed if next(steps, None) is None else None
