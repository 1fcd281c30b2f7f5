"""Accepts a capture: its sum is promised in the database before anything is sent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from services.api.use_cases.orders import QUEUE_PATIENCE
from services.api.use_cases.refund_payment import money_of
from shared.application.actor import Actor
from shared.application.addressing import command_now
from shared.application.commands import next_movement_command
from shared.application.journal import record_movement_event
from shared.application.views import View, capture_view
from shared.domain.capture import Capture
from shared.domain.capture_status import INITIAL
from shared.domain.errors import (
    CaptureExceedsAuthorization,
    CaptureNotPossible,
    FieldError,
    NotFound,
    PaymentUnfinished,
)
from shared.domain.ids import CaptureId, MerchantId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.access_tokens import Principal
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureOrder:
    """A capture as it was asked for, after the checks of form; without an ``amount`` it is all that is left."""

    transaction_id: TransactionId
    merchant_id: MerchantId
    amount: Decimal | None
    is_final: bool


class CapturePayment:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def accept(
        self, order: CaptureOrder, key: str, principal: Principal, actor: Actor
    ) -> Callable[[UnitOfWork, UUID], View]:
        """The work of the claim's transaction. It raises

        NotFound: there is no such payment of this merchant.
        PaymentUnfinished: it is not known yet whether anything is reserved.
        CaptureNotPossible: nothing is reserved (any more), it is being cancelled, or its final capture is under way.
        CaptureExceedsAuthorization: more than is left of it.
        ValidationFailed: no amount of the payment's currency.
        """

        def make(work: UnitOfWork, resource_id: UUID) -> View:
            payment = work.transactions.lock(order.transaction_id, order.merchant_id)
            if payment is None:
                raise NotFound("There is no such payment.")
            _check_possible(work, payment)
            capture = self._new(order, payment, key, principal, CaptureId(resource_id))
            _reserve(work, payment, capture)
            work.captures.add(capture)
            payment = replace(
                payment,
                capture_pending=payment.capture_pending + capture.amount,
                version=payment.version + 1,
                updated_at=capture.created_at,
            )
            work.transactions.save(payment)
            record_movement_event(work, payment, capture, INITIAL.event_type, actor, {"final": capture.is_final})
            work.outbox.add(command_now(next_movement_command(capture, capture.created_at)))
            return capture_view(capture)

        return make

    def _new(
        self, order: CaptureOrder, payment: Transaction, key: str, principal: Principal, capture_id: CaptureId
    ) -> Capture:
        now = self._clock.now()
        return Capture(
            id=capture_id,
            transaction_id=payment.id,
            merchant_id=payment.merchant_id,
            user_id=UserId(principal.user_id),
            idempotency_key=key,
            provider=payment.provider,
            amount=_amount(order, payment),
            is_final=order.is_final,
            status=INITIAL.status,
            # It is tried for as long as what it takes is reserved.
            expires_at=payment.expires_at,
            next_check_at=now + QUEUE_PATIENCE,
            created_at=now,
            updated_at=now,
        )


def _amount(order: CaptureOrder, payment: Transaction) -> Money:
    if order.amount is not None:
        return money_of("/amount", order.amount, payment.amount.currency)
    if not payment.capturable.is_positive():
        raise _too_much(payment)
    return payment.capturable


def _check_possible(work: UnitOfWork, payment: Transaction) -> None:
    if payment.is_captured_by_hand and payment.is_unfinished and payment.status is not TransactionStatus.AUTHORIZED:
        detail = f"The payment is {payment.status}; its state is being refreshed. Repeat with the same Idempotency-Key."
        raise PaymentUnfinished(detail, payment.id, payment.status)
    if not payment.is_captured_by_hand or payment.status is not TransactionStatus.AUTHORIZED:
        raise CaptureNotPossible(f"A payment that is {payment.status} cannot be captured.")
    if payment.cancel_requested_at is not None:
        raise CaptureNotPossible("The payment is being cancelled.")
    if any(each.is_final and each.is_unfinished for each in work.captures.of_transaction(payment.id)):
        raise CaptureNotPossible("The final capture of this payment is under way.")


def _reserve(work: UnitOfWork, payment: Transaction, capture: Capture) -> None:
    if not work.captures.reserve(payment.id, capture.amount):
        raise _too_much(payment)


def _too_much(payment: Transaction) -> CaptureExceedsAuthorization:
    left = FieldError("/amount", f"must be at most {payment.capturable}: that is left of what is reserved")
    return CaptureExceedsAuthorization("The capture is more than what is left of the reservation.", left)
