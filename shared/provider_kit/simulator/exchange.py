"""HTTP as values: what a simulator is asked, what it answers, and how the answer goes wrong on its way."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Hang:
    """Say nothing for ``seconds``, then close; longer than the client waits."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Delay:
    """Answer correctly, after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ResetConnection:
    """Send a TCP reset instead of an answer."""


@dataclass(frozen=True, slots=True)
class TruncateBody:
    """Declare the whole length, send ``kept_bytes`` of the body, close."""

    kept_bytes: int


Fault = Hang | Delay | ResetConnection | TruncateBody


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRequest:
    """A request as it came; header names in lower case. ``from_loopback`` guards the truth API."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    from_loopback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedResponse:
    """An answer; the server that carries it obeys ``fault``. What had to be durable is committed already."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: Fault | None = None
