"""One database transaction with everything that must become true together; it commits once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import psycopg2.errors
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from shared.contracts.messages.envelope import OutgoingMessage
from shared.persistence.accounts import AccountRepository
from shared.persistence.attempts import AttemptRepository
from shared.persistence.audit_log import AuditLog
from shared.persistence.audit_seals import AuditSeals
from shared.persistence.book_entries import BookEntries
from shared.persistence.captures import CaptureRepository
from shared.persistence.dead_letters import DeadLetterRepository
from shared.persistence.disputes import DisputeRepository
from shared.persistence.due_times import DueTimes
from shared.persistence.errors import StorageBusy, StorageUnavailable
from shared.persistence.event_log import EventLog
from shared.persistence.feed_positions import FeedPositions
from shared.persistence.idempotency import IdempotencyKeys
from shared.persistence.outbox import Outbox
from shared.persistence.payouts import PayoutRepository
from shared.persistence.pending_writes import PendingWrites
from shared.persistence.provider_configs import ProviderConfigRepository
from shared.persistence.reconciliations import ReconciliationRepository
from shared.persistence.refunds import RefundRepository
from shared.persistence.retention import RetentionRepository
from shared.persistence.transactions import TransactionRepository
from shared.persistence.waiting_turns import WaitingTurns
from shared.persistence.webhook_deliveries import WebhookDeliveryRepository
from shared.persistence.webhook_endpoint_tests import EndpointTestRepository
from shared.persistence.webhook_endpoints import WebhookEndpointRepository
from shared.persistence.webhook_events import WebhookEventRepository
from shared.runtime.audit_keys import AuditKeys

AfterCommit = Callable[[Sequence[OutgoingMessage]], None]
UnitOfWorkFactory = Callable[[], AbstractContextManager["UnitOfWork"]]


class UnitOfWork:
    """The repositories over one connection. What is not committed by the end of the block is undone."""

    def __init__(self, connection: Connection, after_commit: AfterCommit, audit_keys: AuditKeys | None) -> None:
        self._connection = connection
        self._after_commit = after_commit
        self.accounts = AccountRepository(connection)
        self._writes = PendingWrites(connection)
        self.attempts = AttemptRepository(connection, self._writes)
        self.audit_log = AuditLog(connection, self._writes, audit_keys)
        self.audit_seals = AuditSeals(connection)
        self.book_entries = BookEntries(connection)
        self.captures = CaptureRepository(connection)
        self.disputes = DisputeRepository(connection)
        self.dead_letters = DeadLetterRepository(connection)
        self.due_times = DueTimes(connection)
        self.event_log = EventLog(connection, self._writes)
        self.idempotency_keys = IdempotencyKeys(connection, self._writes)
        self.outbox = Outbox(connection, self._writes)
        self.payouts = PayoutRepository(connection)
        self.provider_configs = ProviderConfigRepository(connection)
        self.reconciliations = ReconciliationRepository(connection)
        self.refunds = RefundRepository(connection)
        self.retention = RetentionRepository(connection)
        self.transactions = TransactionRepository(connection)
        self.webhook_deliveries = WebhookDeliveryRepository(connection)
        self.webhook_endpoint_tests = EndpointTestRepository(connection)
        self.webhook_endpoints = WebhookEndpointRepository(connection)
        self.webhook_events = WebhookEventRepository(connection)
        self.webhook_feed = FeedPositions(connection)
        self.webhook_waiting_turns = WaitingTurns(connection)

    def see_one_moment(self) -> None:
        """Have all that is read here be of one moment: for views that are put together. To be done first."""
        self._connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))

    def commit(self) -> None:
        """Make it true, then hand the messages to the publisher. Once, as the last thing in the block.

        Raises:
            StorageUnavailable: the connection broke; whether it was committed is not known.
        """
        self._writes.flush()
        self._connection.commit()
        self._after_commit(self.outbox.added)


def unit_of_work_factory(
    engine: Engine, after_commit: AfterCommit = lambda _messages: None, *, audit_keys: AuditKeys | None = None
) -> UnitOfWorkFactory:
    """Makes units of work; ``after_commit`` gets the messages of each that committed, and must not block.

    Without ``audit_keys`` they cannot add to the audit trail.
    """

    @contextmanager
    def unit_of_work() -> Iterator[UnitOfWork]:
        try:
            with engine.connect() as connection:
                yield UnitOfWork(connection, after_commit, audit_keys)
        except NoConnectionFree as error:
            raise StorageUnavailable("no connection free") from error
        except (OperationalError, InterfaceError) as error:
            busy = isinstance(error.orig, psycopg2.errors.LockNotAvailable)
            raise (StorageBusy if busy else StorageUnavailable)(type(error.orig).__name__) from error
        except InternalError as error:
            if isinstance(error.orig, psycopg2.errors.ReadOnlySqlTransaction):
                raise StorageUnavailable("it takes no writes") from error
            raise

    return unit_of_work
