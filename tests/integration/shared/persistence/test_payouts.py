"""Payouts in the real database: one row a key, one lock a row, one place for each event."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.api.idempotency import IdempotentExecution, IdempotentRequest
from services.api.use_cases.read_payouts import ReadPayouts
from services.api.use_cases.send_payout import PayoutOrder, SendPayout
from services.provider_worker.attempts import AttemptRules, Attempts
from services.provider_worker.payouts import PayoutHandlers
from shared.application.actor import process_actor
from shared.application.check_schedule import CheckSchedule
from shared.application.commands import next_payout_command
from shared.contracts.messages.commands import SendPayout as SendCommand
from shared.domain.customer import Customer
from shared.domain.ids import MerchantId
from shared.domain.movement_status import MovementStatus, MovementTrigger
from shared.domain.outcome import Succeeded
from shared.domain.payout import Payout
from shared.messaging.retry_ladder import RetryLadder
from shared.persistence.payouts import PayoutFilter
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.registry import discover_providers
from shared.runtime.access_tokens import Principal
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.fakes.provider import OneAccount, ScriptedProvider
from tests.fakes.response_cache import InMemoryResponseCache
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payout


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


def _stored(unit_of_work: UnitOfWorkFactory) -> Payout:
    payout = a_payout(*a_merchant(unit_of_work))
    with unit_of_work() as work:
        work.payouts.add(payout)
        work.commit()
    return payout


def test_a_payout_reads_back_and_keeps_what_changed(unit_of_work: UnitOfWorkFactory) -> None:
    payout = _stored(unit_of_work)
    moved, _ = payout.with_reference(f"cppo_{uuid4().hex}").on(MovementTrigger.SUBMIT, NOW)
    moved = replace(moved, version=2, checks_made=1)

    with unit_of_work() as work:
        assert work.payouts.lock(payout.id) == payout
        work.payouts.save(moved)
        work.commit()

    with unit_of_work() as work:
        assert work.payouts.find(payout.id) == moved
        assert work.payouts.lock_by_reference("cpay", str(moved.reference)) == moved
        assert work.payouts.lock(payout.id, MerchantId(new_id())) is None


def test_a_list_is_in_pages_and_of_one_merchant(unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, _ = a_merchant(unit_of_work)
    ours = [replace(a_payout(merchant_id), created_at=NOW + timedelta(seconds=each)) for each in range(5)]
    _stored(unit_of_work)
    with unit_of_work() as work:
        for payout in ours:
            work.payouts.add(payout)
        work.commit()
    newest_first = [each.id for each in reversed(ours)]
    wanted = PayoutFilter(merchant_id=merchant_id, provider="cpay", status=MovementStatus.PENDING)

    with unit_of_work() as work:
        listed = work.payouts.list_newest_first
        assert [each.id for each in listed(wanted, limit=2, offset=1)] == newest_first[1:3]
        assert [each.id for each in listed(wanted, limit=9, after=newest_first[2])] == newest_first[3:]
        assert [each.id for each in listed(wanted, limit=1, before=newest_first[2])] == newest_first[1:2]
        assert work.payouts.count(wanted) == 5
        assert work.payouts.count(replace(wanted, status=MovementStatus.FAILED)) == 0


@pytest.mark.parametrize("column", ["idempotency_key", "provider_payout_id"])
def test_a_key_and_a_reference_are_used_once(unit_of_work: UnitOfWorkFactory, column: str) -> None:
    first = a_payout(a_merchant(unit_of_work)[0]).with_reference(f"cppo_{uuid4().hex}")
    second = replace(a_payout(first.merchant_id), **{column: getattr(first, column)})

    with unit_of_work() as work:
        work.payouts.add(first)
        with pytest.raises(IntegrityError, match=column):
            work.payouts.add(second)


@pytest.mark.parametrize("table", ["attempts", "events"])
@pytest.mark.parametrize("owners", ["none", "both"])
def test_what_belongs_to_nobody_or_to_two_is_refused(
    database: Database, unit_of_work: UnitOfWorkFactory, table: str, owners: str
) -> None:
    _run_worker(unit_of_work, payout := _stored(unit_of_work))
    change = "payout_id = NULL" if owners == "none" else f"transaction_id = '{uuid4()}'"

    with database.owner.connect() as connection, pytest.raises(IntegrityError, match="one_owner"):
        connection.execute(text(f"UPDATE {table} SET {change} WHERE payout_id = '{payout.id}'"))


def test_two_events_of_a_payout_do_not_share_a_place(database: Database, unit_of_work: UnitOfWorkFactory) -> None:
    _run_worker(unit_of_work, payout := _stored(unit_of_work))

    with database.owner.connect() as connection, pytest.raises(IntegrityError, match="uq_events_payout_id_sequence"):
        connection.execute(text(f"UPDATE events SET sequence = 9 WHERE payout_id = '{payout.id}'"))


def test_a_payout_that_many_workers_take_up_at_once_is_sent_once(unit_of_work: UnitOfWorkFactory) -> None:
    payout = _stored(unit_of_work)

    asked = _run_worker(unit_of_work, payout, workers=8)

    with unit_of_work() as work:
        after = work.payouts.find(payout.id)
        assert after is not None
        assert (len(asked.asked), after.status, after.version) == (1, MovementStatus.SUCCEEDED, 3)
        assert [each.number for each in work.attempts.of_payout(payout.id)] == [1]
        assert [each.sequence for each in work.event_log.of_payout(payout.id)] == [2, 3]
        trail = work.audit_log.of_payout(payout.id)
        assert [each.event_type for each in trail] == ["payout.processing", "payout.completed"]


def _run_worker(unit_of_work: UnitOfWorkFactory, payout: Payout, workers: int = 1) -> ScriptedProvider:
    provider, clock = ScriptedProvider(Succeeded(reference=f"cppo_{uuid4().hex}")), FakeClock(NOW)
    rules = AttemptRules(ladder=RetryLadder(), checks=CheckSchedule(), lease_seconds=30)
    handlers = PayoutHandlers(unit_of_work, OneAccount(provider), Attempts(unit_of_work, clock, rules), clock)
    command = next_payout_command(payout, NOW)
    assert isinstance(command, SendCommand)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(handlers.initialize, [command] * workers))
    return provider


def test_a_due_payout_is_claimed_by_one_of_many_sweeps(unit_of_work: UnitOfWorkFactory) -> None:
    payout = _stored(unit_of_work)

    def claim(_: int) -> list[UUID]:
        with unit_of_work() as work:
            found = [each.id for each in work.payouts.claim_due_checks(NOW, NOW + timedelta(hours=1), 100)]
            work.commit()
        return [each for each in found if each == payout.id]

    with ThreadPoolExecutor(4) as pool:
        claimed = [each for found in pool.map(claim, range(4)) for each in found]

    assert claimed == [payout.id]


def test_sixteen_requests_with_one_key_are_one_payout(database: Database, unit_of_work: UnitOfWorkFactory) -> None:
    merchant_id, user_id = a_merchant(unit_of_work)
    clock, key = FakeClock(NOW), str(uuid4())
    execution = IdempotentExecution(unit_of_work, InMemoryResponseCache(), clock)
    send = SendPayout(lambda _merchant: {"cpay": discover_providers()["cpay"]}, clock, timedelta(days=1))
    order = PayoutOrder(
        provider="cpay",
        amount=Decimal(700),
        currency="KES",
        recipient=Customer(phone="+254700000002"),
        reason="Winnings",
        metadata={},
    )
    caller = Principal(user_id=user_id, merchant_id=merchant_id, role="developer", scopes=frozenset())
    asked = IdempotentRequest(merchant_id=merchant_id, key=key, endpoint="POST /api/v1/payouts", fingerprint="f")

    def run(_: int) -> bytes:
        make = send.accept(order, send.money_of(order), key, caller, process_actor("test"))
        return execution.run(asked, make, ReadPayouts(unit_of_work).payouts_of(merchant_id).current).body

    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(run, range(16)))

    with database.application.connect() as connection:
        counted = [
            connection.execute(text(f"SELECT count(*) FROM {table} WHERE merchant_id = '{merchant_id}'")).scalar_one()
            for table in ("payouts", "events")
        ]
    assert (len(answers), counted) == (1, [1, 1])
