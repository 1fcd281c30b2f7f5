"""The unit of work over a database in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.persistence.unit_of_work import AfterCommit, UnitOfWork, UnitOfWorkFactory
from tests.fakes.persistence.accounts import InMemoryAccounts
from tests.fakes.persistence.attempts import InMemoryAttempts
from tests.fakes.persistence.audit_log import InMemoryAuditLog
from tests.fakes.persistence.audit_seals import InMemoryAuditSeals
from tests.fakes.persistence.book_entries import InMemoryBookEntries
from tests.fakes.persistence.captures import InMemoryCaptures
from tests.fakes.persistence.dead_letters import InMemoryDeadLetters
from tests.fakes.persistence.disputes import InMemoryDisputes
from tests.fakes.persistence.due_times import InMemoryDueTimes
from tests.fakes.persistence.event_log import InMemoryEventLog
from tests.fakes.persistence.feed_positions import InMemoryFeedPositions
from tests.fakes.persistence.idempotency import InMemoryIdempotencyKeys
from tests.fakes.persistence.outbox import InMemoryOutbox
from tests.fakes.persistence.payouts import InMemoryPayouts
from tests.fakes.persistence.provider_configs import InMemoryProviderConfigs
from tests.fakes.persistence.reconciliations import InMemoryReconciliations
from tests.fakes.persistence.refunds import InMemoryRefunds
from tests.fakes.persistence.retention import InMemoryRetention
from tests.fakes.persistence.session import Database, Session
from tests.fakes.persistence.transactions import InMemoryTransactions
from tests.fakes.persistence.waiting_turns import InMemoryWaitingTurns
from tests.fakes.persistence.webhook_deliveries import InMemoryWebhookDeliveries
from tests.fakes.persistence.webhook_endpoints import (
    InMemoryEndpointTests,
    InMemoryWebhookEndpoints,
)
from tests.fakes.persistence.webhook_events import InMemoryWebhookEvents


class InMemoryUnitOfWork(UnitOfWork):
    def __init__(self, session: Session, after_commit: AfterCommit) -> None:
        self._session = session
        self._after_commit = after_commit
        self.accounts = InMemoryAccounts(session)
        self.attempts = InMemoryAttempts(session)
        self.audit_log = InMemoryAuditLog(session)
        self.captures = InMemoryCaptures(session)
        self.audit_seals = InMemoryAuditSeals(session)
        self.book_entries = InMemoryBookEntries(session)
        self.disputes = InMemoryDisputes(session)
        self.dead_letters = InMemoryDeadLetters(session)
        self.due_times = InMemoryDueTimes(session)
        self.event_log = InMemoryEventLog(session)
        self.idempotency_keys = InMemoryIdempotencyKeys(session)
        self.outbox = InMemoryOutbox(session)
        self.payouts = InMemoryPayouts(session)
        self.provider_configs = InMemoryProviderConfigs(session)
        self.reconciliations = InMemoryReconciliations(session)
        self.refunds = InMemoryRefunds(session)
        self.retention = InMemoryRetention(session)
        self.transactions = InMemoryTransactions(session)
        self.webhook_deliveries = InMemoryWebhookDeliveries(session)
        self.webhook_endpoint_tests = InMemoryEndpointTests(session)
        self.webhook_endpoints = InMemoryWebhookEndpoints(session)
        self.webhook_feed = InMemoryFeedPositions(session)
        self.webhook_waiting_turns = InMemoryWaitingTurns(session)
        self.webhook_events = InMemoryWebhookEvents(session)

    def see_one_moment(self) -> None:
        """Nothing here changes while it is read."""

    def commit(self) -> None:
        self._session.commit()
        self._after_commit(self.outbox.added)


def in_memory(database: Database, after_commit: AfterCommit = lambda _messages: None) -> UnitOfWorkFactory:
    """As ``unit_of_work_factory``, without a server."""

    @contextmanager
    def unit_of_work() -> Iterator[UnitOfWork]:
        session = Session(database)
        database.open_transactions += 1
        try:
            # As the pool does it: a database that is away is noticed when a connection is taken.
            assert session.rows is not None
            yield InMemoryUnitOfWork(session, after_commit)
        finally:
            database.open_transactions -= 1
            session.close()

    return unit_of_work
