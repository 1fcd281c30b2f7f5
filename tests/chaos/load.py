"""The background load: payments, refunds and repetitions, chosen by a seed, at a steady rate."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from tests.chaos.merchant import Json, Merchant, Request

CALLERS = 24
PRICE = "1000.00"
PART = "100.00"
PARTS_IN_A_PAYMENT = 10
# More would only wait in this process.
MOST_WAITING = 60


@dataclass
class Account:
    """What the merchant has to refund: parts still left of each completed payment, the oldest payment first."""

    parts_left: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on_event(self, event: Json) -> None:
        """Heard by WebSocket: a payment was completed."""
        if event["type"] == "payment.completed" and event["data"]["amount"] == PRICE:
            with self.lock:
                self.parts_left.setdefault(event["transaction_id"], PARTS_IN_A_PAYMENT)

    def take(self, chosen: random.Random) -> tuple[str, int] | None:
        """A payment and how many of its parts to give back: mostly one, sometimes all that are left."""
        with self.lock:
            if not self.parts_left:
                return None
            payment_id = chosen.choice(list(self.parts_left)[:20])
            left = self.parts_left[payment_id]
            parts = left if chosen.random() < 0.1 else 1
            self.parts_left[payment_id] = left - parts
            if left == parts:
                del self.parts_left[payment_id]
            return payment_id, parts

    @property
    def parts(self) -> int:
        with self.lock:
            return sum(self.parts_left.values())


@dataclass(frozen=True)
class Mix:
    """Shares of what is asked; ``scenarios`` are played by ``share_of_scenarios`` of the payments."""

    refunds: float = 0.25
    repetitions: float = 0.1
    scenarios: Sequence[str] = ()
    share_of_scenarios: float = 0.0


PAYMENTS = Mix(refunds=0.0)
REFUNDS = Mix(refunds=1.0)
BOTH = Mix()


class Load:
    """Asks until stopped; ``requests`` are all that were asked, finished or not."""

    def __init__(self, merchant: Merchant, account: Account, row: str, seed: int, mix: Mix, *, rate: float) -> None:
        self._merchant, self._account, self._row, self._mix = merchant, account, row, mix
        self._pause = 1 / rate
        self._chosen = random.Random(f"{seed} {row}")
        self._callers = ThreadPoolExecutor(CALLERS, thread_name_prefix="caller")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._waiting = 0
        self._counting = threading.Lock()
        self.requests: list[Request] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask nothing new; return when everything that was asked has its answer."""
        self._stopping.set()
        self._thread.join()
        self._callers.shutdown(wait=True)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set():
            due = max(due + self._pause, time.monotonic() - 1)
            if self._waiting < MOST_WAITING:
                self._ask()
            self._stopping.wait(max(0.0, due - time.monotonic()))

    def _ask(self) -> None:
        request = self._next()
        with self._counting:
            self._waiting += 1
        self._callers.submit(self._answered(self._merchant.post, request))

    def _answered(self, post: Callable[[Request], None], request: Request) -> Callable[[], None]:
        def ask() -> None:
            try:
                post(request)
            finally:
                with self._counting:
                    self._waiting -= 1

        return ask

    def _next(self) -> Request:
        if self.requests and self._chosen.random() < self._mix.repetitions:
            return self._chosen.choice(self.requests[-50:])
        refund = self._account.take(self._chosen) if self._chosen.random() < self._mix.refunds else None
        request = self._payment() if refund is None else self._refund(*refund)
        self.requests.append(request)
        return request

    def _payment(self) -> Request:
        metadata = {"row": self._row}
        if self._chosen.random() < self._mix.share_of_scenarios:
            metadata["scenario"] = self._chosen.choice(self._mix.scenarios)
        return Request(self._row, "/payments/initialize", payment_body(metadata), self._new_key())

    def _refund(self, payment_id: str, parts: int) -> Request:
        body: Json = {"amount": f"{parts * 100}.00", "reason": "Customer request"}
        return Request(self._row, f"/payments/{payment_id}/refund", body, self._new_key())

    def _new_key(self) -> str:
        # Of the seed and of this run: a key is for ever, also when a row is repeated in the same system.
        return str(UUID(int=self._chosen.getrandbits(64) | time.monotonic_ns() << 64 & (1 << 128) - 1, version=4))


def payment_body(metadata: Mapping[str, str]) -> Json:
    return {
        "provider": "cpay",
        "amount": PRICE,
        "currency": "KES",
        "customer": {"phone": "+254700000000"},
        "metadata": dict(metadata),
    }
