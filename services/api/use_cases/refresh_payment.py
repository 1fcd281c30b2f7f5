"""What needs a payment in a certain state has its provider asked first, where that may not be known yet."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

from services.api.waiting import Wait
from shared.application.addressing import command_now
from shared.application.commands import next_payment_command
from shared.contracts.messages.commands import VerifyPayment
from shared.domain.errors import PaymentUnfinished
from shared.domain.ids import TransactionId
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock

# However often a merchant repeats: the provider is asked about one payment no more often than this.
ASK_AT_MOST_EVERY = timedelta(seconds=1)

_VERIFY = VerifyPayment.model_fields["type"].default

AnswerT = TypeVar("AnswerT")


class RefreshPayment:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def before(self, act: Callable[[], AnswerT], wait: Wait) -> AnswerT:
        """``act``; where it finds the payment unfinished, the provider is asked, and ``act`` tried again as soon as the
        payment has moved.

        Raises:
            PaymentUnfinished: it had not moved to where it must be before ``wait`` was over.
        """
        while True:
            try:
                return act()
            except PaymentUnfinished as unfinished:
                self._ask_now(unfinished.transaction_id)
                if not wait.until(partial(self._has_moved, unfinished)):
                    raise

    def _ask_now(self, transaction_id: TransactionId) -> None:
        now = self._clock.now()
        with self._unit_of_work() as work:
            payment = work.transactions.lock(transaction_id)
            if payment is None or not _can_be_asked_about(payment) or self._was_asked(work, transaction_id):
                return
            # A check more than planned, which must not put off those that are.
            work.transactions.save(replace(payment, checks_made=max(payment.checks_made - 1, 0)))
            work.outbox.add(command_now(next_payment_command(payment, now)))
            work.commit()

    def _was_asked(self, work: UnitOfWork, transaction_id: TransactionId) -> bool:
        last = work.outbox.last_sent(str(transaction_id), _VERIFY)
        return last is not None and self._clock.now() - last < ASK_AT_MOST_EVERY

    def _has_moved(self, unfinished: PaymentUnfinished) -> bool:
        with self._unit_of_work() as work:
            return work.transactions.status_of(unfinished.transaction_id) != unfinished.found


def _can_be_asked_about(payment: Transaction) -> bool:
    """A pending payment's provider knows nothing of it yet; its command is on its way."""
    return payment.is_unfinished and payment.status is not TransactionStatus.PENDING
