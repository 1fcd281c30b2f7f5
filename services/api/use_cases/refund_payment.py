"""Accepts a refund: its sum is promised in the database before anything is sent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from services.api.use_cases.orders import QUEUE_PATIENCE
from shared.application.actor import Actor
from shared.application.addressing import command_now
from shared.application.commands import next_refund_command
from shared.application.journal import record_movement_event
from shared.application.views import View, refund_view
from shared.domain.errors import (
    AmountAvailableMismatch,
    AmountRejected,
    FieldError,
    NotFound,
    PaymentUnfinished,
    RefundExceedsPayment,
    RefundNotPossible,
    ValidationFailed,
)
from shared.domain.ids import MerchantId, RefundId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.refund import Refund
from shared.domain.refund_status import INITIAL
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import REFUNDABLE
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.access_tokens import Principal
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """A refund as it was asked for, after the checks of form.

    ``amount_available`` is what the merchant believes is left of the payment, if they said so.
    """

    transaction_id: TransactionId
    merchant_id: MerchantId
    amount: Decimal
    reason: str
    amount_available: Decimal | None = None


class RefundPayment:
    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock, self._lifetime = clock, lifetime

    def accept(
        self, order: RefundOrder, key: str, principal: Principal, actor: Actor
    ) -> Callable[[UnitOfWork, UUID], View]:
        """The work of the claim's transaction. It raises

        NotFound: there is no such payment of this merchant.
        PaymentUnfinished: whether the payment is taken is not known yet.
        RefundNotPossible: the payment has not been taken, or has been given back already.
        AmountAvailableMismatch: the merchant believes that something else is left of it.
        RefundExceedsPayment: more than is left of it.
        ValidationFailed: no amount of the payment's currency.
        """

        def make(work: UnitOfWork, resource_id: UUID) -> View:
            payment = work.transactions.lock(order.transaction_id, order.merchant_id)
            if payment is None:
                raise NotFound("There is no such payment.")
            refund = self._new(order, payment, key, principal, RefundId(resource_id))
            _check_refundable(payment, order)
            _reserve(work, payment, refund)
            work.refunds.add(refund)
            payment = replace(
                payment,
                refund_pending=payment.refund_pending + refund.amount,
                version=payment.version + 1,
                updated_at=refund.created_at,
            )
            work.transactions.save(payment)
            record_movement_event(work, payment, refund, INITIAL.event_type, actor, {"reason": refund.reason})
            work.outbox.add(command_now(next_refund_command(refund, refund.created_at)))
            return refund_view(refund)

        return make

    def _new(
        self, order: RefundOrder, payment: Transaction, key: str, principal: Principal, refund_id: RefundId
    ) -> Refund:
        now = self._clock.now()
        return Refund(
            id=refund_id,
            transaction_id=payment.id,
            merchant_id=payment.merchant_id,
            user_id=UserId(principal.user_id),
            idempotency_key=key,
            provider=payment.provider,
            amount=money_of("/amount", order.amount, payment.amount.currency),
            reason=order.reason,
            status=INITIAL.status,
            expires_at=now + self._lifetime,
            next_check_at=now + QUEUE_PATIENCE,
            created_at=now,
            updated_at=now,
        )


def _check_refundable(payment: Transaction, order: RefundOrder) -> None:
    """The caller holds the row's lock, so that what is left stays what it is."""
    if payment.is_unfinished:
        detail = f"The payment is {payment.status}; its state is being refreshed. Repeat with the same Idempotency-Key."
        raise PaymentUnfinished(detail, payment.id, payment.status)
    if payment.status not in REFUNDABLE:
        raise RefundNotPossible(f"A payment that is {payment.status} cannot be refunded.")
    if order.amount_available is None:
        return
    if money_of("/amount_available", order.amount_available, payment.amount.currency) != payment.refundable:
        left = FieldError("/amount_available", f"is {payment.refundable}: look at the payment's refunds, then decide")
        raise AmountAvailableMismatch("What is left of the payment is not what you believe.", left)


def _reserve(work: UnitOfWork, payment: Transaction, refund: Refund) -> None:
    if not work.refunds.reserve(payment.id, refund.amount):
        left = FieldError("/amount", f"must be at most {payment.refundable}: that is left of this payment")
        raise RefundExceedsPayment("The refund is more than what is left of the payment.", left)


def money_of(pointer: str, amount: Decimal, currency: str) -> Money:
    """An amount of the payment's currency. Raises ``ValidationFailed``, naming ``pointer``."""
    try:
        return Money.from_decimal(amount, currency)
    except AmountRejected as error:
        raise ValidationFailed("Some fields are not acceptable.", FieldError(pointer, str(error))) from None
