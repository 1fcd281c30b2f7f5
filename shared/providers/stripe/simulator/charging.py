"""What happens when a payment method is charged: at once, later, or not at all; and the lines of the balance."""

from dataclasses import dataclass, replace

from pydantic import JsonValue

from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.cards import Behaviour, Decline, Settling
from shared.providers.stripe.simulator.exchange import Json, Refused, doc_url, new_id
from shared.providers.stripe.simulator.rows import (
    CaptureMethod,
    Charge,
    ChargeStatus,
    Intent,
    IntentStatus,
    Method,
    Resource,
    Transaction,
)
from shared.providers.stripe.simulator.scenarios import Telling
from shared.providers.stripe.simulator.settings import DAY_MS, StripeSimulatorSettings
from shared.providers.stripe.simulator.showing import Showing
from shared.providers.stripe.simulator.telling import News, Teller

AUTHORIZED_FOR_MS = 7 * DAY_MS

LATE_STATUSES = {
    Settling.LATER: IntentStatus.PROCESSING,
    Settling.LATER_FAILS: IntentStatus.PROCESSING,
    Settling.NEVER: IntentStatus.PROCESSING,
    Settling.UNKNOWN: IntentStatus.UNDER_REVIEW,
}
LATE_CHANGES = {Settling.LATER: "succeed", Settling.LATER_FAILS: "fail"}
FAILED_LATER = Decline(
    code="payment_intent_payment_attempt_failed",
    message="The payment failed.",
    kind="invalid_request_error",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The payment after an attempt to pay; ``refusal`` is the card's no, which changed the payment too."""

    intent: Intent
    refusal: Refused | None = None


class Charging:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: StripeSimulatorSettings, teller: Teller) -> None:
        self._settings = settings
        self._teller = teller

    def attempt(
        self, act: Act, intent: Intent, method: Method, behaviour: Behaviour, *, authenticated: bool
    ) -> Attempt:
        """Charge the method as it behaves."""
        charge = self._new_charge(act, intent, method, authenticated=authenticated)
        if behaviour.decline is not None:
            return self.decline(act, intent, charge, behaviour.decline)
        if behaviour.settling is Settling.AT_ONCE:
            settled = self.succeed(act, intent, charge)
        else:
            settled = self._wait(act, intent, charge, behaviour.settling)
        if behaviour.dispute is not None:
            due_at_ms = act.now_ms + 2 * self._settings.delay_ms
            books.schedule(act.connection, charge.id, f"dispute:{behaviour.dispute}", due_at_ms)
        return Attempt(intent=settled)

    def decline(self, act: Act, intent: Intent, charge: Charge | None, decline: Decline) -> Attempt:
        """The attempt has failed; the payment may be tried again with another method."""
        method_id = charge.payment_method if charge else intent.payment_method
        method = books.find(act.connection, Method, method_id) if method_id else None
        error = self._error(act, decline, charge, method)
        if charge is not None:
            failed = replace(charge, status=ChargeStatus.FAILED, failure=error)
            self.tell(act, intent, "charge.failed", books.save(act.connection, failed))
        intent = replace(
            without_action(intent),
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            payment_method=None,
            latest_charge=charge.id if charge else intent.latest_charge,
            last_error=error,
        )
        self.tell(act, intent, "payment_intent.payment_failed", books.save(act.connection, intent))
        more: dict[str, JsonValue] = {**error, "payment_intent": self.shown(act, intent)}
        message = str(more.pop("message"))
        refusal = Refused(402, message, kind=decline.kind, code=decline.code, more=more)
        return Attempt(intent=intent, refusal=refusal)

    def succeed(self, act: Act, intent: Intent, charge: Charge) -> Intent:
        """The money is there, or reserved for a capture."""
        if intent.capture_method is CaptureMethod.MANUAL:
            return self._authorize(act, intent, charge)
        taken = replace(charge, status=ChargeStatus.SUCCEEDED, captured=charge.amount, is_captured=True)
        if intent.capture_method is CaptureMethod.AUTOMATIC:
            taken = self.booked(act, taken, charge.amount)
        else:  # automatic_async: the balance's line comes after the answer
            books.schedule(act.connection, charge.id, "book", act.now_ms + self._settings.delay_ms)
        books.save(act.connection, taken)
        intent = replace(
            without_action(intent),
            status=IntentStatus.SUCCEEDED,
            latest_charge=charge.id,
            last_error=None,
            received=intent.amount,
        )
        books.save(act.connection, intent)
        self.tell(act, intent, "charge.succeeded", taken)
        self.tell(act, intent, "payment_intent.succeeded", intent)
        return intent

    def book_late(self, act: Act, charge: Charge) -> None:
        """The balance's line of a charge that was captured asynchronously."""
        booked = books.save(act.connection, self.booked(act, charge, charge.captured))
        intent = self.intent_of(act, charge.intent_id)
        previous: Json = {"balance_transaction": None}
        self.tell(act, intent, "charge.updated", booked, previous=previous)

    def booked(self, act: Act, charge: Charge, amount: int) -> Charge:
        """With a line in the balance for what was just captured."""
        kind = "charge" if charge.id.startswith("ch_") else "payment"
        line = self.transaction(act, kind, charge, charge.id, amount)
        return replace(charge, balance_transaction=line.id)

    def transaction(self, act: Act, kind: str, charge: Charge, source: str, amount: int) -> Transaction:
        """A line in the balance; only what is paid in costs a fee."""
        line = Transaction(
            id=new_id("txn"),
            created=act.now,
            type=kind,
            source=source,
            intent_id=charge.intent_id,
            amount=amount,
            fee=min(amount, amount * 29 // 1000 + 30) if kind in {"charge", "payment"} else 0,
            currency=charge.currency,
            description=charge.description,
        )
        return books.save(act.connection, line)

    def intent_of(self, act: Act, intent_id: str) -> Intent:
        intent = books.find(act.connection, Intent, intent_id)
        assert intent is not None
        return intent

    def tell(self, act: Act, intent: Intent, event_type: str, row: Resource, previous: Json | None = None) -> None:
        """Tell of the payment, or of what belongs to it, as the payment's telling wants."""
        self.tell_as(act, intent.telling, event_type, row, previous)

    def tell_as(self, act: Act, telling: Telling, event_type: str, row: Resource, previous: Json | None = None) -> None:
        self._teller.tell(act, News(type=event_type, row=row, telling=telling, previous=previous))

    def shown(self, act: Act, row: Resource) -> Json:
        return Showing(act.connection, livemode=self._settings.livemode).show(row)

    def _new_charge(self, act: Act, intent: Intent, method: Method, *, authenticated: bool) -> Charge:
        charge = Charge(
            id=new_id("ch" if method.type == "card" else "py"),
            created=act.now,
            intent_id=intent.id,
            amount=intent.amount,
            currency=intent.currency,
            status=ChargeStatus.PENDING,
            payment_method=method.id,
            metadata=intent.metadata,
            description=as_text(intent.details.get("description")),
            authenticated=authenticated,
        )
        return books.save(act.connection, charge)

    def _wait(self, act: Act, intent: Intent, charge: Charge, settling: Settling) -> Intent:
        intent = replace(
            without_action(intent), status=LATE_STATUSES[settling], latest_charge=charge.id, last_error=None
        )
        books.save(act.connection, intent)
        if intent.status is IntentStatus.PROCESSING:
            self.tell(act, intent, "charge.pending", charge)
            self.tell(act, intent, "payment_intent.processing", intent)
        if settling in LATE_CHANGES:
            books.schedule(act.connection, intent.id, LATE_CHANGES[settling], act.now_ms + self._settings.delay_ms)
        return intent

    def _authorize(self, act: Act, intent: Intent, charge: Charge) -> Intent:
        lasts_ms = self._settings.scaled_ms(AUTHORIZED_FOR_MS)
        until = (act.now_ms + lasts_ms) // 1000
        reserved = replace(charge, status=ChargeStatus.SUCCEEDED, capture_before=until)
        books.save(act.connection, reserved)
        intent = replace(
            without_action(intent),
            status=IntentStatus.REQUIRES_CAPTURE,
            latest_charge=charge.id,
            last_error=None,
            capturable=intent.amount,
        )
        books.save(act.connection, intent)
        books.schedule(act.connection, intent.id, "expire", act.now_ms + lasts_ms)
        self.tell(act, intent, "charge.succeeded", reserved)
        self.tell(act, intent, "payment_intent.amount_capturable_updated", intent)
        return intent

    def _error(self, act: Act, decline: Decline, charge: Charge | None, method: Method | None) -> Json:
        """As ``last_payment_error``, and inside the body of the 402."""
        error: Json = {
            "advice_code": decline.advice_code,
            "charge": charge.id if charge else None,
            "code": decline.code,
            "decline_code": decline.decline_code,
            "doc_url": doc_url(decline.code),
            "message": decline.message,
            "network_decline_code": decline.network_decline_code,
            "payment_method": self.shown(act, method) if method else None,
            "type": decline.kind,
        }
        return {name: value for name, value in error.items() if value is not None}


def without_action(intent: Intent) -> Intent:
    return replace(intent, action_token=None, action_url=None)


def as_text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None
