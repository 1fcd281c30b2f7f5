"""How many connections there may be."""

import pytest

from services.notifier.places import Limit, NoPlace, Places


@pytest.fixture
def places() -> Places:
    return Places(
        {Limit.HANDSHAKES: 1, Limit.HANDSHAKES_OF_ADDRESS: 1, Limit.NOTIFIER: 3, Limit.ADDRESS: 2, Limit.MERCHANT: 2}
    )


def test_there_are_so_many_and_no_more(places: Places) -> None:
    for _ in range(3):
        places.seat().take(Limit.NOTIFIER)

    with pytest.raises(NoPlace) as full:
        places.seat().take(Limit.NOTIFIER)
    assert full.value.limit is Limit.NOTIFIER


@pytest.mark.parametrize("limit", [Limit.ADDRESS, Limit.MERCHANT])
def test_each_address_and_each_merchant_has_places_of_its_own(limit: Limit, places: Places) -> None:
    for _ in range(2):
        places.seat().take(limit, "one")

    places.seat().take(limit, "other")
    with pytest.raises(NoPlace):
        places.seat().take(limit, "one")


def test_a_place_that_was_given_back_is_somebody_elses(places: Places) -> None:
    seat = places.seat()
    seat.take(Limit.HANDSHAKES)
    seat.take(Limit.NOTIFIER)

    seat.give_back(Limit.HANDSHAKES)
    places.seat().take(Limit.HANDSHAKES)

    assert len(places) == 2


def test_who_leaves_leaves_nothing_behind(places: Places) -> None:
    seat = places.seat()
    for limit in Limit:
        seat.take(limit, "x")

    seat.leave()
    seat.leave()

    assert len(places) == 0


def test_who_was_refused_takes_up_nothing(places: Places) -> None:
    places.seat().take(Limit.HANDSHAKES)
    refused = places.seat()
    with pytest.raises(NoPlace):
        refused.take(Limit.HANDSHAKES)

    refused.leave()

    with pytest.raises(NoPlace):
        places.seat().take(Limit.HANDSHAKES)


def test_a_place_is_taken_once(places: Places) -> None:
    seat = places.seat()
    seat.take(Limit.HANDSHAKES)
    seat.take(Limit.HANDSHAKES)

    seat.give_back(Limit.HANDSHAKES)

    assert len(places) == 0


def test_who_has_left_while_the_handshake_went_on_takes_up_nothing(places: Places) -> None:
    seat = places.seat()
    seat.leave()

    seat.take(Limit.MERCHANT, "x")

    assert len(places) == 0
