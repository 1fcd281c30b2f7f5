"""What a simulator is, and what it is given to live in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.provider_kit.simulator.exchange import SimulatedRequest, SimulatedResponse
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAnswer:
    """What a receiver of callbacks answered; ``retry_after_seconds`` is its wish, if any.

    ``body`` is for callbacks that are questions, such as M-Pesa's validation of a payment.
    """

    status: int
    retry_after_seconds: int | None = None
    body: bytes = b""


class CallbackPost(Protocol):
    """Sends one callback, once; follows no redirect."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:
        """The receiver's answer, or ``None`` if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorEnvironment:
    """``folder`` is durable and the simulator's own; ``settings`` are the provider's, names in lower case."""

    folder: Path
    settings: Mapping[str, str]
    clock: Clock
    post: CallbackPost


class Simulator(Protocol):
    """One provider, played: everything it has answered survives a SIGKILL.

    The truth API, where there is one, answers ``GET <mount>/_admin/ledger`` with ``by_reference``: for each reference
    that we gave, how many ``payments``, ``captures``, ``refunds`` and ``payouts`` were made with it,
    ``captured_minor``, ``refunded_minor``, ``paid_out_minor``, and the ``idempotency_keys`` that came with it.
    """

    @property
    def name(self) -> str:
        """The provider's name."""

    @property
    def mounts(self) -> tuple[str, ...]:
        """The path prefixes that it answers, such as ``("/v1", "/_admin")``; paths reach it whole."""

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        """Answer one request; called from many threads."""

    def tick(self) -> None:
        """Do everything that is due: changes of state, callbacks. Called many times a second, from one thread."""

    def close(self) -> None:
        """Finish what is being sent and let go of the folder."""
