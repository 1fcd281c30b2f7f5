"""Who is told what, when: events, their callbacks as the scenario wants them, and the signatures on them."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from standardwebhooks import Webhook

from shared.provider_kit.simulator import CallbackQueue, Delivery, new_ulid, nobodys
from shared.provider_kit.simulator.callbacks import EARLY_RESCUE_MS, milliseconds
from shared.providers.cpay.simulator import ledger, movements
from shared.providers.cpay.simulator.exchange import Json
from shared.providers.cpay.simulator.ledger import PaymentRow
from shared.providers.cpay.simulator.movements import MovementRow
from shared.providers.cpay.simulator.resources import compact, event_json, movement_json, payment_json
from shared.providers.cpay.simulator.scenarios import Telling
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.runtime.clock import Clock

# 32 bytes that nobody is configured with.
FOREIGN_SECRET = "whsec_" + "Zm9yZ2VkIGZvcmdlZCBmb3JnZWQgZm9yZ2VkIGZvcmc="

REPEATED_COPIES = 5

# By these a receiver finds what a callback is about.
NAMES = frozenset({"id", "payment_id", "merchant_reference"})

TIME_SHIFTS: Mapping[str, timedelta] = {
    Telling.STALE: timedelta(minutes=-10),
    Telling.FUTURE: timedelta(minutes=10),
}


class Signer:
    """Signs each attempt anew, with every configured secret, the newest first."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._secrets = secrets

    def use(self, secrets: tuple[str, ...]) -> None:
        """Sign with these from the next attempt on, until the simulator is started again."""
        self._secrets = secrets

    def __call__(self, delivery: Delivery, now: datetime) -> Mapping[str, str]:
        secrets = (FOREIGN_SECRET,) if delivery.variant == Telling.WRONG_SECRET else self._secrets
        at = now + TIME_SHIFTS.get(delivery.variant, timedelta(0))
        body = delivery.body.decode()
        return {
            "content-type": "application/json",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(Webhook(secret).sign(delivery.event_id, at, body) for secret in secrets),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to tell. ``is_ahead``: its callbacks are to reach the receiver before our answer does."""

    event_type: str
    snapshot: Json
    telling: Telling
    url: str | None
    next_sequence: Callable[[], int]
    is_ahead: bool = False

    @property
    def is_first(self) -> bool:
        return self.event_type.endswith(".pending")


class Teller:
    """Writes an event, and the callbacks that tell of it, into the transaction that made it true."""

    def __init__(self, settings: CPaySimulatorSettings, clock: Clock, queue: CallbackQueue) -> None:
        self._settings = settings
        self._clock = clock
        self._queue = queue

    def tell_payment(
        self, connection: sqlite3.Connection, payment: PaymentRow, *, is_ahead: bool = False
    ) -> tuple[int, ...]:
        """Tell what the payment's status is now; the callbacks' ids."""
        news = News(
            event_type="payment.received" if payment.till else f"payment.{payment.status}",
            snapshot=payment_json(payment),
            telling=payment.telling,
            url=payment.callback_url,
            next_sequence=partial(ledger.next_sequence, connection, payment.id),
            is_ahead=is_ahead,
        )
        return self._tell(connection, news)

    def tell_movement(
        self, connection: sqlite3.Connection, movement: MovementRow, *, is_ahead: bool = False
    ) -> tuple[int, ...]:
        """Tell what the status of a capture, refund or payout is now; the callbacks' ids."""
        payment = ledger.payment_with_id(connection, movement.payment_id) if movement.payment_id else None
        own_sequence = partial(movements.next_sequence, connection, movement.id)
        news = News(
            event_type=f"{movement.kind}.{movement.status}",
            snapshot=movement_json(movement),
            telling=movement.telling,
            url=payment.callback_url if payment else None,
            next_sequence=partial(ledger.next_sequence, connection, payment.id) if payment else own_sequence,
            is_ahead=is_ahead,
        )
        return self._tell(connection, news)

    def _tell(self, connection: sqlite3.Connection, news: News) -> tuple[int, ...]:
        sent = self._event(connection, news, news.event_type)
        if news.telling is Telling.TWO_IDS and not news.is_first:
            sent += self._event(connection, news, news.event_type)
        if news.telling is Telling.UNKNOWN_TYPE and not news.is_first:
            sent += self._event(connection, news, f"{news.event_type.partition('.')[0]}.teleported")
        return sent

    def _event(self, connection: sqlite3.Connection, news: News, event_type: str) -> tuple[int, ...]:
        now = self._clock.now()
        event_id = f"evt_{new_ulid(now)}"
        told = event_json(event_type, milliseconds(now), snapshot_as_told(news), news.next_sequence())
        body = compact(told)
        ledger.insert_event(connection, event_id, body, milliseconds(now))
        return self._callbacks(connection, news, event_id, body)

    def _callbacks(self, connection: sqlite3.Connection, news: News, event_id: str, body: bytes) -> tuple[int, ...]:
        url = news.url or self._settings.callback_url
        if url is None or news.telling is Telling.NEVER:
            return ()
        due_at_ms = milliseconds(self._clock.now()) + self._hold_back_ms(news)
        return tuple(
            self._queue.add(
                connection, event_id=event_id, url=url, body=body, due_at_ms=due_at_ms, variant=news.telling
            )
            for _ in range(copies_of(news))
        )

    def _hold_back_ms(self, news: News) -> int:
        if news.telling is Telling.OUT_OF_ORDER and news.is_first:
            return 2 * self._settings.delay_ms + 100  # until the second event has been told
        return EARLY_RESCUE_MS if news.is_ahead else 0


def copies_of(news: News) -> int:
    if news.telling is Telling.TWICE and not news.is_first:
        return 2
    return REPEATED_COPIES if news.telling is Telling.REPEATED else 1


def snapshot_as_told(news: News) -> Json:
    """The truth, unless the callbacks are to mislead."""
    if news.telling is Telling.OTHER_AMOUNT:
        amount = news.snapshot["amount"]
        assert isinstance(amount, int)
        return {**news.snapshot, "amount": amount + 1}
    if news.telling is Telling.UNKNOWN_REFERENCE:
        return {**news.snapshot, **{name: nobodys(news.snapshot[name]) for name in NAMES & news.snapshot.keys()}}
    return news.snapshot
