"""Gives a broker that has lost its messages all its work back: RabbitMQ carries work, PostgreSQL knows it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar
from uuid import UUID

from shared.application.actor import Actor
from shared.application.addressing import command_now, provider_event_again
from shared.application.commands import next_movement_command, next_payment_command
from shared.application.subjects import AnyMovement
from shared.domain.capture import Capture
from shared.domain.payout import Payout
from shared.domain.refund import Refund
from shared.domain.transaction import Transaction
from shared.persistence.audit_log import AuditEntry
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id

BATCH = 500
FIRST = UUID(int=0)

RowT = TypeVar("RowT", Transaction, Capture, Refund, Payout, WebhookEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """How many got a new message, and how many messages the relay had yet to publish."""

    payments: int
    captures: int
    refunds: int
    payouts: int
    callbacks: int
    unpublished: int


class RebuildQueues:
    """Safe to repeat, and while everything runs: who gets a command too many finds nothing to do.

    What may have been sent to a provider is asked about, never sent again; what is in the outbox the relay publishes.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self, actor: Actor) -> Rebuilt:
        """A batch a transaction; the counts are audited at the end."""
        payments = self._for_each(lambda work, after: work.transactions.unfinished(after, BATCH), self._send_payment)
        captures = self._for_each(lambda work, after: work.captures.unfinished(after, BATCH), self._send_movement)
        refunds = self._for_each(lambda work, after: work.refunds.unfinished(after, BATCH), self._send_movement)
        payouts = self._for_each(lambda work, after: work.payouts.unfinished(after, BATCH), self._send_movement)
        callbacks = self._for_each(lambda work, after: work.webhook_events.unprocessed(after, BATCH), self._send_event)
        sent = Rebuilt(
            payments=payments,
            captures=captures,
            refunds=refunds,
            payouts=payouts,
            callbacks=callbacks,
            unpublished=0,
        )
        return self._noted(actor, sent)

    def _for_each(
        self, read: Callable[[UnitOfWork, UUID], Sequence[RowT]], send: Callable[[UnitOfWork, RowT], None]
    ) -> int:
        done, after = 0, FIRST
        while True:
            with self._unit_of_work() as work:
                found = read(work, after)
                for each in found:
                    send(work, each)
                work.commit()
            done += len(found)
            if len(found) < BATCH:
                return done
            after = found[-1].id

    def _send_payment(self, work: UnitOfWork, payment: Transaction) -> None:
        work.outbox.add(command_now(next_payment_command(payment, self._clock.now())))

    def _send_movement(self, work: UnitOfWork, movement: AnyMovement) -> None:
        work.outbox.add(command_now(next_movement_command(movement, self._clock.now())))

    def _send_event(self, work: UnitOfWork, event: WebhookEvent) -> None:
        work.outbox.add(provider_event_again(event, self._clock.now()))

    def _noted(self, actor: Actor, sent: Rebuilt) -> Rebuilt:
        with self._unit_of_work() as work:
            ours = sent.payments + sent.captures + sent.refunds + sent.payouts + sent.callbacks
            rebuilt = replace(sent, unpublished=max(0, work.outbox.count_unpublished() - ours))
            work.audit_log.append(
                AuditEntry(
                    id=new_id(),
                    event_type="queues.rebuilt",
                    timestamp=self._clock.now(),
                    event_data=asdict(rebuilt),
                    user_id=actor.user_id,
                )
            )
            work.commit()
        return rebuilt
