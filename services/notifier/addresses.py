"""Whose connection it is, as far as addresses say."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network


def address_of(peer: str, forwarded: Sequence[str], trusted_proxies: int) -> str:
    """The client's address, or its network: one IPv6 customer has a whole /64.

    ``forwarded`` are the values of ``X-Forwarded-For``. Each of our proxies adds one at the end, so the client's is the
    first of the last ``trusted_proxies``; what stands before was written by the client itself.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    told = hops[-trusted_proxies] if 0 < trusted_proxies <= len(hops) else peer
    return _network(told) or _network(peer) or peer


def _network(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return str(_counted(address))


def _counted(address: IPv4Address | IPv6Address) -> object:
    if isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or ip_network((address, 64), strict=False)
