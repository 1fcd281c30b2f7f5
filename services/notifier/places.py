"""How many connections there may be: in all, of one merchant, from one address, and of those nobody knows yet."""

from collections import Counter
from collections.abc import Hashable, Mapping
from enum import StrEnum

from shared.domain.errors import GatewayError


class Limit(StrEnum):
    HANDSHAKES = "handshakes"
    HANDSHAKES_OF_ADDRESS = "handshakes_of_address"
    NOTIFIER = "notifier"
    ADDRESS = "address"
    MERCHANT = "merchant"


class NoPlace(GatewayError):
    """``limit`` is reached."""

    def __init__(self, limit: Limit) -> None:
        super().__init__(limit.value)
        self.limit = limit


class Seat:
    """What one connection takes up. Once it has left, it takes up nothing any more."""

    def __init__(self, places: "Places") -> None:
        self._places, self._taken = places, set[tuple[Limit, Hashable]]()
        self._has_left = False

    def take(self, limit: Limit, of: Hashable = None) -> None:
        """Count towards ``limit``, for the merchant or address ``of``. Raises ``NoPlace``."""
        if not self._has_left and (limit, of) not in self._taken:
            self._places.add(limit, of)
            self._taken.add((limit, of))

    def give_back(self, limit: Limit, of: Hashable = None) -> None:
        if (limit, of) in self._taken:
            self._taken.remove((limit, of))
            self._places.remove(limit, of)

    def leave(self) -> None:
        """May be repeated."""
        self._has_left = True
        for limit, of in tuple(self._taken):
            self.give_back(limit, of)


class Places:
    """Not safe for threads: it lives in the event loop."""

    def __init__(self, most: Mapping[Limit, int]) -> None:
        self._most = most
        self._taken: Counter[tuple[Limit, Hashable]] = Counter()

    def __len__(self) -> int:
        """How many limits are counted towards, for how many merchants and addresses."""
        return len(self._taken)

    def seat(self) -> Seat:
        return Seat(self)

    def add(self, limit: Limit, of: Hashable) -> None:
        """Raises ``NoPlace``."""
        if self._taken[limit, of] >= self._most[limit]:
            raise NoPlace(limit)
        self._taken[limit, of] += 1

    def remove(self, limit: Limit, of: Hashable) -> None:
        self._taken[limit, of] -= 1
        if not self._taken[limit, of]:
            del self._taken[limit, of]
