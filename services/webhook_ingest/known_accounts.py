"""The providers that are switched on and their accounts, as the database last told: no callback waits for that."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.persistence.errors import StorageUnavailable
from shared.provider_kit.provider import PaymentProvider


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account at a provider, which believes what is signed with its own secrets."""

    id: UUID
    adapter: PaymentProvider


@dataclass(frozen=True, slots=True)
class OpenProvider:
    """A provider that is switched on, under its own name; its default account comes first."""

    name: str
    accounts: Sequence[OpenAccount]


# Gives the provider of a name in a callback's path, or None. Raises StorageUnavailable where that is not known.
FindProvider = Callable[[str], OpenProvider | None]


class KnownAccounts:
    """Read anew every few seconds by whoever calls ``refresh``; between, and while the database is away, what was read
    last is believed for up to ``longest_seconds``.
    """

    def __init__(
        self,
        read: Callable[[], Mapping[str, OpenProvider]],
        longest_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._longest_seconds, self._monotonic = read, longest_seconds, monotonic
        self._known: tuple[float, Mapping[str, OpenProvider]] | None = None

    def refresh(self) -> None:
        """Raises ``StorageUnavailable``; what is known stays."""
        asked_at = self._monotonic()
        self._known = (asked_at, self._read())

    def find(self, name: str) -> OpenProvider | None:
        """Raises ``StorageUnavailable`` where nothing has been read, or too long ago."""
        if self._known is None or self._monotonic() - self._known[0] > self._longest_seconds:
            raise StorageUnavailable("nobody knows whose signatures are good")
        return self._known[1].get(name)
