"""Captures in the real database: races are decided by one UPDATE, and impossible sums are refused."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from shared.domain.ids import TransactionId
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_capture, a_merchant, a_payment


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


def _authorized(unit_of_work: UnitOfWorkFactory) -> Transaction:
    """KES 1000.00, reserved and stored."""
    merchant_id, _ = a_merchant(unit_of_work)
    payment = replace(
        a_payment(merchant_id, status=TransactionStatus.AUTHORIZED),
        capture_method=CaptureMethod.MANUAL,
        authorized=Money(100_000, "KES"),
    )
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()
    return payment


def test_captures_that_race_never_promise_more_than_is_reserved(unit_of_work: UnitOfWorkFactory) -> None:
    rounds, callers = 25, 8
    over = 0

    for _ in range(rounds):
        payment = _authorized(unit_of_work)
        with ThreadPoolExecutor(callers) as pool:
            promised = sum(pool.map(lambda _: _reserve(unit_of_work, payment.id), range(callers)))  # noqa: B023 - used within the round
        over += promised != 3

    assert over == 0


def test_a_payment_captured_by_hand_reads_back_as_it_was_stored(unit_of_work: UnitOfWorkFactory) -> None:
    payment = _authorized(unit_of_work)

    with unit_of_work() as work:
        assert work.transactions.find(payment.id) == payment


def test_a_capture_reads_back_and_is_found_by_its_reference(unit_of_work: UnitOfWorkFactory) -> None:
    payment = _authorized(unit_of_work)
    capture = replace(a_capture(payment, 400, is_final=True), provider_capture_id=f"cpcp_{uuid4().hex}")

    with unit_of_work() as work:
        work.captures.add(capture)
        work.commit()

    with unit_of_work() as work:
        assert work.captures.find(capture.id) == capture
        assert work.captures.find_by_reference("cpay", str(capture.provider_capture_id)) == capture
        assert work.captures.of_transaction(payment.id) == [capture]


def test_a_capture_that_is_due_is_claimed_once_and_keeps_what_changed(unit_of_work: UnitOfWorkFactory) -> None:
    payment = _authorized(unit_of_work)
    capture = a_capture(payment, 400)
    with unit_of_work() as work:
        work.captures.add(capture)
        work.commit()
    moved, _ = replace(capture, next_check_at=NOW, checks_made=2).on(MovementTrigger.SUBMIT, NOW)
    with unit_of_work() as work:
        work.transactions.lock(payment.id)
        work.captures.save(moved)
        work.commit()

    with unit_of_work() as work:
        claimed = work.captures.claim_due_checks(NOW, NOW.replace(hour=23), 100)
        again = work.captures.claim_due_checks(NOW, NOW.replace(hour=23), 100)
        work.commit()

    assert [(each.id, each.status, each.checks_made) for each in claimed] == [
        (capture.id, MovementStatus.PROCESSING, 2)
    ]
    assert again == []


@pytest.mark.parametrize(
    "change",
    [
        "capture_pending_minor = -1",
        "capture_pending_minor = 100001",
        "captured_minor = 60000, capture_pending_minor = 40001",
        "authorized_minor = 100001",
        "authorized_minor = 50000, captured_minor = 50001",
        "capture_method = 'other'",
    ],
)
def test_impossible_sums_of_captures_are_refused_by_the_database(
    database: Database, unit_of_work: UnitOfWorkFactory, change: str
) -> None:
    payment = _authorized(unit_of_work)

    with database.application.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text(f"UPDATE transactions SET {change} WHERE id = :id"), {"id": payment.id})


def _reserve(unit_of_work: UnitOfWorkFactory, payment_id: TransactionId) -> int:
    with unit_of_work() as work:
        reserved = work.captures.reserve(payment_id, Money(30_000, "KES"))
        work.commit()
    return int(reserved)
