"""How the notifier ends a connection: THE table of close codes, each with what the client should do."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Close:
    """``reason`` is what a program branches on, ``hint`` is for who writes it."""

    code: int
    reason: str
    hint: str

    def text(self, reconnect_ms: int | None = None) -> str:
        """The close frame's reason, which may have 123 bytes."""
        told: dict[str, object] = {"reason": self.reason, "hint": self.hint}
        return json.dumps(told if reconnect_ms is None else told | {"reconnect_ms": reconnect_ms})


RESTARTING = Close(1012, "restarting", "reconnect after the pause, with after")
INTERNAL_ERROR = Close(1011, "internal_error", "our fault; reconnect with after")
SESSION_OVER = Close(4401, "session_over", "get a new token or ticket, reconnect with after")
TOO_MANY_MESSAGES = Close(4429, "too_many_messages", "nothing that you send is read")

CLOSES = (RESTARTING, INTERNAL_ERROR, SESSION_OVER, TOO_MANY_MESSAGES)

# Nothing can be said to who does not read: the connection is cut, which clients see as 1006.
TOO_SLOW = "too_slow"
