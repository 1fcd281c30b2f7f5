"""The database in memory is honest: it refuses what PostgreSQL would, and forgets what was not committed."""

import inspect
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from shared.application.actor import process_actor
from shared.application.journal import record_audit
from shared.contracts.messages.envelope import OutgoingMessage
from shared.domain.money import Money
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.errors import StorageBusy, StorageUnavailable
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.persistence.session import Database, Session
from tests.fakes.persistence.unit_of_work import InMemoryUnitOfWork, in_memory

REPOSITORIES = sorted(
    (name, repository)
    for name, repository in vars(InMemoryUnitOfWork(Session(Database()), lambda _messages: None)).items()
    if not name.startswith("_")
)


@pytest.mark.parametrize(("name", "fake"), REPOSITORIES)
def test_every_method_of_the_real_repository_has_its_stand_in(name: str, fake: object) -> None:
    real = next(base for base in type(fake).__mro__ if base.__module__.startswith("shared.persistence."))
    public = {method for method, _ in inspect.getmembers(real, inspect.isfunction) if not method.startswith("_")}

    assert [method for method in public if getattr(type(fake), method) is getattr(real, method)] == []


def test_what_is_not_committed_is_undone() -> None:
    database, payment = Database(), a_payment()

    with in_memory(database)() as work:
        work.transactions.add(payment)
        assert work.transactions.find(payment.id) == payment

    assert database.committed.count() == 0


def test_what_raises_is_undone() -> None:
    database = Database()

    def fail_halfway() -> None:
        with in_memory(database)() as work:
            work.transactions.add(a_payment())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()

    assert database.committed.count() == 0
    assert database.open_transactions == 0


def test_messages_are_handed_over_after_the_commit_and_only_then() -> None:
    handed_over: list[OutgoingMessage] = []
    database, payment = Database(), a_payment()
    message = OutgoingMessage(
        message_id=payment.id,  # type: ignore[arg-type] # any id
        exchange="x",
        routing_key="k",
        type="t",
        body=b"",
        correlation_id="c",
        occurred_at=NOON,
    )
    factory = in_memory(database, handed_over.extend)

    with factory() as work:
        work.outbox.add(message)
    assert handed_over == []

    with factory() as work:
        work.outbox.add(message)
        work.commit()
    assert handed_over == [message]


def test_another_transaction_sees_only_what_is_committed() -> None:
    database, payment = Database(), a_payment()
    factory = in_memory(database)

    with factory() as writing, factory() as reading:
        writing.transactions.add(payment)
        assert reading.transactions.find(payment.id) is None
        writing.commit()
        assert reading.transactions.find(payment.id) == payment


def test_a_second_writer_waits_and_then_is_told_that_it_is_busy() -> None:
    database = Database()
    database.lock_timeout_seconds = 0.01
    factory = in_memory(database)

    with factory() as first, factory() as second:
        first.transactions.add(a_payment())
        with pytest.raises(StorageBusy):
            second.transactions.add(a_payment())


def test_a_database_that_is_away_says_so() -> None:
    database = Database()
    database.is_away = True

    with pytest.raises(StorageUnavailable), in_memory(database)():
        pass


@pytest.mark.parametrize("applied", [True, False])
def test_a_commit_can_break_before_or_after_it_was_carried_out(applied: bool) -> None:
    database = Database()
    database.break_next_commit(applied=applied)

    with in_memory(database)() as work:
        work.transactions.add(a_payment())
        with pytest.raises(StorageUnavailable):
            work.commit()

    assert database.committed.count() == int(applied)


def test_the_second_payment_with_one_key_of_one_merchant_is_refused() -> None:
    first = a_payment()

    with in_memory(Database())() as work:
        work.transactions.add(first)
        with pytest.raises(IntegrityError, match="idempotency_key"):
            work.transactions.add(a_payment(idempotency_key=first.idempotency_key))


def test_two_payments_do_not_share_a_providers_reference() -> None:
    with in_memory(Database())() as work:
        work.transactions.add(a_payment(provider_transaction_id="P1"))
        with pytest.raises(IntegrityError, match="provider_transaction_id"):
            work.transactions.add(a_payment(provider_transaction_id="P1"))


@pytest.mark.parametrize(
    "sums",
    [
        {"captured": Money(100_001, "KES")},
        {"captured": Money(-1, "KES")},
        {"refunded": Money(-1, "KES")},
        {"refunded": Money(60_000, "KES"), "refund_pending": Money(40_001, "KES")},
        {"amount": Money(0, "KES"), "captured": Money(0, "KES")},
    ],
)
def test_sums_that_cannot_be_are_refused(sums: dict[str, Money]) -> None:
    with in_memory(Database())() as work, pytest.raises(IntegrityError):
        work.transactions.add(a_payment(status=TransactionStatus.COMPLETED, **sums))


def test_saving_never_changes_what_a_payment_is() -> None:
    payment = a_payment()

    with in_memory(Database())() as work:
        work.transactions.add(payment)
        work.transactions.save(replace(payment, amount=Money(1, "KES"), idempotency_key="other", version=2))
        saved = work.transactions.find(payment.id)

    assert saved == replace(payment, version=2)


def test_a_payment_is_saved_only_under_its_lock() -> None:
    database, payment = Database(), a_payment()
    with in_memory(database)() as work:
        work.transactions.add(payment)
        work.commit()

    with in_memory(database)() as work, pytest.raises(AssertionError, match="locked"):
        work.transactions.save(payment)


@pytest.mark.parametrize(("asked", "granted"), [(50_000, True), (50_001, False)])
def test_a_refund_is_promised_only_what_is_left(asked: int, granted: bool) -> None:
    payment = a_payment(
        status=TransactionStatus.COMPLETED, refunded=Money(30_000, "KES"), refund_pending=Money(20_000, "KES")
    )

    with in_memory(Database())() as work:
        work.transactions.add(payment)
        assert work.refunds.reserve(payment.id, Money(asked, "KES")) is granted
        saved = work.transactions.find(payment.id)

    assert saved is not None
    assert saved.refund_pending == Money(20_000 + (asked if granted else 0), "KES")


def test_a_refund_of_nothing_known_is_refused() -> None:
    with in_memory(Database())() as work, pytest.raises(IntegrityError, match="fk_refunds"):
        work.refunds.add(a_refund(a_payment()))


@pytest.mark.parametrize("reason", ["a\x00b", "\ud800"])
def test_text_that_the_database_cannot_hold_is_refused(reason: str) -> None:
    payment = a_payment()

    with in_memory(Database())() as work:
        work.transactions.add(payment)
        with pytest.raises(ValueError, match=r"NUL|surrogates"):
            work.refunds.add(a_refund(payment, reason=reason))


@pytest.mark.parametrize("value", [float("nan"), NOON, {1, 2}])
def test_json_that_the_database_cannot_hold_is_refused(value: object) -> None:
    payment = a_payment()

    with in_memory(Database())() as work:
        work.transactions.add(payment)
        with pytest.raises((ValueError, TypeError)):
            record_audit(work, payment, "test", process_actor("test"), {"value": value})


@pytest.mark.parametrize(("written", "read"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a?b"), ("a\\u0000b", "a\\u0000b")])
def test_json_text_that_the_database_cannot_hold_is_replaced_as_the_engine_does_it(written: str, read: str) -> None:
    payment = a_payment(provider_response={"told": written})

    with in_memory(Database())() as work:
        work.transactions.add(payment)
        saved = work.transactions.find(payment.id)

    assert saved is not None
    assert saved.provider_response == {"told": read}


def test_nothing_is_written_behind_a_commit() -> None:
    with in_memory(Database())() as work:
        work.transactions.add(a_payment())
        work.commit()
        with pytest.raises(AssertionError, match="last thing"):
            work.transactions.add(a_payment())
