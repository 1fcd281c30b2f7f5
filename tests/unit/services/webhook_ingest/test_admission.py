"""Strangers are rationed; who has brought something genuine is not, whatever others send."""

import pytest

from services.webhook_ingest.admission import (
    IPV6_PREFIX,
    KNOWN_SECONDS,
    MOST_REMEMBERED,
    OWN_BURST,
    Admission,
    networks_in,
)

SHARED_PER_SECOND = 10


class Door:
    def __init__(self, sources: str = "") -> None:
        self.seconds = 0.0
        self.admission = Admission(networks_in(sources), SHARED_PER_SECOND, lambda: self.seconds)

    def let_in(self, times: int, sender: str | None, provider: str = "cpay") -> int:
        return sum(self.admission.may_be_verified(provider, sender) for _ in range(times))


def test_a_stranger_has_a_share_of_its_own_and_then_what_all_strangers_share() -> None:
    door = Door()

    assert door.let_in(1000, "192.0.2.1") == OWN_BURST + SHARED_PER_SECOND
    assert door.let_in(1000, "192.0.2.2") == OWN_BURST


def test_a_share_comes_back_with_time() -> None:
    door = Door()
    door.let_in(1000, "192.0.2.1")

    door.seconds += 1

    assert door.let_in(1000, "192.0.2.1") == 1 + SHARED_PER_SECOND


def test_who_has_brought_a_genuine_callback_is_let_in_as_often_as_it_comes() -> None:
    door = Door()
    door.admission.was_genuine("cpay", "192.0.2.1")

    assert door.let_in(1000, "192.0.2.1") == 1000
    door.seconds += KNOWN_SECONDS
    assert door.let_in(1000, "192.0.2.1") == OWN_BURST + SHARED_PER_SECOND


def test_a_flood_takes_nothing_from_an_address_that_has_brought_nothing_yet() -> None:
    door = Door()
    for number in range(200):
        door.let_in(50, f"198.51.100.{number}")

    assert door.let_in(1, "192.0.2.1") == 1


def test_what_is_known_for_one_provider_is_not_for_another() -> None:
    door = Door()
    door.admission.was_genuine("cpay", "192.0.2.1")

    assert door.let_in(1000, "192.0.2.1", "stripe") < 1000


def test_all_addresses_of_one_ipv6_network_are_one_stranger() -> None:
    door = Door()

    let_in = sum(door.let_in(1, f"2001:db8::{number:x}") for number in range(1, 200))

    assert let_in == OWN_BURST + SHARED_PER_SECOND
    assert IPV6_PREFIX == 64


@pytest.mark.parametrize("sender", [None, "", "not an address"])
def test_who_has_no_address_is_one_stranger(sender: str | None) -> None:
    assert Door().let_in(1000, sender) == OWN_BURST + SHARED_PER_SECOND


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    door = Door()
    for number in range(MOST_REMEMBERED + 100):
        door.let_in(1, f"2001:db8:{number:x}::1")

    assert len(door.admission._own) == MOST_REMEMBERED


@pytest.mark.parametrize(
    ("sender", "at_home"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("198.51.100.7", False),
        ("2001:db9::1", False),
        (None, False),
        ("nonsense", False),
    ],
)
def test_a_provider_with_networks_is_at_home_there_only(sender: str | None, at_home: bool) -> None:
    door = Door("cpay=192.0.2.0/24 2001:db8::/32; stripe=198.51.100.1")

    assert door.admission.is_at_home("cpay", sender) is at_home
    assert door.admission.is_at_home("mpesa", sender)


@pytest.mark.parametrize(
    "text",
    [
        "cpay",
        "cpay=",
        "cpay=nowhere",
        "cpay=192.0.2.1/24",
        "cpay=192.0.2.1,192.0.2.2",
        "cpay=192.0.2.1;cpay=192.0.2.2",
    ],
)
def test_networks_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        networks_in(text)
