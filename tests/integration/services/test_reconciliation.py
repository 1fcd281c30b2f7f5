"""Comparing with a provider's books on the real database: pages, one open item, locks and memory."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from shared.application.actor import process_actor
from shared.application.reconciliation_adoption import AdoptionRefused, Decision, ResolveItems
from shared.application.reconciliation_run import Reconcile
from shared.application.their_books import TheirBooks, Window
from shared.domain.ids import MerchantId, short_reference
from shared.domain.money import Money
from shared.domain.outcome import Declined, Succeeded
from shared.domain.reconciliation import DifferenceKind
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.book_entries import BookEntries, Names
from shared.persistence.reconciliations import Reconciliation, RunResult
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.provider import StatementLine
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.fakes.statements import ScriptedBooks, a_line
from tests.integration.conftest import Database, new_database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment, a_refund
from tests.servers import Servers

WINDOW = Window(since=NOW - timedelta(days=1), until=NOW + timedelta(days=1))
AFTERWARDS = NOW + timedelta(days=2)
S, D = TransactionStatus, DifferenceKind


@pytest.fixture
def database(servers: Servers) -> Iterator[Database]:
    """One of its own for each test: a comparison looks at everything that is there."""
    with new_database(servers.urls["postgres"]) as found:
        yield found


@pytest.fixture
def merchant_id(database: Database) -> MerchantId:
    return a_merchant(unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS))[0]


def _completed(merchant_id: MerchantId, reference: str, **facts: object) -> Transaction:
    made = a_payment(merchant_id, status=S.COMPLETED, captured=100_000)
    return replace(made, provider_transaction_id=reference, **facts)  # type: ignore[arg-type] # fields of a payment


def _put(unit_of_work: UnitOfWorkFactory, *payments: Transaction) -> None:
    with unit_of_work() as work:
        for payment in payments:
            work.transactions.add(payment)
        work.commit()


def _run(unit_of_work: UnitOfWorkFactory, *lines: StatementLine, page: int = 500) -> Reconciliation:
    reconcile = Reconcile(unit_of_work, FakeClock(AFTERWARDS), page=page)
    theirs = TheirBooks(provider="cpay", statements=ScriptedBooks(*lines))
    return reconcile.run(theirs, WINDOW, process_actor("test"))


@pytest.mark.parametrize("page", [2, 500])
def test_every_kind_of_difference_is_found_and_kept(database: Database, merchant_id: MerchantId, page: int) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    good, twice, gone, cheap = (_completed(merchant_id, each) for each in ("P1", "P2", "P3", "P4"))
    failed = a_payment(merchant_id, status=S.FAILED)
    _put(unit_of_work, good, twice, gone, cheap, failed)
    refund = replace(a_refund(good, 10_000), provider_refund_id="R1")
    with unit_of_work() as work:
        work.refunds.add(refund)
        work.commit()
    lines = [
        *(a_line(good), a_line(twice), a_line(twice, reference="P2-AGAIN")),
        *(a_line(cheap, amount=Money(99_999, "KES")), a_line(failed), a_line(reference="NOBODYS")),
        a_line(refund, outcome=Succeeded(reference="R1")),
    ]

    first, second = _run(unit_of_work, *lines, page=page), _run(unit_of_work, *lines, page=page)

    expected = {"matched": 2, "duplicate": 1, "missing_theirs": 1, "amount": 1, "status": 2, "missing_ours": 1}
    assert {name: first.counts.get(name, 0) for name in expected} == expected
    with unit_of_work() as work:
        items = work.reconciliations.items_of(second.id, 100)
        assert (work.reconciliations.find(first.id), work.reconciliations.list_newest_first(1)) == (first, [second])
        asked = [work.transactions.find(failed.id), work.refunds.find(refund.id)]
    assert {each.reconciliation_id for each in items} == {first.id}
    assert sorted(each.found.kind for each in items) == sorted(
        [D.DUPLICATE, D.MISSING_THEIRS, D.AMOUNT, D.STATUS, D.STATUS, D.MISSING_OURS]
    )
    (amount,) = [each.found for each in items if each.found.kind is D.AMOUNT]
    assert (amount.our_id, amount.difference_minor) == (cheap.id, -1)
    assert [each.next_check_at for each in asked if each is not None] == [AFTERWARDS, AFTERWARDS]


def _pulled(payment: Transaction, receipt: str) -> StatementLine:
    """As M-Pesa's statement names a payment."""
    return a_line(payment, reference=receipt, our_id=short_reference(payment.id))


def test_lines_that_name_receipts_find_their_payments(database: Database, merchant_id: MerchantId) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    told, untold, unpaid = (_completed(merchant_id, f"ws_CO_{number}") for number in range(3))
    told = replace(told, provider_receipt="SAA1")
    _put(unit_of_work, told, untold, unpaid)
    lines = [_pulled(told, "SAA1"), _pulled(untold, "SAA2"), _pulled(told, "SAA3")]

    run = _run(unit_of_work, *lines)

    with unit_of_work() as work:
        items = work.reconciliations.items_of(run.id, 10)
    found = {(each.found.kind, each.found.our_id, each.found.reference) for each in items}
    assert run.counts["matched"] == 2
    assert found == {(D.DUPLICATE, told.id, "SAA3"), (D.MISSING_THEIRS, unpaid.id, "ws_CO_2")}


def test_each_name_that_a_line_may_have_is_found_by_an_index(database: Database) -> None:
    asked: list[tuple[str, Any]] = []
    with database.application.begin() as connection:
        event.listen(connection, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
        names = Names(ids=[new_id()], references=["R1"], short_references=["0123456789ab"])
        BookEntries(connection).find("mpesa", "payment", names)
        statements = list(asked)
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plans = [str(connection.exec_driver_sql(f"EXPLAIN {each}", given).all()) for each, given in statements]

    indexes = ["pk_transactions", "uq_transactions_provider_transaction_id", "uq_transactions_provider_receipt"]
    for index, plan in zip([*indexes, "ix_transactions_short_reference"], plans, strict=True):
        assert index in plan


def test_a_window_is_done_when_one_that_began_before_it_and_ended_with_it_is(
    database: Database, merchant_id: MerchantId
) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    _run(unit_of_work)
    hour = timedelta(hours=1)
    since, until = WINDOW.since, WINDOW.until

    with unit_of_work() as work:
        asked = [(since, until), (since + hour, until), (since - hour, until), (since, until + hour)]
        done = [work.reconciliations.is_done("cpay", *each) for each in asked]

    assert done == [True, True, False, False]


def test_what_a_later_run_finds_right_is_closed(database: Database, merchant_id: MerchantId) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    payment = _completed(merchant_id, "P1")
    _put(unit_of_work, payment)
    first = _run(unit_of_work, a_line(payment, outcome=Declined(code="declined")))

    second = _run(unit_of_work, a_line(payment))

    with unit_of_work() as work:
        (item,) = work.reconciliations.items_of(first.id, 10)
    assert (second.result, second.counts["settled"], item.is_open) == (RunResult.MATCHED, 1, False)
    assert item.resolved_by == f"reconciliation {second.id}"


def test_a_row_that_somebody_works_on_holds_up_no_run(database: Database, merchant_id: MerchantId) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    failed = a_payment(merchant_id, status=S.FAILED)
    _put(unit_of_work, failed)

    with unit_of_work() as holding:
        holding.transactions.lock(failed.id)
        run = _run(unit_of_work, a_line(failed))

    assert (run.counts["status"], run.counts["asked"]) == (1, 0)


def test_what_is_adopted_is_in_the_database_once(database: Database, merchant_id: MerchantId) -> None:
    unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
    run = _run(unit_of_work, a_line(), a_line(reference="TAKEN"))
    _put(unit_of_work, _completed(merchant_id, "TAKEN"))
    with unit_of_work() as work:
        items = {each.found.reference: each for each in work.reconciliations.items_of(run.id, 10)}
    resolve = ResolveItems(unit_of_work, FakeClock(AFTERWARDS))
    decision = Decision(item_id=items["THEIRS-1"].id, reason="at the till", actor=process_actor("amina"))

    first, again = resolve.adopt(decision, merchant_id), resolve.adopt(decision, merchant_id)

    assert first.id == again.id
    with pytest.raises(AdoptionRefused):
        resolve.adopt(replace(decision, item_id=items["TAKEN"].id), merchant_id)
    with unit_of_work() as work:
        stored = work.transactions.find(first.id)
        assert stored is not None
        assert (stored.status, stored.idempotency_key) == (S.COMPLETED, "adopted:cpay:THEIRS-1")
        events = [each.event_type for each in work.event_log.of_transaction(first.id)]
    assert events == ["payment.initiated", "payment.completed"]


def test_of_many_lines_little_is_remembered(database: Database, merchant_id: MerchantId) -> None:
    total = 10_000
    with database.owner.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(_MANY), {"merchant": merchant_id, "now": NOW, "total": total - 10})

    class Books:
        def statement(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
            assert since < until
            for number in range(10, total):
                yield a_line(reference=f"M{number}", occurred_at=NOW)

    reconcile = Reconcile(unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS), FakeClock(AFTERWARDS))
    tracemalloc.start()
    run = reconcile.run(TheirBooks(provider="cpay", statements=Books()), WINDOW, process_actor("test"))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    found = {name: run.counts.get(name, 0) for name in ("matched", "missing_ours", "missing_theirs")}
    assert found == {"matched": total - 20, "missing_ours": 10, "missing_theirs": 10}
    assert peak_bytes < 12_000_000


_MANY = """
    INSERT INTO transactions (id, merchant_id, idempotency_key, provider, amount_minor, currency, currency_exponent,
        status, customer, metadata, provider_transaction_id, captured_minor, version,
        expires_at, created_at, updated_at)
    SELECT gen_random_uuid(), :merchant, 'k' || n, 'cpay', 100000, 'KES', 2,
        'completed', '{}', '{}', 'M' || n, 100000, 1,
        CAST(:now AS timestamptz) + interval '1 hour', CAST(:now AS timestamptz), CAST(:now AS timestamptz)
    FROM generate_series(0, :total - 1) AS n
"""
