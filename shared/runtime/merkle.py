"""Merkle trees as in RFC 6962: one hash stands for all leaves, and a short path proves one of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

# A leaf can never pass for a node, nor the other way round.
_LEAF, _NODE = b"\x00", b"\x01"


@dataclass(frozen=True, slots=True)
class Step:
    """One hash beside the way from a leaf up to the root."""

    is_left: bool
    hash: bytes


def leaf_hash(content: str) -> bytes:
    return hashlib.sha256(_LEAF + content.encode("utf-8", "surrogatepass")).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """``leaves`` are leaf hashes, at least one."""
    level = list(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_path(leaves: Sequence[bytes], position: int) -> list[Step]:
    """The way from the leaf at ``position`` (from 0) to the root."""
    level, path = list(leaves), []
    while len(level) > 1:
        beside = position ^ 1
        if beside < len(level):
            path.append(Step(is_left=beside < position, hash=level[beside]))
        level, position = _next_level(level), position // 2
    return path


def root_by_path(leaf: bytes, path: Sequence[Step]) -> bytes:
    """The root that follows from a leaf and its way up."""
    found = leaf
    for step in path:
        found = _node(step.hash, found) if step.is_left else _node(found, step.hash)
    return found


def _next_level(level: Sequence[bytes]) -> list[bytes]:
    pairs = [_node(level[index], level[index + 1]) for index in range(0, len(level) - 1, 2)]
    # The odd one out goes up as it is.
    return pairs if len(level) % 2 == 0 else [*pairs, level[-1]]


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
