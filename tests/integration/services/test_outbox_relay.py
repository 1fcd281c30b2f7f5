"""The relay publishes what a process left, and takes over what a dead worker left."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from services.outbox_relay.callback_sweep import CallbackSweep
from services.outbox_relay.lease_sweep import LeaseSweep
from services.outbox_relay.outbox_sweep import OutboxSweep
from shared.application.addressing import command_now
from shared.application.check_schedule import CheckSchedule
from shared.application.commands import next_payment_command
from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.attempt import Attempt, Operation
from shared.domain.ids import AttemptId, MerchantId, MessageId
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.publisher import Publisher
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.identifiers import new_id
from shared.runtime.spool import Spool
from tests.fakes.clock import FakeClock
from tests.fakes.ingest import a_keeper
from tests.fakes.makers import a_callback
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment


class Confirming(Publisher):
    """A broker that confirms until it is told to fail."""

    def __init__(self) -> None:
        super().__init__("amqp://unused")
        self.published: list[MessageId] = []
        self.is_away = False

    def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[MessageId]:
        confirmed = [] if self.is_away else [message.message_id for message in messages]
        self.published += confirmed
        return confirmed


def test_what_the_fast_path_left_is_published_once_and_marked(database: Database) -> None:
    unit_of_work, broker = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), Confirming()
    _leave_messages(unit_of_work, 3)
    sweep = OutboxSweep(unit_of_work, broker, FakeClock(NOW + timedelta(seconds=3)))

    assert (sweep(), sweep()) == (3, 0)

    assert len(set(broker.published)) == 3


def test_a_message_belongs_to_its_process_for_two_seconds(database: Database) -> None:
    unit_of_work, broker = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), Confirming()
    _leave_messages(unit_of_work, 1)

    assert OutboxSweep(unit_of_work, broker, FakeClock(NOW + timedelta(seconds=1)))() == 0

    assert OutboxSweep(unit_of_work, broker, FakeClock(NOW + timedelta(seconds=3)))() == 1


def test_what_a_clock_ahead_of_ours_has_written_does_not_wait_for_ours(database: Database) -> None:
    unit_of_work, broker = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), Confirming()
    _leave_messages(unit_of_work, 1)

    assert OutboxSweep(unit_of_work, broker, FakeClock(NOW - timedelta(minutes=10)))() == 1


def test_nothing_is_marked_that_the_broker_did_not_confirm(database: Database) -> None:
    unit_of_work, broker = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), Confirming()
    _leave_messages(unit_of_work, 2)
    sweep = OutboxSweep(unit_of_work, broker, FakeClock(NOW + timedelta(seconds=3)))

    broker.is_away = True
    assert sweep() == 0
    broker.is_away = False

    assert sweep() == 2


def test_two_relays_never_take_the_same_message(database: Database) -> None:
    unit_of_work, other = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), Confirming()
    _leave_messages(unit_of_work, 5)
    with unit_of_work() as first:
        taken = first.outbox.take_unpublished(NOW + timedelta(seconds=3), 5)

        OutboxSweep(unit_of_work, other, FakeClock(NOW + timedelta(seconds=3)))()

    assert len(taken) == 5
    assert other.published == []


def test_an_attempt_whose_worker_vanished_is_in_doubt(database: Database) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id, status=TransactionStatus.PROCESSING)
    attempt = Attempt(
        id=AttemptId(new_id()),
        merchant_id=merchant_id,
        transaction_id=payment.id,
        refund_id=None,
        provider="cpay",
        operation=Operation.INITIALIZE_PAYMENT,
        number=1,
        provider_key=f"payment.initialize:{payment.id}",
        started_at=NOW,
        lease_until=NOW + timedelta(seconds=30),
    )
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.attempts.add(attempt)
        work.commit()

    early = LeaseSweep(unit_of_work, FakeClock(NOW + timedelta(seconds=29)), RetryLadder(), CheckSchedule())()
    late = LeaseSweep(unit_of_work, FakeClock(NOW + timedelta(seconds=31)), RetryLadder(), CheckSchedule())()

    assert (early, late) == (0, 1)
    with unit_of_work() as work:
        found = work.transactions.find(payment.id)
        assert found is not None
        assert found.status is TransactionStatus.IN_DOUBT
        assert found.next_check_at == NOW + timedelta(seconds=31 + 5)
        assert [each.outcome for each in work.attempts.of_transaction(payment.id)] == ["InDoubt"]


def _leave_messages(unit_of_work: UnitOfWorkFactory, count: int) -> None:
    """Committed, and never published: their process died."""
    merchant_id, _ = a_merchant(unit_of_work)
    with unit_of_work() as work:
        work.outbox._connection.execute(text("DELETE FROM outbox"))
        for _ in range(count):
            work.outbox.add(command_now(next_payment_command(a_payment(merchant_id), NOW)))
        work.commit()


def test_a_stored_callback_whose_message_was_lost_is_sent_again_a_minute_after_it_was_published(
    database: Database, tmp_path: Path
) -> None:
    unit_of_work, clock = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), FakeClock(NOW)
    a_keeper(unit_of_work, Spool(tmp_path, 0, clock)).keep(a_callback(clock.now()))
    sweep = CallbackSweep(unit_of_work, clock, RetryLadder())

    _mark_everything_published(database, clock)
    in_time = sweep()
    clock.advance(61)
    lost, still_in_the_outbox = sweep(), sweep()

    assert (in_time, lost, still_in_the_outbox) == (0, 1, 0)


def test_five_hundred_bad_messages_in_front_hold_up_no_good_one(database: Database, amqp_url: str) -> None:
    unit_of_work, publisher, clock = (
        unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS),
        Publisher(amqp_url),
        FakeClock(NOW),
    )
    _leave_messages(unit_of_work, 0)
    _leave_behind(unit_of_work, [_for_nobody(each) for each in range(250)])
    _leave_behind(unit_of_work, [_for_no_exchange(each) for each in range(250, 500)])
    good = [
        command_now(next_payment_command(a_payment(MerchantId(new_id())), _later(500 + each))) for each in range(20)
    ]
    _leave_behind(unit_of_work, good)
    clock.set(NOW + timedelta(seconds=10))
    sweep = OutboxSweep(unit_of_work, publisher, clock)

    turns = [sweep() for _ in range(3)]
    left = sweep()
    publisher.close()

    assert (turns, left) == ([0, 0, 20], 0)
    with unit_of_work() as work:
        waiting = work.outbox.waiting(1000)
        assert work.outbox.count_refused() == len(waiting) == 500
    assert [(each.failure, each.tries) for each in waiting] == [("unroutable", 1)] * 250 + [("NotFound", 1)] * 250
    assert {each.due_at for each in waiting} == {NOW + timedelta(seconds=12)}


def test_a_refused_message_is_due_again_after_its_pause(database: Database, amqp_url: str) -> None:
    unit_of_work, publisher, clock = (
        unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS),
        Publisher(amqp_url),
        FakeClock(NOW),
    )
    _leave_messages(unit_of_work, 0)
    _leave_behind(unit_of_work, [_for_nobody(0)])
    sweep = OutboxSweep(unit_of_work, publisher, clock)

    tries = []
    for seconds in (10, 11, 12.5, 13, 17):
        clock.set(NOW + timedelta(seconds=seconds))
        sweep()
        with unit_of_work() as work:
            tries.append(work.outbox.waiting(1)[0].tries)
    publisher.close()

    assert tries == [1, 1, 2, 2, 3]


def _later(milliseconds: int) -> datetime:
    return NOW + timedelta(milliseconds=milliseconds)


def _for_nobody(milliseconds: int) -> OutgoingMessage:
    return replace(_left_at(milliseconds), routing_key="nobody.payment.initialize.v1")


def _for_no_exchange(milliseconds: int) -> OutgoingMessage:
    return replace(_left_at(milliseconds), exchange="gw.delay.987654")


def _left_at(milliseconds: int) -> OutgoingMessage:
    return command_now(next_payment_command(a_payment(MerchantId(new_id())), _later(milliseconds)))


def _leave_behind(unit_of_work: UnitOfWorkFactory, messages: Sequence[OutgoingMessage]) -> None:
    with unit_of_work() as work:
        for message in messages:
            work.outbox.add(message)
        work.commit()


def _mark_everything_published(database: Database, clock: FakeClock) -> None:
    with database.owner.begin() as connection:
        connection.execute(
            text("UPDATE outbox SET published_at = :now WHERE published_at IS NULL"), {"now": clock.now()}
        )
