"""What happens to payments and refunds: making, cancelling, and changing state when it is due."""

import sqlite3
from dataclasses import replace

from shared.provider_kit.simulator import new_ulid
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.cpay.simulator import ledger
from shared.providers.cpay.simulator.exchange import (
    PaymentAsked,
    RefundAsked,
    Refused,
    Reply,
    against_the_rules,
    conflict,
    not_found,
)
from shared.providers.cpay.simulator.ledger import PaymentRow, RefundRow
from shared.providers.cpay.simulator.resources import payment_json, refund_json
from shared.providers.cpay.simulator.scenarios import (
    PAYMENT_EDGES,
    REFUND_EDGES,
    Answering,
    PaymentStatus,
    RefundStatus,
    Scenario,
    Telling,
)
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.providers.cpay.simulator.telling import Teller
from shared.runtime.clock import Clock

REFUND_FAILURE_CODE = "provider_error"


class Lifecycle:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: CPaySimulatorSettings, clock: Clock, teller: Teller) -> None:
        self._settings = settings
        self._clock = clock
        self._teller = teller

    def make_payment(self, connection: sqlite3.Connection, asked: PaymentAsked, scenario: Scenario) -> Reply:
        """Accept a payment, or decline it at once.

        Raises:
            Refused: 409, the reference is taken.
        """
        if ledger.payment_with_reference(connection, asked.merchant_reference):
            raise conflict("duplicate_reference", "there is a payment with this merchant_reference")
        payment = self._new_payment(asked, scenario)
        ledger.insert_payment(connection, payment)
        if scenario.answering is Answering.DECLINE_AT_ONCE:
            return self._decline_at_once(connection, payment)
        self._teller.tell_payment(connection, payment)
        early = self._decide(connection, payment)
        return Reply(status=201, body=payment_json(payment), early=early)

    def make_refund(
        self, connection: sqlite3.Connection, payment_id: str, asked: RefundAsked, scenario: Scenario
    ) -> Reply:
        """Accept a refund of some or, without an amount, of all that is left.

        Raises:
            Refused: 404 no such payment, 409 nothing was taken or the reference is taken, 422 more than is left.
        """
        payment = existing_payment(connection, payment_id)
        if payment.status is not PaymentStatus.SUCCEEDED:
            raise conflict("invalid_state", f"a payment that is {payment.status} cannot be refunded")
        if asked.merchant_reference and ledger.refund_with_reference(connection, asked.merchant_reference):
            raise conflict("duplicate_reference", "there is a refund with this merchant_reference")
        refund = self._new_refund(payment, asked, amount_to_refund(connection, payment, asked.amount))
        ledger.insert_refund(connection, refund)
        self._teller.tell_refund(connection, payment, refund)
        self._schedule_refund(connection, refund, scenario)
        return Reply(status=201, body=refund_json(refund))

    def cancel_payment(self, connection: sqlite3.Connection, payment_id: str) -> Reply:
        """Cancel a payment that is still pending.

        Raises:
            Refused: 404 no such payment, 409 it is not pending.
        """
        payment = existing_payment(connection, payment_id)
        if payment.status is not PaymentStatus.PENDING:
            raise conflict("invalid_state", f"a payment that is {payment.status} cannot be cancelled")
        cancelled = self.move_payment(connection, payment, PaymentStatus.CANCELLED, None)
        return Reply(status=200, body=payment_json(cancelled))

    def move_payment(
        self, connection: sqlite3.Connection, payment: PaymentRow, status: PaymentStatus, failure_code: str | None
    ) -> PaymentRow:
        """Change a payment's state, and tell.

        Raises:
            Refused: 409, no such edge.
        """
        if status not in PAYMENT_EDGES.get(payment.status, frozenset()):
            raise conflict("invalid_state", f"{payment.status} does not become {status}")
        ledger.set_payment_status(connection, payment.id, status, failure_code)
        moved = replace(payment, status=status, failure_code=failure_code)
        self._teller.tell_payment(connection, moved)
        return moved

    def move_refund(
        self, connection: sqlite3.Connection, refund: RefundRow, status: RefundStatus, failure_code: str | None
    ) -> RefundRow:
        """Change a refund's state, and tell.

        Raises:
            Refused: 409, no such edge.
        """
        if status not in REFUND_EDGES.get(refund.status, frozenset()):
            raise conflict("invalid_state", f"{refund.status} does not become {status}")
        ledger.set_refund_status(connection, refund.id, status, failure_code)
        moved = replace(refund, status=status, failure_code=failure_code)
        self._teller.tell_refund(connection, existing_payment(connection, refund.payment_id), moved)
        return moved

    def apply_due_changes(self, connection: sqlite3.Connection) -> None:
        """Everything whose time has come; what has moved on meanwhile, such as by a cancellation, stays as it is."""
        for change in ledger.take_due_changes(connection, milliseconds(self._clock.now())):
            try:
                self._apply(connection, change)
            except Refused:
                continue

    def _apply(self, connection: sqlite3.Connection, change: ledger.Change) -> None:
        refund = ledger.refund_with_id(connection, change.resource_id)
        if refund is not None:
            self.move_refund(connection, refund, RefundStatus(change.status), change.failure_code)
            return
        payment = existing_payment(connection, change.resource_id)
        self.move_payment(connection, payment, PaymentStatus(change.status), change.failure_code)

    def _decide(self, connection: sqlite3.Connection, payment: PaymentRow) -> tuple[int, ...]:
        """Settle now what becomes of a payment; the callbacks that must reach the receiver before our answer does."""
        scenario = payment.scenario
        if scenario.ends_as is None:
            return ()
        if scenario.telling is not Telling.EARLY:
            due_at_ms = payment.created_at_ms + self._settings.delay_ms
            ledger.schedule(connection, payment.id, scenario.ends_as, scenario.failure_code, due_at_ms)
            return ()
        ledger.set_payment_status(connection, payment.id, scenario.ends_as, scenario.failure_code)
        return self._teller.tell_payment(connection, replace(payment, status=scenario.ends_as))

    def _decline_at_once(self, connection: sqlite3.Connection, payment: PaymentRow) -> Reply:
        code = payment.scenario.failure_code or "declined"
        self.move_payment(connection, payment, PaymentStatus.FAILED, code)
        return Refused(402, "invalid_request", code, "The payment was declined.").to_reply()

    def _schedule_refund(self, connection: sqlite3.Connection, refund: RefundRow, scenario: Scenario) -> None:
        for step, status in enumerate(scenario.refund_ends_as, start=1):
            code = REFUND_FAILURE_CODE if status is RefundStatus.FAILED else None
            due_at_ms = refund.created_at_ms + step * self._settings.delay_ms
            ledger.schedule(connection, refund.id, status, code, due_at_ms)

    def _new_payment(self, asked: PaymentAsked, scenario: Scenario) -> PaymentRow:
        now = self._clock.now()
        return PaymentRow(
            id=f"cpay_{new_ulid(now)}",
            merchant_reference=asked.merchant_reference,
            amount=asked.amount,
            currency=asked.currency,
            status=PaymentStatus.PENDING,
            failure_code=None,
            customer=asked.customer.model_dump(exclude_none=True),
            metadata=asked.metadata,
            callback_url=asked.callback_url,
            scenario=scenario,
            sequence=0,
            created_at_ms=milliseconds(now),
        )

    def _new_refund(self, payment: PaymentRow, asked: RefundAsked, amount: int) -> RefundRow:
        now = self._clock.now()
        return RefundRow(
            id=f"cprf_{new_ulid(now)}",
            payment_id=payment.id,
            merchant_reference=asked.merchant_reference,
            amount=amount,
            currency=payment.currency,
            reason=asked.reason,
            status=RefundStatus.PENDING,
            failure_code=None,
            created_at_ms=milliseconds(now),
        )


def existing_payment(connection: sqlite3.Connection, payment_id: str) -> PaymentRow:
    payment = ledger.payment_with_id(connection, payment_id)
    if payment is None:
        raise not_found("payment")
    return payment


def existing_refund(connection: sqlite3.Connection, refund_id: str) -> RefundRow:
    refund = ledger.refund_with_id(connection, refund_id)
    if refund is None:
        raise not_found("refund")
    return refund


def amount_to_refund(connection: sqlite3.Connection, payment: PaymentRow, asked: int | None) -> int:
    left = payment.amount - ledger.refunded_minor(ledger.refunds_of_payment(connection, payment.id))
    amount = left if asked is None else asked
    if not 0 < amount <= left:
        raise against_the_rules("refund_exceeds_amount", f"only {left} is left to refund", "amount")
    return amount
