"""What happens to refunds, and to the payments that they give back."""

import sqlite3
from dataclasses import replace

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.books import Change, RefundRow, TransactionRow
from shared.providers.paystack.simulator.exchange import RefundAsked, invalid, not_found
from shared.providers.paystack.simulator.scenarios import (
    RefundStatus,
    TransactionStatus,
    scenario_of_refund,
)
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings
from shared.providers.paystack.simulator.telling import Teller
from shared.runtime.clock import Clock


class Refunds:
    """Every method works within the caller's transaction."""

    def __init__(self, settings: PaystackSimulatorSettings, clock: Clock, teller: Teller) -> None:
        self._settings = settings
        self._clock = clock
        self._teller = teller

    def begin(self, connection: sqlite3.Connection, asked: RefundAsked) -> tuple[RefundRow, TransactionRow]:
        """A new refund, and its payment. Paystack takes no key: the same request twice is two refunds.

        Raises:
            Refused: 404 no such payment, 400 not paid, another currency, or more than is left of it.
        """
        payment = refundable(connection, asked)
        row = books.insert_refund(
            connection,
            RefundRow(
                transaction_id=payment.id,
                amount=amount_within(left_of(connection, payment), asked.amount),
                currency=payment.currency,
                customer_note=asked.customer_note or f"Refund for transaction {payment.reference}",
                merchant_note=asked.merchant_note or f"Refund for transaction {payment.reference} by the dashboard",
                scenario=scenario_of_refund(asked.amount or payment.amount),
                created_at_ms=milliseconds(self._clock.now()),
            ),
        )
        if row.scenario.tells_pending:
            self._teller.tell_refund(connection, row, payment)
        for count, status in enumerate(row.scenario.refund_steps, start=1):
            change = Change(kind="refund", subject_id=row.id, status=status, words="")
            books.schedule(connection, change, row.created_at_ms + count * self._settings.delay_ms)
        return row, payment

    def apply(self, connection: sqlite3.Connection, change: Change) -> None:
        row = books.refund_with_id(connection, change.subject_id)
        if row is not None:
            self.move(connection, row, RefundStatus(change.status))

    def move(self, connection: sqlite3.Connection, row: RefundRow, status: RefundStatus) -> RefundRow:
        """Change a refund's state, and tell; a payment that is given back whole is reversed."""
        moved = replace(row, status=status)
        books.save_refund(connection, moved)
        payment = books.transaction_where(connection, "id", row.transaction_id)
        assert payment is not None
        self._teller.tell_refund(connection, moved, payment)
        given_back = sum(
            refund.amount
            for refund in books.refunds_of(connection, payment.id)
            if refund.status is RefundStatus.PROCESSED
        )
        is_whole = given_back == payment.amount
        standing = TransactionStatus.REVERSED if is_whole else TransactionStatus.SUCCESS
        books.save_transaction(connection, replace(payment, status=standing))
        return moved


def refundable(connection: sqlite3.Connection, asked: RefundAsked) -> TransactionRow:
    payment = books.transaction_where(connection, "reference", asked.transaction)
    if payment is None and asked.transaction.isdigit():
        payment = books.transaction_where(connection, "id", int(asked.transaction))
    if payment is None:
        raise not_found("Transaction", "transaction_not_found")
    if payment.status is TransactionStatus.REVERSED:
        raise invalid("Transaction has been fully reversed", "transaction_reversed")
    if payment.status is not TransactionStatus.SUCCESS:
        raise invalid("Transaction has not been paid", "transaction_not_paid")
    if asked.currency not in {None, payment.currency}:
        raise invalid("The currency is not that of the transaction", "invalid_currency")
    return payment


def left_of(connection: sqlite3.Connection, payment: TransactionRow) -> int:
    """What is neither given back nor about to be."""
    promised = [row for row in books.refunds_of(connection, payment.id) if row.status is not RefundStatus.FAILED]
    return payment.amount - sum(row.amount for row in promised)


def amount_within(left: int, wanted: int | None) -> int:
    amount = left if wanted is None else wanted
    if amount > left or left == 0:
        raise invalid("Refund amount cannot be more than what is left of the transaction", "invalid_amount")
    return amount
