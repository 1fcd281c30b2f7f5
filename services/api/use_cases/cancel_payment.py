"""Accepts a cancellation: at once where nothing was sent, else on its way to the provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from services.api.use_cases.orders import QUEUE_PATIENCE
from shared.application.actor import Actor
from shared.application.addressing import command_now
from shared.application.cancellation import cancel_unsent
from shared.application.commands import cancel_command
from shared.application.journal import record_audit
from shared.application.views import View, payment_view
from shared.domain.errors import CancelNotPossible, NotFound, PaymentUnfinished
from shared.domain.ids import MerchantId, TransactionId
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.plugin import ProviderPlugin
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """A cancellation as it was asked for, after the checks of form."""

    transaction_id: TransactionId
    merchant_id: MerchantId
    reason: str | None


class CancelPayment:
    """``installed``: a provider that was switched off since still has what it was sent, and is asked."""

    def __init__(self, installed: Mapping[str, ProviderPlugin], clock: Clock) -> None:
        self._installed, self._clock = installed, clock

    def accept(self, order: CancelOrder, actor: Actor) -> Callable[[UnitOfWork, UUID], View]:
        """The work of the claim's transaction. It raises

        NotFound: there is no such payment of this merchant.
        PaymentUnfinished: whether the provider has the payment at all is not known yet.
        CancelNotPossible: it is over, a capture of it is under way, or its provider cannot cancel.
        """

        def make(work: UnitOfWork, _resource_id: UUID) -> View:
            payment = work.transactions.lock(order.transaction_id, order.merchant_id)
            if payment is None:
                raise NotFound("There is no such payment.")
            self._check_possible(work, payment)
            return payment_view(self._called_off(work, payment, order, actor))

        return make

    def _check_possible(self, work: UnitOfWork, payment: Transaction) -> None:
        """The caller holds the row's lock, so that no capture is accepted meanwhile."""
        if payment.status is TransactionStatus.IN_DOUBT:
            detail = "Whether the provider has the payment is being found out. Repeat with the same Idempotency-Key."
            raise PaymentUnfinished(detail, payment.id, payment.status)
        if not payment.is_unfinished:
            raise CancelNotPossible(f"A payment that is {payment.status} cannot be cancelled.")
        if any(capture.is_unfinished for capture in work.captures.of_transaction(payment.id)):
            raise CancelNotPossible("A capture of this payment is under way.")
        if payment.status is not TransactionStatus.PENDING and not self._can_cancel(payment.provider):
            raise CancelNotPossible(f"{payment.provider} has the payment, and cannot cancel.")

    def _can_cancel(self, provider: str) -> bool:
        plugin = self._installed.get(provider)
        return plugin is not None and "cancel" in plugin.capabilities.operations

    def _called_off(self, work: UnitOfWork, payment: Transaction, order: CancelOrder, actor: Actor) -> Transaction:
        if payment.cancel_requested_at is not None:
            # It is on its way already: one wish is enough.
            return payment
        now = self._clock.now()
        wanted = replace(payment, cancel_requested_at=now, updated_at=now)
        details = {"status": payment.status.value, "reason": order.reason}
        record_audit(work, wanted, "cancellation.requested", actor, details)
        if payment.status is TransactionStatus.PENDING:
            return cancel_unsent(work, wanted, actor, now)
        due_at = now + QUEUE_PATIENCE
        wanted = replace(wanted, next_check_at=min(wanted.next_check_at or due_at, due_at))
        work.transactions.save(wanted)
        work.outbox.add(command_now(cancel_command(wanted, now)))
        return wanted
