"""Takes a payment that the provider has completed, and nobody asked for here, into our books."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from shared.application.apply_outcome import apply_outcome
from shared.application.journal import record_payment_event
from shared.application.outcome_context import OutcomeContext
from shared.domain.customer import Customer
from shared.domain.ids import MerchantId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Answer, Succeeded
from shared.domain.transaction import PaymentSource, Transaction
from shared.domain.transaction_status import INITIAL
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.identifiers import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPayment:
    """What is known of it. ``idempotency_key`` is made of the provider and its ``reference``: unique for ever.

    ``provider_config_id`` as in ``Transaction``.
    """

    provider: str
    reference: str
    amount: Money
    merchant_id: MerchantId
    idempotency_key: str
    source: PaymentSource
    metadata: Mapping[str, str]
    happened_at: datetime
    customer: Customer = field(default_factory=Customer)
    answer: Answer = field(default_factory=dict)
    provider_config_id: UUID | None = None


def take_in(work: UnitOfWork, taken: TakenPayment, context: OutcomeContext) -> Transaction:
    """The road of every payment: initiated, then completed by what the provider says. As it was initiated."""
    payment = replace(_payment(taken), updated_at=context.now)
    work.transactions.add(payment)
    record_payment_event(work, payment, INITIAL.event_type, context.actor, {"amount": str(taken.amount)})
    apply_outcome(work, payment, payment, Succeeded(reference=taken.reference, answer=taken.answer), context)
    return payment


def taken_already(work: UnitOfWork, provider: str, reference: str) -> Transaction | None:
    """The payment that this money has made already, locked: ``reference`` is its reference, or its receipt."""
    known = work.transactions.lock_by_reference(provider, reference)
    if known is not None:
        return known
    by_receipt = work.transactions.find_by_receipt(provider, reference)
    return None if by_receipt is None else work.transactions.lock(by_receipt.id)


def _payment(taken: TakenPayment) -> Transaction:
    """As if it had been accepted when the provider took it; nobody waits for it any more."""
    nothing = Money(0, taken.amount.currency)
    return Transaction(
        id=TransactionId(new_id()),
        merchant_id=taken.merchant_id,
        user_id=None,
        idempotency_key=taken.idempotency_key,
        provider=taken.provider,
        provider_config_id=taken.provider_config_id,
        amount=taken.amount,
        status=INITIAL.status,
        source=taken.source,
        customer=taken.customer,
        customer_id=None,
        payment_method=None,
        metadata=taken.metadata,
        authorized=nothing,
        capture_pending=nothing,
        captured=nothing,
        refunded=nothing,
        refund_pending=nothing,
        version=1,
        expires_at=taken.happened_at,
        created_at=taken.happened_at,
        updated_at=taken.happened_at,
    )
