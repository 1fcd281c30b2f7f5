"""The background load: payments, refunds, captures and repetitions, chosen by a seed, at a steady rate."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from shared.providers.cpay.simulator.scenarios import BY_WORD, FIRST_OF_CAPTURES
from tests.chaos.merchant import Json, Merchant, Request

CALLERS = 24
PRICE = "1000.00"
PART_MINOR = 100_00
PARTS_OF_A_PARTIAL_CAPTURE = 3
PARTS_IN_A_PAYMENT = 10
# What is reserved is asked about every few seconds: thousands that wait would keep the workers from all else.
MOST_RESERVED = 60
# More would only wait in this process.
MOST_WAITING = 60

# It is known whether such a payment can be captured.
SETTLED = frozenset({"authorized", "completed", "failed", "cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is left to capture of a payment; ``is_untouched``: nothing of it has been."""

    payment_id: str
    left_minor: int
    is_untouched: bool


@dataclass
class Account:
    """What the merchant may refund and capture, the oldest first: parts left of each completed payment, reservations.

    A payment is in neither while a capture of it is under way. ``asked_to_reserve`` counts the payments that are to be
    captured by hand; ``answered_for`` are those of which it is known whether they can be.
    """

    parts_left: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, Reservation] = field(default_factory=dict)
    asked_to_reserve: int = 0
    answered_for: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on_event(self, event: Json) -> None:
        """Heard by WebSocket: a payment was reserved, taken, or is over."""
        if not event["type"].startswith("payment."):
            return
        payment_id, seen = event["transaction_id"], event["data"]
        with self.lock:
            if seen["capture_method"] == "manual" and seen["status"] in SETTLED:
                self.answered_for.add(payment_id)
            if event["type"] == "payment.completed" and seen["amount_captured_minor"] >= PART_MINOR:
                self.parts_left.setdefault(payment_id, seen["amount_captured_minor"] // PART_MINOR)
            if seen["status"] != "authorized":
                self.reserved.pop(payment_id, None)
            elif seen["capture_method"] == "manual":
                captured = seen["amount_captured_minor"]
                left = seen["amount_authorized_minor"] - captured
                self.reserved[payment_id] = Reservation(payment_id, left, is_untouched=captured == 0)

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

    def take_reservation(self) -> Reservation | None:
        """The oldest. It comes back when a part of it has been captured."""
        with self.lock:
            return self.reserved.pop(next(iter(self.reserved))) if self.reserved else None

    def begin_reservation(self) -> bool:
        """Whether one more may be made: as many as may wait are there, or on their way, otherwise."""
        with self.lock:
            on_their_way = self.asked_to_reserve - len(self.answered_for)
            if len(self.reserved) + on_their_way >= MOST_RESERVED:
                return False
            self.asked_to_reserve += 1
            return True

    @property
    def parts(self) -> int:
        with self.lock:
            return sum(self.parts_left.values())

    @property
    def reservations(self) -> int:
        with self.lock:
            return len(self.reserved)


@dataclass(frozen=True)
class Mix:
    """Shares of what is asked: what is neither a refund nor a capture, or finds nothing for that, is a payment.

    ``manual`` is the share of payments that are captured by hand, until ``MOST_RESERVED`` wait for that: then others
    are made, or none where all are. ``scenarios`` are played by ``share_of_scenarios`` of the payments and captures.
    """

    refunds: float = 0.25
    captures: float = 0.1
    manual: float = 0.15
    repetitions: float = 0.1
    scenarios: Sequence[str] = ()
    share_of_scenarios: float = 0.0


PAYMENTS = Mix(refunds=0.0, captures=0.0, manual=0.0)
REFUNDS = Mix(refunds=1.0, captures=0.0, manual=0.0)
RESERVATIONS = Mix(refunds=0.0, captures=0.0, manual=1.0)
CAPTURES = Mix(refunds=0.0, captures=1.0, manual=1.0)
EVERYTHING = Mix()


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
        if request is None:
            return
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

    def _next(self) -> Request | None:
        if self.requests and self._chosen.random() < self._mix.repetitions:
            return self._chosen.choice(self.requests[-50:])
        request = self._movement() or self._payment()
        if request is not None:
            self.requests.append(request)
        return request

    def _movement(self) -> Request | None:
        drawn = self._chosen.random()
        if drawn < self._mix.refunds:
            refund = self._account.take(self._chosen)
            return None if refund is None else self._refund(*refund)
        if drawn < self._mix.refunds + self._mix.captures:
            reservation = self._account.take_reservation()
            return None if reservation is None else self._capture(reservation)
        return None

    def _payment(self) -> Request | None:
        is_manual = self._chosen.random() < self._mix.manual and self._account.begin_reservation()
        if self._mix.manual == 1 and not is_manual:
            return None
        scenario = self._scenario(self._mix.scenarios)
        metadata = {"row": self._row} | ({"scenario": scenario} if scenario else {})
        method = "manual" if is_manual else "automatic"
        body = payment_body(metadata) | {"capture_method": method}
        return Request(self._row, "/payments/initialize", body, self._new_key(), scenario)

    def _refund(self, payment_id: str, parts: int) -> Request:
        body: Json = {"amount": in_major_units(parts * PART_MINOR), "reason": "Customer request"}
        return Request(self._row, f"/payments/{payment_id}/refund", body, self._new_key())

    def _capture(self, reservation: Reservation) -> Request:
        """Mostly all of it at once; sometimes a part first, and the rest when that is known to be taken."""
        path = f"/payments/{reservation.payment_id}/capture"
        if reservation.is_untouched and self._chosen.random() < 0.2:
            part = in_major_units(PARTS_OF_A_PARTIAL_CAPTURE * PART_MINOR)
            return Request(self._row, path, {"amount": part, "final": False}, self._new_key())
        scenario = self._scenario([each for each in self._mix.scenarios if BY_WORD[each].digits >= FIRST_OF_CAPTURES])
        amount = amount_that_plays(scenario, reservation.left_minor) if scenario else reservation.left_minor
        return Request(self._row, path, {"amount": in_major_units(amount)}, self._new_key(), scenario)

    def _scenario(self, of: Sequence[str]) -> str:
        is_played = self._chosen.random() < self._mix.share_of_scenarios
        return self._chosen.choice(of) if of and is_played else ""

    def _new_key(self) -> str:
        # Of the seed and of this run: a key is for ever, also when a row is repeated in the same system.
        return str(UUID(int=self._chosen.getrandbits(64) | time.monotonic_ns() << 64 & (1 << 128) - 1, version=4))


def in_major_units(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02}"


def amount_that_plays(scenario: str, most_minor: int) -> int:
    """The largest capture of at most so much that has the provider play this: its last four digits say so."""
    digits = int(BY_WORD[scenario].digits)
    return (most_minor - digits) // 10_000 * 10_000 + digits


def payment_body(metadata: Mapping[str, str]) -> Json:
    return {
        "provider": "cpay",
        "amount": PRICE,
        "currency": "KES",
        "customer": {"phone": "+254700000000"},
        "metadata": dict(metadata),
    }
