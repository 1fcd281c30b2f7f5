"""Who is told what, when: events, their callbacks as the scenario wants them, and the signatures on them."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta

from standardwebhooks import Webhook

from shared.provider_kit.simulator import CallbackQueue, Delivery, new_ulid
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger
from shared.providers.cpay.simulator.exchange import Json
from shared.providers.cpay.simulator.ledger import PaymentRow, RefundRow
from shared.providers.cpay.simulator.resources import compact, event_json, payment_json, refund_json
from shared.providers.cpay.simulator.scenarios import PaymentStatus, Telling
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.runtime.clock import Clock

# 32 bytes that nobody is configured with.
FOREIGN_SECRET = "whsec_" + "Zm9yZ2VkIGZvcmdlZCBmb3JnZWQgZm9yZ2VkIGZvcmc="

# An early callback is sent while the request is answered; the queue sends it only if a crash came between.
EARLY_RESCUE_MS = 5_000

TIME_SHIFTS: Mapping[str, timedelta] = {
    Telling.STALE: timedelta(minutes=-10),
    Telling.FUTURE: timedelta(minutes=10),
}


class Signer:
    """Signs each attempt anew, with every configured secret, the newest first."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
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


class Teller:
    """Writes an event, and the callbacks that tell of it, into the transaction that made it true."""

    def __init__(self, settings: CPaySimulatorSettings, clock: Clock, queue: CallbackQueue) -> None:
        self._settings = settings
        self._clock = clock
        self._queue = queue

    def tell_payment(self, connection: sqlite3.Connection, payment: PaymentRow) -> tuple[int, ...]:
        """Tell what the payment's status is now; the callbacks' ids."""
        told = self._told(payment)
        final = payment.status is not PaymentStatus.PENDING
        sent = self._event(connection, payment, f"payment.{payment.status}", told)
        if final and payment.scenario.telling is Telling.TWO_IDS:
            sent += self._event(connection, payment, f"payment.{payment.status}", told)
        if final and payment.scenario.telling is Telling.UNKNOWN_TYPE:
            sent += self._event(connection, payment, "payment.teleported", told)
        return sent

    def tell_refund(self, connection: sqlite3.Connection, payment: PaymentRow, refund: RefundRow) -> tuple[int, ...]:
        """Tell what the refund's status is now; the callbacks' ids."""
        return self._event(connection, payment, f"refund.{refund.status}", refund_json(refund))

    def _told(self, payment: PaymentRow) -> Json:
        told = payment_json(payment)
        if payment.scenario.telling is Telling.OTHER_AMOUNT:
            told["amount"] = payment.amount + 1
        return told

    def _event(
        self, connection: sqlite3.Connection, payment: PaymentRow, event_type: str, data: Json
    ) -> tuple[int, ...]:
        now = self._clock.now()
        event_id = f"evt_{new_ulid(now)}"
        sequence = ledger.next_sequence(connection, payment.id)
        body = compact(event_json(event_type, milliseconds(now), data, sequence))
        ledger.insert_event(connection, event_id, body, milliseconds(now))
        return self._callbacks(connection, payment, event_type, event_id, body)

    def _callbacks(
        self, connection: sqlite3.Connection, payment: PaymentRow, event_type: str, event_id: str, body: bytes
    ) -> tuple[int, ...]:
        url = payment.callback_url or self._settings.callback_url
        telling = telling_of(payment, event_type)
        if url is None or telling is Telling.NEVER:
            return ()
        due_at_ms = milliseconds(self._clock.now()) + self._hold_back_ms(telling, event_type)
        copies = 2 if telling is Telling.TWICE and event_type != "payment.pending" else 1
        return tuple(
            self._queue.add(connection, event_id=event_id, url=url, body=body, due_at_ms=due_at_ms, variant=telling)
            for _ in range(copies)
        )

    def _hold_back_ms(self, telling: Telling, event_type: str) -> int:
        is_first = event_type == "payment.pending"
        if telling is Telling.OUT_OF_ORDER and is_first:
            return 2 * self._settings.delay_ms + 100  # until the second event has been told
        if telling is Telling.EARLY and not is_first:
            return EARLY_RESCUE_MS
        return 0


def telling_of(payment: PaymentRow, event_type: str) -> Telling:
    """A payment's scenario is about the payment's callbacks; those of its refunds are proper."""
    return payment.scenario.telling if event_type.startswith("payment.") else Telling.PROPERLY
