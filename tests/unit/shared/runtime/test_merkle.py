"""One hash stands for all leaves, and a short path proves one of them."""

import hashlib

import pytest

from shared.runtime.merkle import leaf_hash, merkle_path, merkle_root, root_by_path

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 31, 33]


def _leaves(count: int) -> list[bytes]:
    return [leaf_hash(f"row {number}") for number in range(count)]


def _rfc_6962(leaves: list[bytes]) -> bytes:
    """The recursive definition of the standard, to the letter."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + _rfc_6962(leaves[:split]) + _rfc_6962(leaves[split:])).digest()


@pytest.mark.parametrize("count", SIZES)
def test_the_root_is_that_of_the_standard(count: int) -> None:
    assert merkle_root(_leaves(count)) == _rfc_6962(_leaves(count))


@pytest.mark.parametrize("count", SIZES)
def test_every_leaf_has_a_path_to_the_root(count: int) -> None:
    leaves = _leaves(count)

    roots = {root_by_path(leaf, at, count, merkle_path(leaves, at)) for at, leaf in enumerate(leaves)}

    assert roots == {merkle_root(leaves)}


@pytest.mark.parametrize("count", SIZES[1:])
def test_a_path_proves_no_other_leaf_and_no_other_position(count: int) -> None:
    leaves = _leaves(count)
    path = merkle_path(leaves, 0)

    assert root_by_path(leaf_hash("another"), 0, count, path) != merkle_root(leaves)
    assert root_by_path(leaves[1], 0, count, path) != merkle_root(leaves)
    assert root_by_path(leaves[0], 1, count, path) != merkle_root(leaves)


@pytest.mark.parametrize(("position", "count", "length"), [(0, 4, 1), (0, 4, 3), (4, 4, 2), (-1, 4, 2), (0, 0, 0)])
def test_a_path_that_cannot_be_is_refused(position: int, count: int, length: int) -> None:
    with pytest.raises(ValueError, match="no path"):
        root_by_path(bytes(32), position, count, [bytes(32)] * length)


def test_a_leaf_cannot_pass_for_a_node() -> None:
    left, right = _leaves(2)
    forged = (left + right).decode("latin-1")

    assert leaf_hash(forged) != merkle_root([left, right])


def test_the_path_of_the_only_leaf_is_empty() -> None:
    assert merkle_path(_leaves(1), 0) == []
    assert merkle_path(_leaves(2), 1) == _leaves(2)[:1]
