"""Applies callbacks that webhook_ingest has verified and stored; each acts once, however often it came."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar, assert_never
from uuid import UUID

import structlog

from services.provider_worker.attempts import SERVICE, Attempts
from services.provider_worker.received import MAX_TEXT, receive
from shared.application.actor import Actor, process_actor
from shared.application.addressing import is_rung, provider_event_later
from shared.application.apply_outcome import apply_outcome
from shared.application.disputes import record_dispute
from shared.application.journal import record_audit
from shared.application.provider_accounts import Accounts, is_same_account
from shared.application.rematching import rematch_delays_ms
from shared.application.subjects import Owner, Subject, ask_now
from shared.application.taken_refund import take_in_refund
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.capture import Capture
from shared.domain.ids import WebhookEventId
from shared.domain.money import Money
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import REFUNDABLE
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.movements import PaymentMovementRepository
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.persistence.webhook_events import WebhookEvent
from shared.provider_kit.disputes import DisputeReported
from shared.provider_kit.provider import (
    CaptureReported,
    MoneyReceived,
    NothingReported,
    PaymentReported,
    PayoutReported,
    RefundReported,
)
from shared.runtime.clock import Clock
from shared.runtime.correlation import current_request_id
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import REFUSED_REPORTS, UNMATCHED_CALLBACKS
from shared.runtime.redaction import hide_secrets

log = structlog.get_logger()

Report = PaymentReported | CaptureReported | RefundReported | PayoutReported
Found = tuple[Owner, Subject]
MovementT = TypeVar("MovementT", Capture, Refund)


class ProviderEventHandler:
    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        accounts: Accounts,
        attempts: Attempts,
        ladder: RetryLadder,
        clock: Clock,
    ) -> None:
        self._unit_of_work, self._accounts, self._attempts = unit_of_work, accounts, attempts
        self._ladder, self._clock = ladder, clock

    def handle(self, message: ProviderEventReceived) -> None:
        with self._unit_of_work() as work:
            event = work.webhook_events.lock(WebhookEventId(message.webhook_event_id))
            if event is None or event.processed:
                return
            self._process(work, event, message)
            work.commit()

    def _process(self, work: UnitOfWork, event: WebhookEvent, message: ProviderEventReceived) -> None:
        report = self._accounts.adapter_within(work, event.provider_config_id).handle_webhook(event.payload)
        match report:
            case NothingReported():
                self._finish(work, event, f"nothing to do: {report.reason}", None)
            case MoneyReceived():
                self._receive(work, event, message, report)
            case DisputeReported():
                self._dispute(work, event, message, report)
            case PaymentReported() | CaptureReported() | RefundReported() | PayoutReported():
                subject = _find_subject(work, event.provider, report) or self._made_there(work, event, report)
                if subject is None:
                    self._look_again_later(work, event, message, "unmatched")
                else:
                    self._apply(work, event, subject, report)
            case unreachable:
                assert_never(unreachable)

    def _receive(
        self, work: UnitOfWork, event: WebhookEvent, message: ProviderEventReceived, report: MoneyReceived
    ) -> None:
        context = replace(self._attempts.context(None), actor=_brought_by(event))
        received = receive(work, event, report, context)
        if received is None:
            self._look_again_later(work, event, message, f"unmatched till {report.till}"[:MAX_TEXT])
            return
        if received.refused is not None:
            REFUSED_REPORTS.labels(provider=event.provider, reason=received.refused).inc()
            log.error("webhook.refused", reference=report.reference, reason=received.refused)
        self._finish(work, event, _result(received.refused), received.payment)

    def _made_there(self, work: UnitOfWork, event: WebhookEvent, report: Report) -> Found | None:
        """A refund that somebody made in the provider's dashboard: into our books with it, if its payment is there."""
        if not isinstance(report, RefundReported) or not report.made_there or report.payment_reference is None:
            return None
        payment = work.transactions.lock_by_reference(event.provider, report.payment_reference)
        if payment is None or payment.status not in REFUNDABLE or _foreign(work, event, payment):
            return None
        return take_in_refund(work, payment, report, replace(self._attempts.context(None), actor=_brought_by(event)))

    def _dispute(
        self, work: UnitOfWork, event: WebhookEvent, message: ProviderEventReceived, report: DisputeReported
    ) -> None:
        payment = work.transactions.lock_by_reference(event.provider, report.payment_reference or "")
        if payment is None:
            self._look_again_later(work, event, message, "unmatched")
            return
        context = replace(self._attempts.context(None), actor=_brought_by(event))
        refused = _foreign(work, event, payment)
        if refused is None and record_dispute(work, payment, report, context) is None:
            refused = "payment"
        details = {"provider_event_id": event.provider_event_id, "type": event.event_type, "refused": refused}
        record_audit(work, payment, "webhook.received", context.actor, details, at=context.now)
        if refused is not None:
            REFUSED_REPORTS.labels(provider=event.provider, reason=refused).inc()
            log.error("webhook.refused", **_named(payment), reason=refused)
        self._finish(work, event, _result(refused), payment)

    def _apply(self, work: UnitOfWork, event: WebhookEvent, subject: Found, report: Report) -> None:
        owner, reported_on = subject
        mismatch = _foreign(work, event, owner) or _mismatch(reported_on, event.provider, report)
        details = {"provider_event_id": event.provider_event_id, "type": event.event_type, "refused": mismatch}
        record_audit(work, owner, "webhook.received", _brought_by(event), details, at=self._clock.now())
        if mismatch is None:
            apply_outcome(work, owner, reported_on, report.outcome, self._attempts.context(None))
        else:
            self._refuse(work, owner, mismatch)
        self._finish(work, event, _result(mismatch), owner)

    def _refuse(self, work: UnitOfWork, owner: Owner, mismatch: str) -> None:
        """A genuine signature over facts that are not ours: believed by nobody, and the provider is asked."""
        REFUSED_REPORTS.labels(provider=owner.provider, reason=mismatch).inc()
        log.error("webhook.refused", **_named(owner), reason=mismatch)
        ask_now(work, owner, self._clock.now())

    def _look_again_later(
        self, work: UnitOfWork, event: WebhookEvent, message: ProviderEventReceived, result: str
    ) -> None:
        """It may have come before our own commit; after the last level it stays stored, unmatched and visible."""
        if is_rung(message):
            return  # a look between two levels: however often its provider repeats it, there is one way up the ladder
        delays_ms, looks = rematch_delays_ms(self._ladder), event.retry_count + 1
        work.webhook_events.mark_unmatched(event.id, retry_count=looks, result=result)
        delay_ms = delays_ms[looks - 1] if looks <= len(delays_ms) else None
        log.warning("webhook.unmatched", provider_event_id=event.provider_event_id, retry_in_ms=delay_ms)
        if delay_ms is None:
            UNMATCHED_CALLBACKS.labels(provider=event.provider).inc()
        else:
            again = message.model_copy(
                update={
                    "message_id": new_id(),
                    "causation_id": message.message_id,
                    "occurred_at": self._clock.now(),
                }
            )
            work.outbox.add(provider_event_later(again, delay_ms))

    def _finish(self, work: UnitOfWork, event: WebhookEvent, result: str, owner: Owner | None) -> None:
        transaction_id = owner.id if isinstance(owner, Transaction) else None
        work.webhook_events.mark_processed(
            event.id, now=self._clock.now(), result=result, transaction_id=transaction_id
        )
        _let_go_of_secrets(work, event)


def _let_go_of_secrets(work: UnitOfWork, event: WebhookEvent) -> None:
    """Such as a browser's ``client_secret``: once the callback is applied, nobody reads it here any more."""
    kept = hide_secrets(event.payload)
    if isinstance(kept, Mapping) and kept != event.payload:
        work.webhook_events.replace_payload(event.id, kept)


def _brought_by(event: WebhookEvent) -> Actor:
    actor = process_actor(SERVICE, current_request_id())
    return replace(actor, ip_address=event.ip_address, user_agent=event.user_agent)


def _named(owner: Owner) -> dict[str, str]:
    return {"payout_id" if isinstance(owner, Payout) else "transaction_id": str(owner.id)}


def _result(refused: str | None) -> str:
    return "applied" if refused is None else f"refused: {refused}"


def _find_subject(work: UnitOfWork, provider: str, report: Report) -> Found | None:
    """What the report is on, and what that belongs to, locked."""
    match report:
        case PaymentReported():
            payment = None if report.transaction_id is None else work.transactions.lock(report.transaction_id)
            payment = payment or work.transactions.lock_by_reference(provider, report.reference)
            return None if payment is None else (payment, payment)
        case CaptureReported():
            return _find_movement(work, work.captures, provider, report.capture_id, report.reference)
        case RefundReported():
            return _find_movement(work, work.refunds, provider, report.refund_id, report.reference)
        case PayoutReported():
            payout = None if report.payout_id is None else work.payouts.lock(report.payout_id)
            payout = payout or work.payouts.lock_by_reference(provider, report.reference)
            return None if payout is None else (payout, payout)
        case unreachable:
            assert_never(unreachable)


def _find_movement(
    work: UnitOfWork,
    stored: PaymentMovementRepository[MovementT],
    provider: str,
    movement_id: UUID | None,
    reference: str,
) -> Found | None:
    movement = None if movement_id is None else stored.find(movement_id)
    movement = movement or stored.find_by_reference(provider, reference)
    if movement is None:
        return None
    payment = work.transactions.lock(movement.transaction_id)
    # Read again under the lock: the first look came before it.
    fresh = stored.find(movement.id)
    return None if payment is None or fresh is None else (payment, fresh)


def _foreign(work: UnitOfWork, event: WebhookEvent, owner: Owner) -> str | None:
    """A merchant who signs with an account of their own has no say in what others' accounts did."""
    is_own = is_same_account(work, event.provider, event.provider_config_id, owner.provider_config_id)
    return None if is_own else "account"


def _mismatch(subject: Subject, provider: str, report: Report) -> str | None:
    """What in the report is not as we know it."""
    known = subject.provider_transaction_id if isinstance(subject, Transaction) else subject.reference
    if subject.provider != provider:
        return "provider"
    if known is not None and known != report.reference:
        return "reference"
    return None if _same(subject.amount, report.amount) else "amount"


def _same(ours: Money, theirs: Money) -> bool:
    return ours == theirs
