"""What may be sent to, and how long and how much of it."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

USUAL_PORTS = frozenset({443, 8443})


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """``ports``: those that a URL may name; empty: every one. ``allow_http``: whether ``http://`` will do.

    ``allowed_networks`` are opened though they are not public: for tests, sandboxes and private installations.
    ``denied_networks`` are closed though they are public, and win: our own addresses as the world sees them.
    """

    ports: frozenset[int] = USUAL_PORTS
    allow_http: bool = False
    allowed_networks: tuple[Network, ...] = ()
    denied_networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressLimits:
    """``total_seconds`` is the whole exchange by the wall clock; connecting and TLS have ``connect_seconds`` each.

    Of an answer, its head may have ``head_bytes`` and ``headers``; ``read_bytes`` more are read, ``kept_bytes`` kept.
    A name may have ``addresses``; ``tries`` of them are connected to, one after the other.
    """

    dns_seconds: float = 5
    connect_seconds: float = 5
    total_seconds: float = 15
    head_bytes: int = 32 * 1024
    headers: int = 100
    read_bytes: int = 64 * 1024
    kept_bytes: int = 2 * 1024
    addresses: int = 32
    tries: int = 3
