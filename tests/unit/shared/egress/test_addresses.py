"""Which addresses may be sent to."""

import socket
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from shared.egress.addresses import SPECIAL, is_own, refusal
from shared.egress.policy import EgressPolicy, Network

STRICT = EgressPolicy()
GOOD = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"]
GOOD_IPV6 = ["2606:4700:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888", "2003::1", "3ffe:ffff::1"]


@pytest.mark.parametrize("address", [*GOOD, *GOOD_IPV6])
def test_a_public_address_is_sent_to(address: str) -> None:
    assert refusal(ip_address(address), STRICT) is None


@pytest.mark.parametrize(("network", "what"), SPECIAL, ids=str)
def test_no_special_network_is_sent_to_from_its_first_to_its_last_address(network: Network, what: str) -> None:
    told = {refusal(network[0], STRICT), refusal(network[-1], STRICT)}

    assert None not in told
    assert what


@pytest.mark.parametrize("address", ["1fff::1", "4000::1", "8000::1", "200::1", "400::1"])
def test_ipv6_that_is_handed_out_to_nobody_is_not_sent_to(address: str) -> None:
    assert refusal(ip_address(address), STRICT) == "is not public"


def test_an_open_network_is_sent_to() -> None:
    policy = EgressPolicy(allowed_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))

    assert refusal(ip_address("127.0.0.1"), policy) is None
    assert refusal(ip_address("::1"), policy) is None
    assert refusal(ip_address("10.0.0.1"), policy) == "is private"


def test_what_is_denied_stays_closed_though_public_or_opened() -> None:
    ours = (ip_network("8.8.8.0/24"), ip_network("10.0.0.0/8"))
    policy = EgressPolicy(denied_networks=ours, allowed_networks=(ip_network("10.0.0.0/8"),))

    assert refusal(ip_address("8.8.8.8"), policy) == "is our own"
    assert refusal(ip_address("10.0.0.1"), policy) == "is our own"
    assert refusal(ip_address("8.8.4.4"), policy) is None


def test_this_machine_knows_its_own_addresses() -> None:
    assert is_own(IPv4Address("127.0.0.1"))
    assert all(is_own(ip_address(own)) for own in own_addresses())
    assert not is_own(IPv4Address("8.8.8.8"))
    assert not is_own(ip_address("2606:4700::1"))


def test_a_public_address_of_this_machine_is_not_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.egress.addresses.is_own", lambda address: address == IPv4Address("8.8.8.8"))

    assert refusal(ip_address("8.8.8.8"), STRICT) == "is our own"
    assert refusal(ip_address("8.8.4.4"), STRICT) is None


def own_addresses() -> set[str]:
    """Those that the machine's name leads to."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    except socket.gaierror:
        return set()
    return {str(address[0]) for *_, address in found}
