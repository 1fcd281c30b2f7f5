"""Whose connection it is."""

import pytest

from services.notifier.addresses import address_of


@pytest.mark.parametrize(
    ("forwarded", "trusted", "address"),
    [
        ([], 0, "10.0.0.9"),
        (["1.1.1.1"], 0, "10.0.0.9"),
        (["1.1.1.1"], 1, "1.1.1.1"),
        (["9.9.9.9, 1.1.1.1"], 1, "1.1.1.1"),
        (["9.9.9.9", "1.1.1.1"], 1, "1.1.1.1"),
        (["9.9.9.9, 1.1.1.1, 2.2.2.2"], 2, "1.1.1.1"),
        ([], 1, "10.0.0.9"),
        (["1.1.1.1"], 2, "10.0.0.9"),
        (["unknown"], 1, "10.0.0.9"),
        ([""], 1, "10.0.0.9"),
    ],
)
def test_only_what_our_own_proxies_say_is_believed(forwarded: list[str], trusted: int, address: str) -> None:
    assert address_of("10.0.0.9", forwarded, trusted) == address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("2001:db8:1:2:3::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_has_a_whole_network(peer: str, address: str) -> None:
    assert address_of(peer, [], 0) == address
