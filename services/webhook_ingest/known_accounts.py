"""The providers that are switched on and their accounts, as the database last told: no callback waits for that."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.persistence.errors import StorageUnavailable
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.clock import Clock


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


@dataclass(frozen=True, slots=True)
class Reading:
    """The providers by each name that callbacks may call them, as of ``read_at``."""

    read_at: datetime
    providers: Mapping[str, OpenProvider]


# Gives the provider of a name in a callback's path, or None. Raises StorageUnavailable where that is not known.
FindProvider = Callable[[str], OpenProvider | None]


class KnownAccounts:
    """Read anew every few seconds by whoever calls ``refresh``; between, and while the database is away, what was read
    last is believed for up to ``longest_seconds``.
    """

    def __init__(self, read: Callable[[], Reading], longest_seconds: float, clock: Clock) -> None:
        self._read, self._longest, self._clock = read, timedelta(seconds=longest_seconds), clock
        self._known: Reading | None = None

    def refresh(self) -> None:
        """Raises ``StorageUnavailable``; what is known stays."""
        self._known = self._read()

    def find(self, name: str) -> OpenProvider | None:
        """Raises ``StorageUnavailable`` where nothing has been read, or too long ago."""
        if self._known is None or self._clock.now() - self._known.read_at > self._longest:
            raise StorageUnavailable("nobody knows whose signatures are good")
        return self._known.providers.get(name)
