"""Who may have a callback verified: nobody from a wrong address, and strangers only so often.

Whether a callback is genuine is known only once it has been verified, so what is rationed is the address that it comes
from. An address that has brought a genuine one is rationed no more: a flood of forgeries never takes its turn.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeVar

from shared.runtime.allowance import Allowance

Networks = Sequence[IPv4Network | IPv6Network]
ValueT = TypeVar("ValueT")

# A stranger's own: so many at once, and then so many a second.
OWN_BURST, OWN_PER_SECOND = 20, 1.0

# How long an address stays known after a genuine callback, and how many addresses are remembered of each kind.
KNOWN_SECONDS = 24 * 3600.0
MOST_REMEMBERED = 10_000

# Whoever has one address of IPv6 has 2^64 of them.
IPV6_PREFIX = 64


class Admission:
    """Safe for threads; each process has its own. ``networks``: where a provider's callbacks may come from, by its
    name; a provider that is not named may be anywhere. ``per_second``: what all strangers of one provider share when
    they have used up what is their own.
    """

    def __init__(
        self, networks: Mapping[str, Networks], per_second: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._networks, self._per_second, self._monotonic = networks, per_second, monotonic
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._providers: set[str] = set()
        self._own: OrderedDict[tuple[str, str], Allowance] = OrderedDict()
        self._shared: dict[str, Allowance] = {}

    def is_at_home(self, provider: str, sender: str | None) -> bool:
        """Whether the provider's callbacks may come from there."""
        networks = self._networks.get(provider)
        if networks is None:
            return True
        address = _address(sender)
        return address is not None and any(address in network for network in networks)

    def may_be_verified(self, provider: str, sender: str | None) -> bool:
        who = (provider, _source(sender))
        with self._lock:
            if self._known.get(who, 0.0) > self._monotonic():
                return True
            own = _remembered(self._own, who, lambda: self._allowance(OWN_PER_SECOND, OWN_BURST))
            return own.take() or self._shared_by_strangers(provider).take()

    def has_no_turn(self, provider: str, sender: str | None) -> bool:
        """Whether ``may_be_verified`` would say no now; asking takes nothing."""
        who = (provider, _source(sender))
        with self._lock:
            own, shared = self._own.get(who), self._shared.get(provider)
            return own is not None and own.is_spent() and shared is not None and shared.is_spent()

    def is_known(self, sender: str | None) -> bool:
        """Whether a genuine callback of any provider has come from there."""
        source, now = _source(sender), self._monotonic()
        with self._lock:
            return any(self._known.get((provider, source), 0.0) > now for provider in self._providers)

    def was_genuine(self, provider: str, sender: str | None) -> None:
        """From now on its address is no stranger's."""
        who = (provider, _source(sender))
        with self._lock:
            self._providers.add(provider)
            self._known[who] = self._monotonic() + KNOWN_SECONDS
            self._known.move_to_end(who)
            _forget_the_oldest(self._known)
            self._own.pop(who, None)

    def _shared_by_strangers(self, provider: str) -> Allowance:
        if provider not in self._shared:
            self._shared[provider] = self._allowance(self._per_second, max(1, int(self._per_second)))
        return self._shared[provider]

    def _allowance(self, per_second: float, burst: int) -> Allowance:
        return Allowance(per_second=per_second, burst=burst, monotonic=self._monotonic)


def networks_in(text: str) -> dict[str, Networks]:
    """``stripe=3.18.12.63 3.130.192.231;paystack=52.31.139.75``, by provider.

    Raises:
        ValueError: it does not look like that.
    """
    found: dict[str, Networks] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, networks = entry.partition("=")
        if not equals or not networks.split():
            raise ValueError("must look like provider=address network;provider=address")
        if name.strip() in found:
            raise ValueError(f"must name {name.strip()} once, with all its addresses")
        found[name.strip()] = [ip_network(each) for each in networks.split()]
    return found


def _remembered(
    kept: OrderedDict[tuple[str, str], Allowance], who: tuple[str, str], make: Callable[[], Allowance]
) -> Allowance:
    if who not in kept:
        kept[who] = make()
        _forget_the_oldest(kept)
    kept.move_to_end(who)
    return kept[who]


def _forget_the_oldest(kept: OrderedDict[tuple[str, str], ValueT]) -> None:
    while len(kept) > MOST_REMEMBERED:
        kept.popitem(last=False)


def _source(sender: str | None) -> str:
    address = _address(sender)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


def _address(sender: str | None) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(sender or "")
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
