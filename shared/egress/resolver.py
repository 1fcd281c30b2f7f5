"""Asks the DNS what addresses a name has, within a time that is kept."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

import dns.exception
import dns.name
import dns.resolver

from shared.egress.policy import Address

LOOPBACK = (ip_address("127.0.0.1"), ip_address("::1"))
_KINDS = ("A", "AAAA")


class NotResolved(Exception):
    """The name has no address, or nobody could say in time."""


class Resolver(Protocol):
    def __call__(self, name: str, seconds: float) -> Sequence[Address]:
        """Every address that ``name`` has now, those to be tried first in front. Returns within ``seconds``.

        Raises:
            NotResolved: there is none, or no answer.
        """


class DnsResolver:
    """Asks the servers of ``/etc/resolv.conf`` from the thread that calls: nothing is left behind that hangs on.

    The system's own functions know no time limit, and would also find the names of our own network: search lists and
    ``/etc/hosts`` are not used here. ``localhost`` is this machine, whatever the DNS says (RFC 6761).
    """

    def __init__(self, servers: dns.resolver.Resolver | None = None) -> None:
        self._servers = servers or dns.resolver.Resolver()

    def __call__(self, name: str, seconds: float) -> Sequence[Address]:
        if name == "localhost" or name.endswith(".localhost"):
            return LOOPBACK
        asked = dns.name.from_text(f"{name}.")
        found = [address for kind in _KINDS for address in self._ask(asked, kind, seconds / len(_KINDS))]
        if not found:
            raise NotResolved(f"{name} has no address")
        return found

    def _ask(self, name: dns.name.Name, kind: str, seconds: float) -> Sequence[Address]:
        try:
            answer = self._servers.resolve(name, kind, lifetime=seconds, search=False)
        except dns.exception.DNSException:
            # Half the servers in the world answer one kind only. What is not known is not connected to.
            return ()
        return [ip_address(record.to_text()) for record in answer]
