"""Refunds in memory, with the guard of their sums."""

from dataclasses import replace

from shared.domain.ids import TransactionId
from shared.domain.money import Money
from shared.domain.refund import Refund
from shared.persistence.refunds import RefundRepository
from tests.fakes.persistence.movements import InMemoryPaymentMovements
from tests.fakes.persistence.transactions import write_transaction


class InMemoryRefunds(InMemoryPaymentMovements[Refund], RefundRepository):
    _name = "refunds"

    def reserve(self, transaction_id: TransactionId, amount: Money) -> bool:
        rows = self._session.own_rows
        payment = rows.transactions.get(transaction_id)
        if payment is None or payment.refundable.amount_minor_units < amount.amount_minor_units:
            return False
        promised = Money(payment.refund_pending.amount_minor_units + amount.amount_minor_units, payment.amount.currency)
        write_transaction(rows, replace(payment, refund_pending=promised))
        self._session.locked.add(payment.id)
        return True
