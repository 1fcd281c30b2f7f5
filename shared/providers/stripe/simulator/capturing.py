"""What becomes of an authorization: captured in one or several parts, cancelled, or expired."""

from dataclasses import replace

from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.asking import CaptureAsked
from shared.providers.stripe.simulator.charging import Charging, without_action
from shared.providers.stripe.simulator.exchange import invalid, new_id
from shared.providers.stripe.simulator.params import merged
from shared.providers.stripe.simulator.payments import Payments
from shared.providers.stripe.simulator.rows import Capture, Charge, Intent, IntentStatus

CANCELLABLE = frozenset(IntentStatus) - {IntentStatus.SUCCEEDED, IntentStatus.CANCELED, IntentStatus.UNDER_REVIEW}


class Capturing:
    """Every method works within the caller's transaction."""

    def __init__(self, payments: Payments, charging: Charging) -> None:
        self._payments = payments
        self._charging = charging

    def capture(self, act: Act, intent: Intent, asked: CaptureAsked) -> Intent:
        """Take some or, without an amount, all of what is authorized; a final capture releases the rest.

        Raises:
            Refused: 400, nothing is authorized, more than is authorized, or a part where parts were not agreed.
        """
        if intent.status is not IntentStatus.REQUIRES_CAPTURE:
            raise self._payments.unexpected(act, intent, "capture", {IntentStatus.REQUIRES_CAPTURE})
        amount = amount_to_capture(intent, asked)
        charge = books.find(act.connection, Charge, intent.latest_charge or "")
        assert charge is not None
        self._note(act, intent, charge, amount, asked)
        is_over = asked.is_final or amount == intent.capturable
        taken = self._taken(act, charge, amount, is_over=is_over)
        intent = replace(
            intent,
            received=intent.received + amount,
            capturable=0 if is_over else intent.capturable - amount,
            status=IntentStatus.SUCCEEDED if is_over else intent.status,
            metadata=merged(intent.metadata, asked.metadata),
        )
        books.save(act.connection, intent)
        self._charging.tell(act, intent, "charge.captured" if is_over else "charge.updated", taken)
        event = "payment_intent.succeeded" if is_over else "payment_intent.amount_capturable_updated"
        self._charging.tell(act, intent, event, intent)
        return intent

    def cancel(self, act: Act, intent: Intent, reason: str | None) -> Intent:
        """Nothing more will be taken; what was authorized is released.

        Raises:
            Refused: 400, it has succeeded or is cancelled already.
        """
        if intent.status not in CANCELLABLE:
            raise self._payments.unexpected(act, intent, "cancel", CANCELLABLE)
        charge = books.find(act.connection, Charge, intent.latest_charge or "")
        if intent.status is IntentStatus.REQUIRES_CAPTURE and charge is not None:
            released = replace(charge, released=charge.amount - charge.captured)
            books.save(act.connection, released)
            self._charging.tell(act, intent, "charge.expired" if reason == "automatic" else "charge.refunded", released)
        canceled = replace(
            without_action(intent),
            status=IntentStatus.CANCELED,
            capturable=0,
            canceled_at=act.now,
            cancellation_reason=reason,
        )
        self._charging.tell(act, canceled, "payment_intent.canceled", books.save(act.connection, canceled))
        return canceled

    def expire(self, act: Act, intent: Intent) -> None:
        """Seven days have passed; what was captured meanwhile stays captured."""
        if intent.status is IntentStatus.REQUIRES_CAPTURE:
            self.cancel(act, intent, "automatic")

    def _note(self, act: Act, intent: Intent, charge: Charge, amount: int, asked: CaptureAsked) -> None:
        capture = Capture(
            id=new_id("cap"),
            created=act.now,
            intent_id=intent.id,
            charge_id=charge.id,
            amount=amount,
            currency=intent.currency,
            reference=(asked.metadata or {}).get("gateway_capture_id"),
            idempotency_key=act.idempotency_key,
        )
        books.save(act.connection, capture)

    def _taken(self, act: Act, charge: Charge, amount: int, *, is_over: bool) -> Charge:
        captured = charge.captured + amount
        released = charge.amount - captured if is_over else 0
        booked = self._charging.booked(act, charge, amount) if amount else charge
        taken = replace(booked, captured=captured, released=released, is_captured=is_over)
        return books.save(act.connection, taken)


def amount_to_capture(intent: Intent, asked: CaptureAsked) -> int:
    if not asked.is_final and not intent.can_multicapture:
        raise invalid(
            "You cannot set final_capture to false: multicapture is not available for this PaymentIntent.",
            param="final_capture",
        )
    amount = intent.capturable if asked.amount is None else asked.amount
    if amount < (0 if intent.received and asked.is_final else 1):
        raise invalid(
            "This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount_to_capture"
        )
    if amount > intent.capturable:
        message = "The amount to capture cannot be greater than the amount you can capture for this PaymentIntent."
        raise invalid(message, "amount_too_large", "amount_to_capture")
    return amount
