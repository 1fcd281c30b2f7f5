"""What happens to payments: making them, deciding them, cancelling them. Captures and refunds are in ``moving``."""

import sqlite3
from dataclasses import replace

from shared.provider_kit.simulator import new_ulid
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger, modes, movements
from shared.providers.cpay.simulator.exchange import (
    PaymentAsked,
    Refused,
    Reply,
    TillPaymentAsked,
    conflict,
    not_found,
)
from shared.providers.cpay.simulator.ledger import PaymentRow
from shared.providers.cpay.simulator.resources import payment_json
from shared.providers.cpay.simulator.scenarios import (
    DEFAULT,
    PAYMENT_EDGES,
    Answering,
    CaptureMethod,
    MovementKind,
    MovementStatus,
    PaymentStatus,
    Scenario,
    Telling,
)
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.providers.cpay.simulator.telling import Teller
from shared.runtime.clock import Clock


class Payments:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: CPaySimulatorSettings, clock: Clock, teller: Teller) -> None:
        self._settings = settings
        self._clock = clock
        self._teller = teller

    def make(self, connection: sqlite3.Connection, asked: PaymentAsked, scenario: Scenario) -> Reply:
        """Accept a payment, or decline it at once.

        Raises:
            Refused: 409, the reference is taken.
        """
        is_taken = bool(ledger.payments_with_reference(connection, asked.merchant_reference))
        if is_taken and modes.mode(connection).unique_references:
            raise conflict("duplicate_reference", "there is a payment with this merchant_reference")
        payment = self._new(asked, scenario)
        ledger.insert_payment(connection, payment)
        if scenario.answering is Answering.DECLINE_AT_ONCE:
            return self._decline_at_once(connection, payment)
        self._teller.tell_payment(connection, payment)
        early = self._decide(connection, payment)
        return Reply(status=201, body=payment_json(payment), early=early)

    def receive(self, connection: sqlite3.Connection, asked: TillPaymentAsked) -> PaymentRow:
        """Take what a customer pays at a till, and tell."""
        now = self._clock.now()
        payment = PaymentRow(
            id=f"cpay_{new_ulid(now)}",
            merchant_reference=None,
            amount=asked.amount,
            captured=asked.amount,
            currency=asked.currency,
            status=PaymentStatus.SUCCEEDED,
            customer={"phone": asked.phone},
            metadata={},
            scenario=DEFAULT,
            telling=Telling.PROPERLY,
            till=asked.till,
            account=asked.account,
            created_at_ms=milliseconds(now),
        )
        ledger.insert_payment(connection, payment)
        self._teller.tell_payment(connection, payment)
        return payment

    def cancel(self, connection: sqlite3.Connection, payment_id: str) -> Reply:
        """Cancel what is pending, and release what is authorized: what was captured of it stays taken.

        Raises:
            Refused: 404 no such payment, 409 it is neither, or a capture of it is at work.
        """
        payment = existing_payment(connection, payment_id)
        if payment.status not in {PaymentStatus.PENDING, PaymentStatus.AUTHORIZED}:
            raise conflict("invalid_state", f"a payment that is {payment.status} cannot be cancelled")
        captures = movements.of_payment(connection, MovementKind.CAPTURE, payment_id)
        if any(capture.status is MovementStatus.PENDING for capture in captures):
            raise conflict("invalid_state", "a capture of this payment is at work")
        ending = PaymentStatus.SUCCEEDED if payment.captured else PaymentStatus.CANCELLED
        return Reply(status=200, body=payment_json(self.move(connection, payment, ending, None)))

    def move(
        self, connection: sqlite3.Connection, payment: PaymentRow, status: PaymentStatus, failure_code: str | None
    ) -> PaymentRow:
        """Change a payment's state, and tell.

        Raises:
            Refused: 409, no such edge.
        """
        if status not in PAYMENT_EDGES.get(payment.status, frozenset()):
            raise conflict("invalid_state", f"{payment.status} does not become {status}")
        moved = after(payment, status, failure_code)
        ledger.save_payment(connection, moved)
        self._teller.tell_payment(connection, moved)
        return moved

    def _decide(self, connection: sqlite3.Connection, payment: PaymentRow) -> tuple[int, ...]:
        """Settle now what becomes of a payment; the callbacks that must reach the receiver before our answer does."""
        ending, code = ends_as(payment), payment.scenario.failure_code
        if ending is None:
            return ()
        if payment.telling is not Telling.EARLY:
            ledger.schedule(connection, payment.id, ending, code, payment.created_at_ms + self._settings.delay_ms)
            return ()
        decided = after(payment, ending, code)
        ledger.save_payment(connection, decided)
        return self._teller.tell_payment(connection, decided, is_ahead=True)

    def _decline_at_once(self, connection: sqlite3.Connection, payment: PaymentRow) -> Reply:
        code = payment.scenario.failure_code or "declined"
        self.move(connection, payment, PaymentStatus.FAILED, code)
        return Refused(402, "invalid_request", code, "The payment was declined.").to_reply()

    def _new(self, asked: PaymentAsked, scenario: Scenario) -> PaymentRow:
        now = self._clock.now()
        return PaymentRow(
            id=f"cpay_{new_ulid(now)}",
            merchant_reference=asked.merchant_reference,
            amount=asked.amount,
            capture_method=asked.capture_method,
            currency=asked.currency,
            status=PaymentStatus.PENDING,
            customer=asked.customer.model_dump(exclude_none=True),
            metadata=asked.metadata,
            callback_url=asked.callback_url,
            scenario=scenario,
            telling=scenario.telling,
            created_at_ms=milliseconds(now),
        )


def after(payment: PaymentRow, status: PaymentStatus, failure_code: str | None) -> PaymentRow:
    """The payment in its new state: success takes all of it, unless captures have said how much."""
    takes_all = status is PaymentStatus.SUCCEEDED and payment.capture_method is CaptureMethod.AUTOMATIC
    captured = payment.amount if takes_all else payment.captured
    return replace(payment, status=status, failure_code=failure_code, captured=captured)


def ends_as(payment: PaymentRow) -> PaymentStatus | None:
    """What becomes of it when its customer has acted; ``None``: nothing ever."""
    ending = payment.scenario.ends_as
    is_success = ending is PaymentStatus.SUCCEEDED
    return PaymentStatus.AUTHORIZED if is_success and payment.capture_method is CaptureMethod.MANUAL else ending


def existing_payment(connection: sqlite3.Connection, payment_id: str) -> PaymentRow:
    payment = ledger.payment_with_id(connection, payment_id)
    if payment is None:
        raise not_found("payment")
    return payment
