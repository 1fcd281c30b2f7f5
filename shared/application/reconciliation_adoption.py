"""Takes a payment that only the provider knows into our books, on an operator's word."""

from dataclasses import dataclass, replace
from uuid import UUID

from shared.application.actor import Actor
from shared.application.check_schedule import CheckSchedule
from shared.application.journal import record_audit
from shared.application.outcome_context import OutcomeContext
from shared.application.taken_payment import TakenPayment, take_in, taken_already
from shared.domain.ids import MerchantId
from shared.domain.money import Money
from shared.domain.outcome import Succeeded
from shared.domain.reconciliation import DifferenceKind, Side
from shared.domain.transaction import PaymentSource, Transaction
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.audit_log import AuditEntry
from shared.persistence.reconciliations import ReconciliationItem
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id


class AdoptionRefused(Exception):
    """Says in one sentence why not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an operator has decided about an item, and why."""

    item_id: UUID
    reason: str
    actor: Actor


class ResolveItems:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def adopt(self, decision: Decision, merchant_id: MerchantId) -> Transaction:
        """Make a completed payment of ``merchant_id`` of it. Adopting it again returns the same payment.

        Raises:
            AdoptionRefused: it is no payment that only the provider knows, or some payment has its reference,
                or has it as its receipt, already.
        """
        with self._unit_of_work() as work:
            item = self._locked(work, decision.item_id)
            theirs, reference = _adoptable(item)
            work.reconciliations.lock_provider(item.provider)
            known = taken_already(work, item.provider, reference)
            if known is not None and known.idempotency_key != adopted_key(item.provider, reference):
                raise AdoptionRefused(f"payment {known.id} has the reference {reference} already")
            payment = known or self._take_in(work, item, theirs.amount, merchant_id, decision)
            if payment.merchant_id != merchant_id:
                raise AdoptionRefused(f"payment {payment.id} has been adopted for another merchant")
            self._resolve(work, item, payment.id, decision)
            work.commit()
        return payment

    def resolve(self, decision: Decision) -> ReconciliationItem:
        """Close an item that was dealt with elsewhere. Closing it again changes nothing.

        Raises:
            AdoptionRefused: there is no such item.
        """
        with self._unit_of_work() as work:
            item = self._locked(work, decision.item_id)
            self._resolve(work, item, item.found.our_id, decision)
            work.commit()
        return item

    def _locked(self, work: UnitOfWork, item_id: UUID) -> ReconciliationItem:
        item = work.reconciliations.lock_item(item_id)
        if item is None:
            raise AdoptionRefused(f"there is no item {item_id}")
        return item

    def _take_in(
        self, work: UnitOfWork, item: ReconciliationItem, amount: Money, merchant_id: MerchantId, decision: Decision
    ) -> Transaction:
        if not work.accounts.has_merchant(merchant_id):
            raise AdoptionRefused(f"there is no merchant {merchant_id}")
        reference = item.found.reference or ""
        taken = TakenPayment(
            provider=item.provider,
            reference=reference,
            amount=amount,
            merchant_id=merchant_id,
            idempotency_key=adopted_key(item.provider, reference),
            source=PaymentSource.MERCHANT,
            metadata={"adopted_from": f"{item.provider} statement", "reconciliation_item": str(item.id)},
            happened_at=item.found.occurred_at,
        )
        context = OutcomeContext(
            actor=decision.actor,
            now=self._clock.now(),
            ladder=RetryLadder(),
            checks=CheckSchedule(),
            told_by="statement",
        )
        payment = take_in(work, taken, context)
        details = {"item_id": str(item.id), "reference": reference, "reason": decision.reason}
        record_audit(work, payment, "reconciliation.adopted", decision.actor, details)
        return payment

    def _resolve(self, work: UnitOfWork, item: ReconciliationItem, our_id: UUID | None, decision: Decision) -> None:
        if not item.is_open:
            return
        now = self._clock.now()
        resolved = replace(
            item, resolution=decision.reason, resolved_by=decision.actor.user_id or "unknown", resolved_at=now
        )
        work.reconciliations.resolve_item(resolved, our_id)
        work.audit_log.append(
            AuditEntry(
                id=new_id(),
                event_type="reconciliation.item_resolved",
                timestamp=now,
                user_id=decision.actor.user_id,
                event_data={
                    "item_id": str(item.id),
                    "kind": item.found.kind.value,
                    "our_id": None if our_id is None else str(our_id),
                    "reference": item.found.reference,
                    "reason": decision.reason,
                },
            )
        )


def adopted_key(provider: str, reference: str) -> str:
    """The idempotency key of an adopted payment: unique for ever, so that nothing is adopted twice."""
    return f"adopted:{provider}:{reference}"


def _adoptable(item: ReconciliationItem) -> tuple[Side, str]:
    found = item.found
    if (found.kind, found.subject) != (DifferenceKind.MISSING_OURS, "payment"):
        raise AdoptionRefused(
            f"only a payment that we do not have can be adopted; this is {found.kind} {found.subject}"
        )
    if found.theirs is None or found.reference is None or found.theirs.status != Succeeded.__name__:
        raise AdoptionRefused("the provider does not say that it succeeded")
    return found.theirs, found.reference
