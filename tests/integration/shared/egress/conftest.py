"""A private certificate authority, a client that trusts it, and a canary that must never hear anything."""

import socket
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from shared.egress.client import EgressClient
from shared.egress.policy import EgressLimits, EgressPolicy
from shared.egress.resolver import DnsResolver
from tests.integration.shared.egress.certificates import Certificate, client_context, make_authority
from tests.integration.shared.egress.dns_server import DnsServer, always
from tests.integration.shared.egress.endpoints import Endpoint, answering

# The public address of these tests; all others of this machine are as forbidden as ever.
PUBLIC = "127.0.0.2"
LIMITS = EgressLimits(dns_seconds=1, connect_seconds=1, total_seconds=2)


@pytest.fixture(scope="module")
def authority() -> Certificate:
    return make_authority()


@pytest.fixture
def dns_server() -> Iterator[DnsServer]:
    with DnsServer({"hooks.example.com": always(PUBLIC)}) as server:
        yield server


@pytest.fixture
def client(authority: Certificate, dns_server: DnsServer) -> EgressClient:
    """Strict, but that it takes ``http://``, every port, and ``PUBLIC`` for a public address."""
    policy = EgressPolicy(ports=frozenset(), allow_http=True, allowed_networks=(ip_network(PUBLIC),))
    resolver = DnsResolver(dns_server.client())
    return EgressClient(policy, resolver, limits=LIMITS, ssl_context=client_context(authority))


@pytest.fixture
def canary() -> Iterator[Endpoint]:
    """Listens on every address of this machine."""
    with Endpoint(answering("200 OK"), address="::" if speaks_ipv6() else "0.0.0.0") as endpoint:
        yield endpoint


def speaks_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


@pytest.fixture
def own_address() -> str:
    """This machine's address towards the world; without a way out, of its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
