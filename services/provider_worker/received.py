"""Takes in what customers paid at a till, unasked: each payment once, however often and by whatever way it is told."""

from dataclasses import dataclass

from shared.application.apply_outcome import apply_outcome
from shared.application.journal import record_audit
from shared.application.outcome_context import OutcomeContext
from shared.application.provider_accounts import is_same_account
from shared.application.subjects import ask_now
from shared.application.taken_payment import TakenPayment, take_in, taken_already
from shared.application.tills import merchant_of_till
from shared.domain.ids import MerchantId
from shared.domain.outcome import Succeeded
from shared.domain.transaction import PaymentSource, Transaction
from shared.persistence.unit_of_work import UnitOfWork
from shared.persistence.webhook_events import WebhookEvent
from shared.provider_kit.provider import MoneyReceived

# As much as a value of metadata may have.
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Received:
    """The payment, if there is one, and what became of the report."""

    payment: Transaction | None
    refused: str | None = None


def receive(work: UnitOfWork, event: WebhookEvent, report: MoneyReceived, context: OutcomeContext) -> Received | None:
    """``None``: nobody that we know owns the till (yet)."""
    if not report.amount.is_positive():
        return Received(None, "amount")
    # Two callbacks about it, or a callback and an adoption, at once: the second finds the first.
    work.reconciliations.lock_provider(event.provider)
    known = taken_already(work, event.provider, report.reference)
    if known is not None:
        refused = _refusal(work, event, report, known)
        _note(work, known, event, context, refused)
        # Money that has come for a payment which waits here: its provider says how it stands.
        ask_now(work, known, context.now)
        return Received(known, refused)
    waiting = _without_receipt(work, event, report)
    if waiting is not None:
        # Its customer was shown this account, whatever became of the answer: the money is for it.
        _note(work, waiting, event, context, None)
        told = Succeeded(reference=waiting.provider_transaction_id, receipt=report.reference, answer=report.answer)
        apply_outcome(work, waiting, waiting, told, context)
        return Received(waiting)
    merchant_id = merchant_of_till(work, event.provider, report.till, event.provider_config_id)
    if merchant_id is None:
        return None
    payment = take_in(work, _taken(event, merchant_id, report), context)
    _note(work, payment, event, context, None)
    return Received(payment)


def _without_receipt(work: UnitOfWork, event: WebhookEvent, report: MoneyReceived) -> Transaction | None:
    """The payment that this money was asked for with, if it says so and has not come before."""
    if not report.is_receipt:
        return None
    named = work.transactions.lock_without_receipt(event.provider, report.account, report.amount)
    return named if named is not None and _is_of_account(work, event, named) else None


def received_key(provider: str, reference: str) -> str:
    """The idempotency key of a payment that its customer started: unique for ever, so that none is taken in twice."""
    return f"received:{provider}:{reference}"


def _refusal(work: UnitOfWork, event: WebhookEvent, report: MoneyReceived, known: Transaction) -> str | None:
    if not _is_of_account(work, event, known):
        return "account"
    return None if known.amount == report.amount else "amount"


def _is_of_account(work: UnitOfWork, event: WebhookEvent, payment: Transaction) -> bool:
    return is_same_account(work, event.provider, event.provider_config_id, payment.provider_config_id)


def _taken(event: WebhookEvent, merchant_id: MerchantId, report: MoneyReceived) -> TakenPayment:
    return TakenPayment(
        provider=event.provider,
        provider_config_id=event.provider_config_id,
        reference=report.reference,
        amount=report.amount,
        merchant_id=merchant_id,
        idempotency_key=received_key(event.provider, report.reference),
        source=PaymentSource.CUSTOMER,
        metadata={"till": report.till[:MAX_TEXT], "account": report.account[:MAX_TEXT]},
        happened_at=report.received_at,
        customer=report.customer,
        answer=report.answer,
    )


def _note(
    work: UnitOfWork, payment: Transaction, event: WebhookEvent, context: OutcomeContext, refused: str | None
) -> None:
    details = {"provider_event_id": event.provider_event_id, "type": event.event_type, "refused": refused}
    record_audit(work, payment, "webhook.received", context.actor, details, at=context.now)
