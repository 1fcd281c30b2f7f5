"""Which addresses are nobody's but the public's: the only ones that strangers may have us send to."""

import socket
from ipaddress import IPv4Address, ip_address, ip_network

from shared.egress.policy import Address, EgressPolicy, Network

# The registries of special addresses (iana.org: iana-ipv4-special-registry, iana-ipv6-special-registry), and what
# carries an IPv4 address inside: whoever translates it would deliver to that one. Python's own list depends on its
# version; what it adds to this one is refused, too.
_SPECIAL = (
    ("0.0.0.0/8", "is an address of this machine"),
    ("10.0.0.0/8", "is private"),
    ("100.64.0.0/10", "is an operator's private address"),
    ("127.0.0.0/8", "is this machine"),
    ("168.63.129.16/32", "is a cloud's own service"),
    ("169.254.0.0/16", "is link-local, where clouds keep credentials"),
    ("172.16.0.0/12", "is private"),
    ("192.0.0.0/24", "is reserved"),
    ("192.0.2.0/24", "is for documentation"),
    ("192.88.99.0/24", "leads through a 6to4 relay"),
    ("192.168.0.0/16", "is private"),
    ("198.18.0.0/15", "is for benchmarks"),
    ("198.51.100.0/24", "is for documentation"),
    ("203.0.113.0/24", "is for documentation"),
    ("224.0.0.0/4", "is multicast"),
    ("240.0.0.0/4", "is reserved"),
    ("::/128", "is an address of this machine"),
    ("::1/128", "is this machine"),
    ("::/96", "has an IPv4 address inside"),
    ("::ffff:0:0/96", "has an IPv4 address inside"),
    ("::ffff:0:0:0/96", "has an IPv4 address inside"),
    ("64:ff9b::/96", "has an IPv4 address inside"),
    ("64:ff9b:1::/48", "has an IPv4 address inside"),
    ("100::/64", "is discarded"),
    ("2001::/32", "has an IPv4 address inside"),
    ("2001::/23", "is reserved"),
    ("2001:db8::/32", "is for documentation"),
    ("2002::/16", "has an IPv4 address inside"),
    ("3fff::/20", "is for documentation"),
    ("5f00::/16", "is reserved"),
    ("fc00::/7", "is private"),
    ("fe80::/10", "is link-local"),
    ("fec0::/10", "is private"),
    ("ff00::/8", "is multicast"),
)
SPECIAL: tuple[tuple[Network, str], ...] = tuple((ip_network(network), what) for network, what in _SPECIAL)

# All of IPv6 that is handed out to the public so far.
PUBLIC_IPV6 = ip_network("2000::/3")

_DISCARD_PORT = 9


def refusal(address: Address, policy: EgressPolicy) -> str | None:
    """What is wrong with sending to ``address``, as the rest of a sentence that begins with it; ``None``: nothing."""
    if _is_in(address, policy.denied_networks):
        return "is our own"
    if _is_in(address, policy.allowed_networks):
        return None
    special = next((what for network, what in SPECIAL if address in network), None)
    if special is not None:
        return special
    if not _is_public(address):
        return "is not public"
    return "is our own" if is_own(address) else None


def is_own(address: Address) -> bool:
    """Whether an interface of this machine has it: only then would its kernel speak to it *from* it. Sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), _DISCARD_PORT))
            return ip_address(probe.getsockname()[0].partition("%")[0]) == address
    except OSError:
        return False


def _is_public(address: Address) -> bool:
    is_unicast = address.is_global and not address.is_multicast
    return is_unicast and (isinstance(address, IPv4Address) or address in PUBLIC_IPV6)


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
