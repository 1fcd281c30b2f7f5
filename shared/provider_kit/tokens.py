"""Access tokens that all processes share, for providers where a new one ends the life of the last."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.errors import GatewayError
from shared.domain.outcome import NotSent
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """What a provider gave, good for ``lifetime`` from now."""

    value: str
    lifetime: timedelta


class TokenUnavailable(GatewayError):
    """The provider gave no token; ``outcome`` is what that makes of the call which needed one."""

    def __init__(self, outcome: NotSent) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


FetchToken = Callable[[], IssuedToken]


class SharedTokens(Protocol):
    """Holds one live token for each ``name``, such as a provider and the id of its application."""

    def token(self, name: str, fetch: FetchToken, *, refused: str | None = None) -> str:
        """The token that is shared now. Where there is none, or it is the one that the provider has ``refused``, one
        caller of all processes fetches another while the others wait for it.

        Raises:
            TokenUnavailable: from ``fetch``.
        """


class LocalTokens:
    """Shares them within this process only: for tests, tools, and processes that call nobody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, datetime]] = {}
        self._lock = threading.Lock()

    def token(self, name: str, fetch: FetchToken, *, refused: str | None = None) -> str:
        with self._lock:
            value, ends_at = self._held.get(name, (None, self._clock.now()))
            if value is not None and value != refused and self._clock.now() < ends_at:
                return value
            issued = fetch()
            self._held[name] = (issued.value, self._clock.now() + issued.lifetime)
            return issued.value

    def keep(self, name: str, issued: IssuedToken) -> None:
        """Hold a token that somebody else brought."""
        with self._lock:
            self._held[name] = (issued.value, self._clock.now() + issued.lifetime)
