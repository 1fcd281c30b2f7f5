"""Merkle trees as in RFC 6962: one hash stands for all leaves, and a short path proves one of them."""

import hashlib
from collections.abc import Iterator, Sequence

# A leaf can never pass for a node, nor the other way round.
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(content: str) -> bytes:
    return hashlib.sha256(_LEAF + content.encode("utf-8", "surrogatepass")).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """``leaves`` are leaf hashes, at least one."""
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_path(leaves: Sequence[bytes], position: int) -> list[bytes]:
    """The hashes beside the way from the leaf at ``position`` (from 0) up to the root."""
    level, path = list(leaves), []
    while len(level) > 1:
        beside = position ^ 1
        if beside < len(level):
            path.append(level[beside])
        level, position = _next_level(level), position // 2
    return path


def root_by_path(leaf: bytes, position: int, count: int, path: Sequence[bytes]) -> bytes:
    """The root of ``count`` leaves that follows from the one at ``position`` and its path.

    Raises:
        ValueError: there is no such position, or its path has another length.
    """
    sides = list(_sides(position, count))
    if not 0 <= position < count or len(sides) != len(path):
        raise ValueError("no path of this position")
    found = leaf
    for beside_is_left, beside in zip(sides, path, strict=True):
        found = _node(beside, found) if beside_is_left else _node(found, beside)
    return found


def _sides(position: int, count: int) -> Iterator[bool]:
    """For each step up that meets another node: whether that one stands on the left."""
    while count > 1:
        if position ^ 1 < count:
            yield position % 2 == 1
        position, count = position // 2, (count + 1) // 2


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[index], level[index + 1]) for index in range(0, len(level) - 1, 2)]
    # The odd one out goes up as it is.
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
