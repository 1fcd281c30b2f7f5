"""The books of a test: a database in memory, and what a test asks of it."""

from collections.abc import Callable, Sequence

from shared.application.apply_outcome import apply_outcome
from shared.application.outcome_context import OutcomeContext
from shared.application.subjects import Owner, PaymentMovement, Subject
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import Command
from shared.contracts.messages.envelope import OutgoingMessage
from shared.contracts.messages.events import PaymentChanged, PayoutChanged
from shared.domain.attempt import Attempt
from shared.domain.capture import Capture
from shared.domain.ids import TransactionId
from shared.domain.outcome import Outcome
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.event_log import LoggedEvent
from shared.persistence.unit_of_work import UnitOfWork
from tests.fakes.persistence.session import Database
from tests.fakes.persistence.unit_of_work import in_memory


class Books:
    def __init__(self) -> None:
        self.database = Database()
        self.handed_over: list[OutgoingMessage] = []
        self.unit_of_work = in_memory(self.database, self.handed_over.extend)

    def put(self, payment: Transaction, *movements: PaymentMovement) -> None:
        with self.unit_of_work() as work:
            work.transactions.add(payment)
            for movement in movements:
                if isinstance(movement, Capture):
                    work.captures.add(movement)
                else:
                    work.refunds.add(movement)
            work.commit()

    def put_payout(self, payout: Payout) -> None:
        with self.unit_of_work() as work:
            work.payouts.add(payout)
            work.commit()

    def do(self, step: Callable[[UnitOfWork], None]) -> None:
        """One step in a transaction of its own, committed."""
        with self.unit_of_work() as work:
            step(work)
            work.commit()

    def payment(self, payment: Transaction) -> Transaction:
        """As it stands now."""
        return self.database.committed.transactions[payment.id]

    def refund(self, refund: Refund) -> Refund:
        return self.database.committed.refunds[refund.id]

    def capture(self, capture: Capture) -> Capture:
        return self.database.committed.captures[capture.id]

    def payout(self, payout: Payout) -> Payout:
        return self.database.committed.payouts[payout.id]

    def events(self, owner: Owner) -> Sequence[LoggedEvent]:
        with self.unit_of_work() as work:
            if isinstance(owner, Payout):
                return work.event_log.of_payout(owner.id)
            return work.event_log.of_transaction(owner.id)

    def event_types(self, owner: Owner) -> list[str]:
        return [event.event_type for event in self.events(owner)]

    def audit(self, owner: Owner) -> Sequence[AuditEntry]:
        with self.unit_of_work() as work:
            if isinstance(owner, Payout):
                return work.audit_log.of_payout(owner.id)
            return work.audit_log.of_transaction(owner.id)

    def audit_types(self, owner: Owner) -> list[str]:
        return [entry.event_type for entry in self.audit(owner)]

    def attempts(self, transaction_id: TransactionId) -> Sequence[Attempt]:
        with self.unit_of_work() as work:
            return work.attempts.of_transaction(transaction_id)

    def attempts_of_payout(self, payout: Payout) -> Sequence[Attempt]:
        with self.unit_of_work() as work:
            return work.attempts.of_payout(payout.id)

    @property
    def outgoing(self) -> list[OutgoingMessage]:
        """Everything in the outbox but the events."""
        rows = [row.message for row in self.database.committed.outbox.values()]
        return [message for message in rows if ".changed." not in message.type]

    @property
    def commands(self) -> list[Command]:
        decoded = [decode(message.body) for message in self.outgoing]
        return [message for message in decoded if isinstance(message, Command)]

    @property
    def announced(self) -> list[PaymentChanged]:
        """The events in the outbox."""
        decoded = [decode(row.message.body) for row in self.database.committed.outbox.values()]
        return [message for message in decoded if isinstance(message, PaymentChanged)]

    @property
    def announced_payouts(self) -> list[PayoutChanged]:
        decoded = [decode(row.message.body) for row in self.database.committed.outbox.values()]
        return [message for message in decoded if isinstance(message, PayoutChanged)]

    def apply(self, subject: Subject, *outcomes: Outcome, context: OutcomeContext) -> None:
        """Apply outcomes to a payment or a movement of it as it stands, each in a transaction of its own."""
        for outcome in outcomes:
            with self.unit_of_work() as work:
                owner = _locked(work, subject)
                assert owner is not None
                apply_outcome(work, owner, _as_it_stands(work, owner, subject), outcome, context)
                work.commit()


def _locked(work: UnitOfWork, subject: Subject) -> Owner | None:
    if isinstance(subject, Payout):
        return work.payouts.lock(subject.id)
    return work.transactions.lock(subject.id if isinstance(subject, Transaction) else subject.transaction_id)


def _as_it_stands(work: UnitOfWork, owner: Owner, subject: Subject) -> Subject:
    if isinstance(subject, Transaction | Payout):
        return owner
    stored = work.captures if isinstance(subject, Capture) else work.refunds
    found = stored.find(subject.id)
    assert found is not None
    return found
