"""One happening: the transaction it is written in, when, at whose request, and as what it is played."""

import sqlite3
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """``request_id`` and ``idempotency_key`` are of the API request that made it happen, if one did.

    ``host`` is where the request was sent. ``early`` collects the webhooks to send before the answer.
    """

    connection: sqlite3.Connection
    now_ms: int
    request_id: str | None = None
    idempotency_key: str | None = None
    host: str = ""
    early: list[int] = field(default_factory=list)

    @property
    def now(self) -> int:
        """Seconds since 1970, as Stripe writes a moment."""
        return self.now_ms // 1000
