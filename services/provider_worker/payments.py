"""Starts payments at the provider, asks about them, and calls them off."""

from dataclasses import replace
from datetime import timedelta

from services.provider_worker.attempts import Attempts
from shared.application.apply_outcome import apply_outcome, park
from shared.application.cancellation import is_to_be_cancelled
from shared.application.journal import record_payment_event
from shared.application.provider_accounts import Accounts
from shared.application.resending import KEY_FORGOTTEN
from shared.contracts.messages.commands import CancelPayment, InitializePayment, VerifyPayment
from shared.domain.attempt import Attempt, Operation, provider_key
from shared.domain.failure import FailureCode
from shared.domain.ids import TransactionId
from shared.domain.outcome import Declined, NotSent, Outcome
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus, TransactionTrigger
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.provider import (
    CancelRequest,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    TakesCancellations,
)
from shared.runtime.clock import Clock

# The sweep looks at a claimed payment only when its attempt's lease is surely over.
LEASE_GRACE = timedelta(seconds=5)


class PaymentHandlers:
    def __init__(self, unit_of_work: UnitOfWorkFactory, accounts: Accounts, attempts: Attempts, clock: Clock) -> None:
        self._unit_of_work, self._accounts, self._attempts, self._clock = unit_of_work, accounts, attempts, clock

    def initialize(self, command: InitializePayment) -> None:
        claim = self._claim(TransactionId(command.transaction_id))
        if claim is None:
            return
        payment, attempt = claim
        request = PaymentRequest(
            transaction_id=payment.id,
            idempotency_key=attempt.provider_key,
            amount=payment.amount,
            customer=payment.customer,
            metadata=payment.metadata,
            capture_method=payment.capture_method,
            payment_method_token=payment.payment_method_token,
            return_url=payment.return_url,
        )
        self._attempts.call(attempt, lambda: self._provider(payment).initialize_payment(request))

    def verify(self, command: VerifyPayment) -> None:
        with self._unit_of_work() as work:
            payment = work.transactions.lock(TransactionId(command.transaction_id))
            if payment is None or not _is_to_be_asked(payment):
                return
            attempt = self._attempts.begin(work, payment, Operation.VERIFY_PAYMENT)
            work.commit()
        query = PaymentQuery(
            transaction_id=payment.id,
            amount=payment.amount,
            reference=payment.provider_transaction_id,
            created_at=payment.created_at,
        )
        self._attempts.call(attempt, lambda: self._provider(payment).verify_payment(query))

    def cancel(self, command: CancelPayment) -> None:
        """Repeating it does no harm: the provider cancels once."""
        with self._unit_of_work() as work:
            payment = work.transactions.lock(TransactionId(command.transaction_id))
            if payment is None or not is_to_be_cancelled(work, payment, self._attempts.context(None)):
                return
            idempotency_key = _cancellation_key(work, payment)
            attempt = self._attempts.begin(work, payment, Operation.CANCEL_PAYMENT)
            work.transactions.save(replace(payment, next_check_at=attempt.lease_until + LEASE_GRACE))
            work.commit()
        request = CancelRequest(
            transaction_id=payment.id,
            idempotency_key=idempotency_key,
            payment_reference=payment.provider_transaction_id or "",
            amount=payment.amount,
        )
        self._attempts.call(attempt, lambda: _cancel(self._provider(payment), request))

    def _provider(self, payment: Transaction) -> PaymentProvider:
        return self._accounts.adapter(payment.provider_config_id)

    def _claim(self, transaction_id: TransactionId) -> tuple[Transaction, Attempt] | None:
        """Commit that we are about to call; ``None`` where there is nothing to do, or somebody else does it."""
        with self._unit_of_work() as work:
            payment = work.transactions.lock(transaction_id)
            if payment is None or payment.status is not TransactionStatus.PENDING:
                return None
            if self._clock.now() >= payment.expires_at:
                self._expire(work, payment)
                work.commit()
                return None
            if self._attempts.may_be_taken_for_new(work, Operation.INITIALIZE_PAYMENT, payment.id):
                park(work, payment, payment, KEY_FORGOTTEN, self._attempts.context(None))
                work.commit()
                return None
            account = payment.provider_config_id or self._accounts.choose(work, payment.merchant_id)
            if account is None:
                look_again_at = self._attempts.wait_for_account(payment.provider)
                work.transactions.save(replace(payment, next_check_at=look_again_at))
                work.commit()
                return None
            claimed = self._submitted(work, replace(payment, provider_config_id=account))
            attempt = self._attempts.begin(work, claimed, Operation.INITIALIZE_PAYMENT)
            work.transactions.save(replace(claimed, next_check_at=attempt.lease_until + LEASE_GRACE))
            work.commit()
        return claimed, attempt

    def _submitted(self, work: UnitOfWork, payment: Transaction) -> Transaction:
        claimed, transition = payment.on(TransactionTrigger.SUBMIT, self._clock.now())
        details = {"before": payment.status.value}
        record_payment_event(work, claimed, transition.event_type, self._attempts.context(None).actor, details)
        return claimed

    def _expire(self, work: UnitOfWork, payment: Transaction) -> None:
        apply_outcome(work, payment, payment, Declined(code=FailureCode.EXPIRED), self._attempts.context(None))


def _cancel(provider: PaymentProvider, request: CancelRequest) -> Outcome:
    if not isinstance(provider, TakesCancellations):
        return NotSent(reason="provider takes no cancellations")
    return provider.cancel_payment(request)


def _cancellation_key(work: UnitOfWork, payment: Transaction) -> str:
    """The same until the provider refuses: under that key it would repeat its refusal, whatever is true by then."""
    made = [each for each in work.attempts.of_transaction(payment.id) if each.operation is Operation.CANCEL_PAYMENT]
    refusals = sum(each.outcome == Declined.__name__ for each in made)
    key = provider_key(Operation.CANCEL_PAYMENT, payment.id)
    return f"{key}:{refusals}" if refusals else key


def _is_to_be_asked(payment: Transaction) -> bool:
    """Whether it has been sent and is unfinished; or finished, and the provider's books say something else."""
    if payment.is_unfinished:
        return payment.status is not TransactionStatus.PENDING
    return payment.next_check_at is not None
