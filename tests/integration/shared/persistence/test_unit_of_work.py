"""What must become true together does, or not at all; races are decided by the database."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, text

from services.api.idempotency import IdempotentExecution, IdempotentRequest, Work
from services.webhook_ingest.reprieve import Reprieve
from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.application.views import View, payment_view
from shared.domain.ids import MerchantId, RefundId, TransactionId, UserId
from shared.domain.money import Money
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.engine import build_engine
from shared.persistence.errors import StorageBusy, StorageUnavailable
from shared.persistence.idempotency import IdempotencyClaim
from shared.persistence.transactions import TransactionFilter
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_events import Arrival
from shared.runtime.clock import SystemClock
from shared.runtime.spool import Spool
from tests.fakes.clock import FakeClock
from tests.fakes.ingest import a_keeper
from tests.fakes.makers import a_callback
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment, a_refund


class NoCache:
    """Redis is away."""

    def find(self, merchant_id: MerchantId, key: str) -> None:
        """Never anything."""

    def keep(self, claim: IdempotencyClaim) -> None:
        """Forgotten at once."""


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


def test_what_is_not_committed_did_not_happen(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id)

    with unit_of_work() as work:
        work.transactions.add(payment)

    with unit_of_work() as work:
        assert work.transactions.find(payment.id) is None


def test_a_payment_reads_back_as_it_was_stored(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, user_id = a_merchant(unit_of_work)
    payment = replace(a_payment(merchant_id, user_id), next_action={"type": "redirect", "url": "https://x"})

    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()

    with unit_of_work() as work:
        assert work.transactions.find(payment.id) == payment
        assert work.transactions.status_of(payment.id) is payment.status
        assert work.transactions.status_of(TransactionId(uuid4())) is None
        assert work.transactions.find(payment.id, MerchantId(uuid4())) is None


def test_one_key_under_a_storm_makes_one_payment_and_one_answer(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    execution = IdempotentExecution(unit_of_work, NoCache(), SystemClock())
    rounds, callers = 20, 16

    for _ in range(rounds):
        request = IdempotentRequest(merchant_id=merchant_id, key=str(uuid4()), endpoint="POST /x", fingerprint="f")
        with ThreadPoolExecutor(callers) as pool:
            answers = list(pool.map(lambda _: execution.run(request, _maker(request), _unused), range(callers)))  # noqa: B023 - used within the round
        assert len({answer.body for answer in answers}) == 1
        assert [answer.is_replay for answer in answers].count(False) == 1

    with unit_of_work() as work:
        assert work.transactions.count(TransactionFilter(merchant_id=merchant_id)) == rounds


def test_a_duplicate_that_waits_too_long_for_the_first_is_told_so(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    claim = IdempotencyClaim(
        merchant_id=merchant_id, key="k", endpoint="e", fingerprint="f", resource_id=uuid4(), created_at=NOW
    )

    with unit_of_work() as first:
        first.idempotency_keys.claim(claim)
        with pytest.raises(StorageBusy), unit_of_work() as second:
            second.idempotency_keys.claim(claim)


def test_refunds_that_race_never_promise_more_than_was_taken(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    over = 0

    for _ in range(25):
        payment = a_payment(merchant_id, captured=100_000, status=TransactionStatus.COMPLETED)
        with unit_of_work() as work:
            work.transactions.add(payment)
            work.commit()
        with ThreadPoolExecutor(8) as pool:
            promised = sum(pool.map(lambda _: _reserve(unit_of_work, payment.id), range(8)))  # noqa: B023 - used within the round
        over += promised != 3

    assert over == 0


def test_a_lost_connection_is_unavailable_and_not_a_crash() -> None:
    nowhere = unit_of_work_factory(create_engine("postgresql+psycopg2://x@127.0.0.1:1/x"))

    with pytest.raises(StorageUnavailable), nowhere() as work:
        work.transactions.find(TransactionId(uuid4()))


def test_no_connection_free_is_unavailable(database: Database) -> None:
    small = create_engine(database.application.url, pool_size=1, max_overflow=0, pool_timeout=0.1)
    unit_of_work = unit_of_work_factory(small)

    with unit_of_work(), pytest.raises(StorageUnavailable), unit_of_work():
        raise AssertionError("there is only one connection")
    small.dispose()


def test_the_newest_message_of_a_type_tells_when_it_was_sent(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, user_id = a_merchant(unit_of_work)
    payment_id = _write_payment(unit_of_work, merchant_id, user_id)

    with unit_of_work() as work:
        assert work.outbox.last_sent(str(payment_id), "payment.changed.v1") == NOW
        assert work.outbox.last_sent(str(payment_id), "payment.verify.v1") is None
        assert work.outbox.last_sent(str(uuid4()), "payment.changed.v1") is None


def test_a_refund_reads_back_and_is_found_by_its_reference(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id, captured=100_000, status=TransactionStatus.COMPLETED)
    refund = replace(a_refund(payment, 400), provider_refund_id=f"cprf_{uuid4().hex}")

    with unit_of_work() as work:
        work.transactions.add(payment)
        work.refunds.add(refund)
        work.commit()

    with unit_of_work() as work:
        assert work.refunds.find(refund.id) == refund
        assert work.refunds.status_of(refund.id) is refund.status
        assert work.refunds.status_of(RefundId(uuid4())) is None
        assert work.refunds.find_by_reference("cpay", str(refund.provider_refund_id)) == refund
        assert work.refunds.of_transaction(payment.id) == [refund]


def _maker(request: IdempotentRequest) -> Work:
    def make(work: UnitOfWork, resource_id: UUID) -> View:
        payment = replace(a_payment(request.merchant_id), id=TransactionId(resource_id), idempotency_key=request.key)
        work.transactions.add(payment)
        return payment_view(payment)

    return make


def _unused(_resource_id: object) -> View:
    raise AssertionError("the stored answer is there")


def _reserve(unit_of_work: UnitOfWorkFactory, payment_id: TransactionId) -> int:
    with unit_of_work() as work:
        reserved = work.refunds.reserve(payment_id, Money(30_000, "KES"))
        work.commit()
    return int(reserved)


def _write_payment(unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId, user_id: UserId) -> TransactionId:
    payment = a_payment(merchant_id, user_id)
    with unit_of_work() as work:
        work.transactions.add(payment)
        record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
        work.commit()
    return payment.id


def test_what_is_put_together_is_of_one_moment(database: Database) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    merchant_id, _ = a_merchant(unit_of_work)
    payment = a_payment(merchant_id)
    with unit_of_work() as work:
        work.transactions.add(payment)
        work.commit()

    with unit_of_work() as reading:
        reading.see_one_moment()
        before = reading.transactions.find(payment.id)
        with unit_of_work() as work:
            locked = work.transactions.lock(payment.id)
            assert locked is not None
            work.transactions.save(replace(locked, version=locked.version + 1))
            work.commit()
        after = reading.transactions.find(payment.id)

    assert before is not None
    assert after == before


@pytest.fixture
def demoted(database: Database) -> Iterator[Callable[[str], None]]:
    """Says whether new connections of the application's role may write: ``on`` is a standby, ``off`` is not."""
    role = database.application.url.username

    def be(read_only: str) -> None:
        with database.owner.begin() as connection:
            connection.execute(text(f"ALTER ROLE {role} SET default_transaction_read_only = {read_only}"))

    yield be
    be("off")


def test_callbacks_for_a_database_that_takes_no_writes_go_to_the_disk_until_there_is_another(
    database: Database, demoted: Callable[[str], None], tmp_path: Path
) -> None:
    """The address of the database leads to a standby in the middle of a failover."""
    demoted("on")
    url = database.application.url.render_as_string(hide_password=False)
    standby = build_engine(url, pool_size=1, application_name="tests")
    keeper = a_keeper(unit_of_work_factory(standby), Spool(tmp_path, 10_000, FakeClock()), Reprieve(0.0))

    assert keeper.keep(a_callback(NOW)) is None
    with pytest.raises(StorageUnavailable):
        keeper.drain()

    demoted("off")
    assert (keeper.keep(a_callback(NOW)), keeper.drain()) == (Arrival.FIRST, 1)
    standby.dispose()
