"""A cancellation, a capture and a refund of one payment at once, in the real database: at most one is accepted."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from services.api.use_cases.cancel_payment import CancelOrder, CancelPayment
from services.api.use_cases.capture_payment import CaptureOrder, CapturePayment
from services.api.use_cases.refund_payment import RefundOrder, RefundPayment
from shared.application.actor import Actor
from shared.application.views import View
from shared.domain.errors import RequestRejected
from shared.domain.ids import MerchantId, UserId
from shared.domain.money import Money
from shared.domain.transaction import CaptureMethod, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.registry import discover_providers
from shared.runtime.access_tokens import Principal
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment

ROUNDS = 50
Work = Callable[[UnitOfWork, UUID], View]


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


class Desk:
    """Accepts as the API does, for one merchant."""

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self.unit_of_work = unit_of_work
        self.merchant_id, self.user_id = a_merchant(unit_of_work)
        self.actor = Actor(user_id=str(self.user_id))
        self.principal = Principal(
            user_id=UserId(self.user_id), merchant_id=self.merchant_id, role="developer", scopes=frozenset()
        )

    def authorized(self, captured: int = 0) -> Transaction:
        payment = replace(
            a_payment(self.merchant_id, self.user_id, status=TransactionStatus.AUTHORIZED),
            capture_method=CaptureMethod.MANUAL,
            provider_transaction_id=f"cpay_{uuid4().hex}",
            authorized=Money(100_000, "KES"),
            captured=Money(captured, "KES"),
            expires_at=SystemClock().now() + timedelta(days=7),
        )
        with self.unit_of_work() as work:
            work.transactions.add(payment)
            work.commit()
        return payment

    def cancellation(self, payment: Transaction) -> Work:
        order = CancelOrder(transaction_id=payment.id, merchant_id=MerchantId(self.merchant_id), reason=None)
        return CancelPayment(discover_providers(), SystemClock()).accept(order, self.actor)

    def capture(self, payment: Transaction) -> Work:
        order = CaptureOrder(
            transaction_id=payment.id, merchant_id=self.merchant_id, amount=Decimal(10), is_final=False
        )
        return CapturePayment(SystemClock()).accept(order, str(uuid4()), self.principal, self.actor)

    def refund(self, payment: Transaction) -> Work:
        order = RefundOrder(transaction_id=payment.id, merchant_id=self.merchant_id, amount=Decimal(10), reason="x")
        return RefundPayment(SystemClock(), timedelta(days=1)).accept(order, str(uuid4()), self.principal, self.actor)

    def accepts(self, work_of: Work, start: Barrier) -> bool:
        start.wait()
        try:
            with self.unit_of_work() as work:
                work_of(work, new_id())
                work.commit()
        except RequestRejected:
            return False
        return True


def test_of_a_cancellation_a_capture_and_a_refund_that_race_exactly_one_of_the_first_two_is_accepted(
    unit_of_work: UnitOfWorkFactory,
) -> None:
    desk = Desk(unit_of_work)
    wrong: list[tuple[bool, ...]] = []
    won = {"cancel": 0, "capture": 0}

    with ThreadPoolExecutor(3) as pool:
        for _ in range(ROUNDS):
            payment, start = desk.authorized(captured=1_000), Barrier(3)
            works = (desk.cancellation(payment), desk.capture(payment), desk.refund(payment))
            answers = tuple(pool.map(lambda each: desk.accepts(each, start), works))  # noqa: B023 - used within the round
            won["cancel"] += answers[0]
            won["capture"] += answers[1]
            if sum(answers[:2]) != 1 or answers[2] or not _says_so(desk, payment, answers):
                wrong.append(answers)

    assert wrong == []
    assert sum(won.values()) == ROUNDS


def _says_so(desk: Desk, payment: Transaction, answers: tuple[bool, ...]) -> bool:
    """Whether the rows are what was answered: promised to a capture, or called off, never both."""
    with desk.unit_of_work() as work:
        stored = work.transactions.find(payment.id)
        captures = work.captures.of_transaction(payment.id)
        refunds = work.refunds.of_transaction(payment.id)
    assert stored is not None
    is_called_off, is_promised = stored.cancel_requested_at is not None, stored.capture_pending.is_positive()
    return (is_called_off, is_promised, len(captures), len(refunds)) == (answers[0], answers[1], int(answers[1]), 0)


def test_when_it_was_called_off_reads_back_as_it_was_stored(unit_of_work: UnitOfWorkFactory) -> None:
    desk = Desk(unit_of_work)
    payment = desk.authorized()

    assert desk.accepts(desk.cancellation(payment), Barrier(1))

    with unit_of_work() as work:
        stored = work.transactions.lock(payment.id)
        assert stored is not None
        assert stored.cancel_requested_at == stored.updated_at
        work.transactions.save(replace(stored, cancel_requested_at=None))
        work.commit()
    with unit_of_work() as work:
        again = work.transactions.find(payment.id)
    assert again is not None
    assert again.cancel_requested_at is None


def test_of_two_cancellations_at_once_one_is_recorded(unit_of_work: UnitOfWorkFactory) -> None:
    desk = Desk(unit_of_work)
    payment, start = desk.authorized(), Barrier(2)

    with ThreadPoolExecutor(2) as pool:
        accepted = list(pool.map(lambda _: desk.accepts(desk.cancellation(payment), start), range(2)))

    with unit_of_work() as work:
        asked = [entry.event_type for entry in work.audit_log.of_transaction(payment.id)]
    assert (accepted, asked) == ([True, True], ["cancellation.requested"])
