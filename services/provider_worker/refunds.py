"""Gives money back at the provider, and asks about it."""

from services.provider_worker.movements import PaymentMovementHandlers
from shared.contracts.messages.commands import RefundPayment, VerifyRefund
from shared.domain.attempt import Operation
from shared.domain.outcome import Outcome
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.refunds import RefundRepository
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.provider import PaidPayment, PaymentProvider, RefundQuery, RefundRequest


class RefundHandlers(PaymentMovementHandlers[Refund]):
    _sending = Operation.INITIALIZE_REFUND
    _asking = Operation.VERIFY_REFUND

    def initialize(self, command: RefundPayment) -> None:
        self._initialize(command.transaction_id, command.refund_id)

    def verify(self, command: VerifyRefund) -> None:
        self._verify(command.transaction_id, command.refund_id)

    def _stored(self, work: UnitOfWork) -> RefundRepository:
        return work.refunds

    def _move(self, provider: PaymentProvider, owner: Transaction, movement: Refund, idempotency_key: str) -> Outcome:
        request = RefundRequest(
            refund_id=movement.id,
            idempotency_key=idempotency_key,
            payment=_paid(owner),
            amount=movement.amount,
            reason=movement.reason,
        )
        return provider.refund_payment(request)

    def _ask(self, provider: PaymentProvider, owner: Transaction, movement: Refund) -> Outcome:
        query = RefundQuery(
            refund_id=movement.id,
            payment=_paid(owner),
            amount=movement.amount,
            reference=movement.reference,
        )
        return provider.verify_refund(query)


def _paid(payment: Transaction) -> PaidPayment:
    return PaidPayment(
        reference=payment.provider_transaction_id or "",
        receipt=payment.provider_receipt,
        amount=payment.captured,
        customer=payment.customer,
    )
