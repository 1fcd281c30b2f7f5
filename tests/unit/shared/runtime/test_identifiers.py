"""Ids."""

from shared.runtime.identifiers import new_id


def test_ids_are_uuids_of_version_seven_unique_and_in_the_order_of_their_making() -> None:
    ids = [new_id() for _ in range(1000)]

    assert {each.version for each in ids} == {7}
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
