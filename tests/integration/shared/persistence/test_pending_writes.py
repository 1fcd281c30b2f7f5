"""Writes that are sent together at the commit arrive as they were given, all of them or none."""

from uuid import uuid4

import pytest

from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.ids import MessageId
from shared.persistence.audit_log import AuditEntry
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment

# What a driver that writes values into SQL might trip over.
AWKWARD = {
    "per cent": "100 %s %(x)s %%",
    "quotes": "it's \"so\" \\' ; DROP TABLE x --",
    "nested": [{"a": None}, 1.5, True],
}


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


def a_message(body: bytes) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=MessageId(uuid4()),
        exchange="gw.cmd",
        routing_key="cpay.payment.initialize.v1",
        type="payment.initialize.v1",
        body=body,
        headers={"note": "50 %"},
        correlation_id=str(uuid4()),
        occurred_at=NOW,
    )


def test_every_value_arrives_as_it_was_given(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    payment, message = a_payment(merchant_id), a_message(bytes(range(256)))
    entry = AuditEntry(
        id=uuid4(), event_type="x", timestamp=NOW, transaction_id=payment.id, event_data=AWKWARD, user_agent="%s'\\"
    )

    with unit_of_work() as work:
        work.transactions.add(payment)
        work.audit_log.append(entry)
        work.outbox.add(message)
        work.commit()

    with unit_of_work() as work:
        assert work.audit_log.of_transaction(payment.id) == [entry]
        waiting = {each.message_id: each for each in work.outbox.take_unpublished(NOW.replace(year=2027), 10_000)}
        assert waiting[message.message_id] == message


def test_one_row_that_is_refused_takes_the_others_with_it(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    payment, message = a_payment(merchant_id), a_message(b"{}")

    def add_the_message_twice() -> None:
        with unit_of_work() as work:
            work.transactions.add(payment)
            work.outbox.add(message)
            work.outbox.add(message)
            work.commit()

    with pytest.raises(Exception, match="pk_outbox"):
        add_the_message_twice()

    with unit_of_work() as work:
        assert work.transactions.find(payment.id) is None


def test_what_is_not_committed_is_not_written(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id)
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()

    with unit_of_work() as work:
        work.audit_log.append(AuditEntry(id=uuid4(), event_type="x", timestamp=NOW, transaction_id=payment.id))

    with unit_of_work() as work:
        assert work.audit_log.of_transaction(payment.id) == []
