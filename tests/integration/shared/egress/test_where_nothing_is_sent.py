"""No URL, name or redirect of a stranger's reaches this machine or its network: the canary there hears nothing."""

import socket
from ipaddress import ip_network

import pytest

from shared.egress.client import Answer, EgressClient, Failed, FailureReason
from shared.egress.policy import EgressPolicy
from shared.egress.resolver import DnsResolver
from tests.integration.shared.egress.conftest import LIMITS, PUBLIC, speaks_ipv6
from tests.integration.shared.egress.dns_server import DnsServer, alternating, always, silent
from tests.integration.shared.egress.endpoints import Endpoint, answering
from tests.unit.shared.egress.corpus import hostile_urls

GLOBAL = "8.8.8.8"  # checked, never connected to: it always stands beside a bad one
ROUNDS = 200


def test_no_url_of_the_corpus_reaches_the_canary(canary: Endpoint, own_address: str, dns_server: DnsServer) -> None:
    strict = EgressPolicy(ports=frozenset({443, 8443, canary.port}))
    client = EgressClient(strict, DnsResolver(dns_server.client()), limits=LIMITS)

    results = {url: client.post(url, b"{}", {}) for url, _ in hostile_urls(canary.port, own_address)}

    not_refused = [url for url, result in results.items() if _reason(result) is not FailureReason.REFUSED_URL]
    assert (not_refused, canary.connections, dns_server.asked) == ([], 0, {})


def test_the_canary_would_hear_them(canary: Endpoint, own_address: str) -> None:
    everything = tuple(map(ip_network, ("0.0.0.0/0", "::/0")))
    client = EgressClient(EgressPolicy(ports=frozenset(), allow_http=True, allowed_networks=everything), DnsResolver())
    hosts = ["127.0.0.1", "127.0.0.2", "0.0.0.0", own_address, "localhost", "a.localhost"]
    hosts += ["[::1]", "[::ffff:127.0.0.1]"] if speaks_ipv6() else []

    for host in hosts:
        client.post(f"http://{host}:{canary.port}/", b"{}", {})

    assert canary.connections == len(hosts)


@pytest.mark.parametrize(
    "addresses",
    [
        ("127.0.0.1",),
        ("::1",),
        ("0.0.0.0",),
        ("::",),
        ("10.0.0.1",),
        ("169.254.169.254",),
        ("fd00:ec2::254",),
        ("::ffff:127.0.0.1",),
        ("64:ff9b::7f00:1",),
        ("2002:7f00:1::",),
        (PUBLIC, "127.0.0.1"),
        ("127.0.0.1", PUBLIC),
        (PUBLIC, "::1"),
        (GLOBAL, "127.0.0.1"),
        *((*(f"8.8.{place}.8" for place in range(place)), "127.0.0.1") for place in (5, 20)),
    ],
    ids="+".join,
)
def test_one_bad_address_among_a_names_refuses_all(
    addresses: tuple[str, ...], client: EgressClient, canary: Endpoint, dns_server: DnsServer
) -> None:
    dns_server.zone["bad.example.com"] = always(*addresses)

    result = client.post(f"http://bad.example.com:{canary.port}/", b"{}", {})

    assert (_reason(result), canary.connections) == (FailureReason.REFUSED_ADDRESS, 0)


def test_this_machines_own_address_is_refused(
    client: EgressClient, canary: Endpoint, dns_server: DnsServer, own_address: str
) -> None:
    dns_server.zone["own.example.com"] = always(own_address)

    result = client.post(f"http://own.example.com:{canary.port}/", b"{}", {})

    assert (_reason(result), canary.connections) == (FailureReason.REFUSED_ADDRESS, 0)


def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_checked(
    client: EgressClient, dns_server: DnsServer
) -> None:
    dns_server.zone["rebinding.example.com"] = alternating([PUBLIC], ["127.0.0.1"])
    honest = Endpoint(answering("200 OK"), address=PUBLIC)
    canary = Endpoint(answering("200 OK"), address="127.0.0.1", port=honest.port)

    with honest, canary:
        url = f"http://rebinding.example.com:{honest.port}/"
        results = [client.post(url, b"{}", {}) for _ in range(ROUNDS)]

    assert canary.connections == 0
    assert [_status(result) for result in results] == [200, None] * (ROUNDS // 2)
    assert {_reason(result) for result in results[1::2]} == {FailureReason.REFUSED_ADDRESS}
    assert honest.connections == ROUNDS // 2
    # Once for each kind of address and call: nothing on the way asks again, so no second answer is ever used.
    assert set(dns_server.asked.values()) == {ROUNDS}


def test_a_connection_that_ends_elsewhere_is_not_used(
    client: EgressClient, canary: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = socket.create_connection
    monkeypatch.setattr(
        "shared.egress.connection.socket.create_connection",
        lambda address, timeout: connect(("127.0.0.1", address[1]), timeout=timeout),
    )

    result = client.post(f"http://hooks.example.com:{canary.port}/", b"{}", {})

    assert _reason(result) is FailureReason.REFUSED_ADDRESS


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("header", ["Location", "Refresh", "Content-Location", "Alt-Svc"])
def test_a_redirect_is_an_answer_and_is_not_followed(
    status: int, header: str, client: EgressClient, canary: Endpoint
) -> None:
    elsewhere = {header: f"http://127.0.0.1:{canary.port}/"}
    with Endpoint(answering(f"{status} Elsewhere", elsewhere), address=PUBLIC) as endpoint:
        result = client.post(f"http://hooks.example.com:{endpoint.port}/", b"{}", {})

    assert (_status(result), endpoint.connections, canary.connections) == (status, 1, 0)


def test_proxies_of_the_environment_are_not_used(
    client: EgressClient, canary: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")

    with Endpoint(answering("204 No Content"), address=PUBLIC) as endpoint:
        result = client.post(f"http://hooks.example.com:{endpoint.port}/", b"{}", {})

    assert (_status(result), canary.connections) == (204, 0)


@pytest.mark.parametrize("name", ["localhost", "a.localhost", "nowhere.example.com", "empty.example.com"])
def test_a_name_that_leads_nowhere_or_here_is_not_called(
    name: str, client: EgressClient, canary: Endpoint, dns_server: DnsServer
) -> None:
    dns_server.zone["empty.example.com"] = always()

    result = client.post(f"http://{name}:{canary.port}/", b"{}", {})

    expected = FailureReason.REFUSED_ADDRESS if "localhost" in name else FailureReason.DNS
    assert (_reason(result), canary.connections) == (expected, 0)


def test_a_name_with_more_addresses_than_anybody_needs_is_not_called(
    client: EgressClient, dns_server: DnsServer
) -> None:
    dns_server.zone["many.example.com"] = always(*(f"8.8.{number}.8" for number in range(LIMITS.addresses + 1)))

    assert _reason(client.post("https://many.example.com/", b"{}", {})) is FailureReason.DNS


def test_a_dns_server_that_never_answers_is_not_waited_for(client: EgressClient, dns_server: DnsServer) -> None:
    dns_server.zone["silent.example.com"] = silent

    result = client.post("https://silent.example.com/", b"{}", {})

    assert _reason(result) is FailureReason.DNS
    assert result.elapsed_ms < 10_000


def test_a_name_is_asked_for_as_it_stands_whatever_the_search_list_says(
    client: EgressClient, dns_server: DnsServer
) -> None:
    result = client.post("http://hooks/", b"{}", {})

    assert _reason(result) is FailureReason.DNS
    assert {name for name, _ in dns_server.asked} == {"hooks"}


def _reason(result: Answer | Failed) -> FailureReason | None:
    return result.reason if isinstance(result, Failed) else None


def _status(result: Answer | Failed) -> int | None:
    return result.status if isinstance(result, Answer) else None
