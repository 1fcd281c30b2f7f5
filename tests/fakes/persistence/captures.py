"""Captures in memory, with the guard of their sums."""

from dataclasses import replace

from shared.domain.capture import Capture
from shared.domain.ids import TransactionId
from shared.domain.money import Money
from shared.persistence.captures import CaptureRepository
from tests.fakes.persistence.movements import InMemoryPaymentMovements
from tests.fakes.persistence.transactions import write_transaction


class InMemoryCaptures(InMemoryPaymentMovements[Capture], CaptureRepository):
    _name = "captures"

    def reserve(self, transaction_id: TransactionId, amount: Money) -> bool:
        rows = self._session.own_rows
        payment = rows.transactions.get(transaction_id)
        if payment is None or payment.capturable.amount_minor_units < amount.amount_minor_units:
            return False
        promised = payment.capture_pending.amount_minor_units + amount.amount_minor_units
        write_transaction(rows, replace(payment, capture_pending=Money(promised, payment.amount.currency)))
        self._session.locked.add(payment.id)
        return True
