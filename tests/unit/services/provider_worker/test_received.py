"""What customers pay at a till, unasked: a completed payment of its owner's, once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from shared.application.actor import process_actor
from shared.application.reconciliation_adoption import Decision, ResolveItems
from shared.application.rematching import rematch_delays_ms
from shared.domain.customer import Customer
from shared.domain.ids import MerchantId, short_reference
from shared.domain.money import Money
from shared.domain.outcome import Pending, Succeeded
from shared.domain.reconciliation import Difference, DifferenceKind, Side
from shared.domain.transaction import PaymentSource, Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.reconciliations import Reconciliation
from shared.persistence.transactions import TransactionFilter
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.provider import MoneyReceived, PaymentReported
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, a_payment
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
TOLD = MoneyReceived(
    reference="CP1",
    amount=Money(90_000, "KES"),
    till="832909",
    account="INV-7",
    customer=Customer(phone="+254700000000"),
    received_at=NOON - timedelta(minutes=1),
    answer={"id": "CP1"},
)


def _worker(**tills: MerchantId) -> WorkerOnFakes:
    worker = WorkerOnFakes()
    _configure(worker, {"832909": MERCHANT} if not tills else {name[1:]: each for name, each in tills.items()})
    return worker


def _configure(worker: WorkerOnFakes, tills: Mapping[str, object]) -> None:
    def save(work: UnitOfWork) -> None:
        work.accounts.ensure_merchant(MERCHANT, "Ours", NOON)
        config = StoredProviderConfig(
            id=new_id(),
            provider_name="cpay",
            is_active=True,
            api_key=None,
            api_secret=None,
            webhook_secret=None,
            config={"base_url": "http://cpay", "tills": {till: str(owner) for till, owner in tills.items()}},
        )
        work.provider_configs.save(config, NOON)

    worker.books.do(save)


def _payments(worker: WorkerOnFakes) -> list[Transaction]:
    return list(worker.books.database.committed.transactions.values())


def test_a_till_payment_is_completed_from_the_beginning() -> None:
    worker = _worker()

    message = worker.receive(TOLD)
    worker.handle(message)

    (payment,) = _payments(worker)
    assert (payment.status, payment.captured, payment.late) == (S.COMPLETED, TOLD.amount, False)
    assert (payment.merchant_id, payment.source, payment.customer) == (MERCHANT, PaymentSource.CUSTOMER, TOLD.customer)
    assert (payment.provider_transaction_id, payment.provider_response) == ("CP1", {"id": "CP1"})
    assert payment.idempotency_key == "received:cpay:CP1"
    assert payment.metadata == {"till": "832909", "account": "INV-7"}
    assert (payment.created_at, payment.next_check_at) == (TOLD.received_at, None)
    assert worker.books.event_types(payment) == ["payment.initiated", "payment.completed"]
    assert worker.event(message).transaction_id == payment.id


def test_its_trail_says_who_brought_it_and_nothing_is_sent_to_the_provider() -> None:
    worker = _worker()

    worker.handle(worker.receive(TOLD))

    (payment,) = _payments(worker)
    assert worker.books.audit_types(payment) == ["payment.initiated", "payment.completed", "webhook.received"]
    assert {entry.ip_address for entry in worker.books.audit(payment)} == {"192.0.2.9"}
    assert (worker.books.commands, worker.provider.asked) == ([], [])


def test_the_same_reference_told_five_times_is_one_payment() -> None:
    worker = _worker()

    messages = [worker.receive(TOLD) for _ in range(5)]
    for message in [*messages, *reversed(messages)]:
        worker.handle(message)

    (payment,) = _payments(worker)
    assert worker.books.event_types(payment) == ["payment.initiated", "payment.completed"]
    assert {worker.event(message).result for message in messages} == {"applied"}


def test_two_references_are_two_payments() -> None:
    worker = _worker()

    worker.handle(worker.receive(TOLD))
    worker.handle(worker.receive(replace(TOLD, reference="CP2")))

    assert sorted(each.provider_transaction_id or "" for each in _payments(worker)) == ["CP1", "CP2"]


def test_a_callback_that_names_another_amount_of_a_known_payment_is_refused() -> None:
    worker = _worker()
    worker.handle(worker.receive(TOLD))

    for amount in (Money(90_001, "KES"), Money(90_000, "UGX")):
        message = worker.receive(replace(TOLD, amount=amount))
        worker.handle(message)
        assert worker.event(message).result == "refused: amount"

    (payment,) = _payments(worker)
    assert (payment.captured, payment.version) == (TOLD.amount, 2)


def test_nothing_received_is_no_payment() -> None:
    worker = _worker()

    message = worker.receive(replace(TOLD, amount=Money(0, "KES")))
    worker.handle(message)

    assert (_payments(worker), worker.event(message).result) == ([], "refused: amount")


@pytest.mark.parametrize("owner", [None, OTHER_MERCHANT], ids=["unknown till", "unknown merchant"])
def test_a_till_of_nobody_stays_unmatched_and_is_looked_at_again_on_the_ladder(owner: MerchantId | None) -> None:
    worker = _worker(_1=MERCHANT) if owner is None else _worker(_832909=owner)
    message = worker.receive(TOLD)

    worker.handle(message)

    event = worker.event(message)
    assert (event.processed, event.result, event.retry_count) == (False, "unmatched till 832909", 1)
    assert [each.exchange for each in worker.books.outgoing] == [f"gw.delay.{DEFAULT_DELAYS_MS[0]}"]
    assert _payments(worker) == []


@pytest.mark.parametrize("written", ["the shop in Nakuru", ""])
def test_a_till_whose_owner_is_no_id_is_nobodys(written: str) -> None:
    worker = _worker()
    _configure(worker, {"832909": written})
    message = worker.receive(TOLD)

    worker.handle(message)

    assert worker.event(message).result == "unmatched till 832909"
    assert _payments(worker) == []


def test_a_till_that_finds_its_owner_later_is_taken_in_then() -> None:
    worker = _worker(_1=MERCHANT)
    message = worker.receive(TOLD)
    worker.handle(message)

    _configure(worker, {"832909": MERCHANT})
    worker.handle(message)

    assert [each.status for each in _payments(worker)] == [S.COMPLETED]


def test_a_till_that_nobody_comes_to_own_is_counted_when_it_is_looked_at_no_more() -> None:
    worker = _worker(_1=MERCHANT)
    before = _looked_at_no_more()
    message = worker.receive(TOLD)

    looks = len(rematch_delays_ms(worker.ladder))
    for _ in range(looks):
        worker.handle(message)
    assert _looked_at_no_more() == before
    worker.handle(message)

    assert _looked_at_no_more() == before + 1
    assert (worker.event(message).processed, len(worker.books.outgoing)) == (False, looks)


def _looked_at_no_more() -> float:
    return REGISTRY.get_sample_value("gateway_unmatched_callbacks_total", {"provider": "cpay"}) or 0.0


def test_money_that_has_come_for_a_payment_which_waits_here_has_its_provider_asked_at_once() -> None:
    worker = _worker()
    waiting = a_payment(status=S.PROCESSING, amount=TOLD.amount, provider_transaction_id="CP1")
    worker.books.put(waiting)

    worker.handle(worker.receive(TOLD))

    (payment,) = _payments(worker)
    assert (payment.id, payment.status, payment.next_check_at) == (waiting.id, S.PROCESSING, NOON)


def test_a_till_payment_is_one_of_the_owners_and_of_nobody_elses() -> None:
    worker = _worker()
    worker.handle(worker.receive(TOLD))

    def listed(work: UnitOfWork, merchant_id: MerchantId) -> list[str | None]:
        found = work.transactions.list_newest_first(TransactionFilter(merchant_id=merchant_id), limit=10)
        return [each.provider_transaction_id for each in found]

    with worker.books.unit_of_work() as work:
        assert (listed(work, MERCHANT), listed(work, OTHER_MERCHANT)) == (["CP1"], [])


def test_a_provider_without_a_configuration_has_no_tills() -> None:
    worker = WorkerOnFakes()
    message = worker.receive(TOLD)

    worker.handle(message)

    assert worker.event(message).result == "unmatched till 832909"


@pytest.mark.parametrize(
    "outcome", [Pending(reference="CP1"), Succeeded(reference="CP1")], ids=["pending", "succeeded"]
)
def test_later_news_of_it_does_nothing_more(outcome: Pending | Succeeded) -> None:
    worker = _worker()
    worker.handle(worker.receive(TOLD))

    told = PaymentReported(transaction_id=None, reference="CP1", amount=TOLD.amount, outcome=outcome)
    worker.handle(worker.receive(told))

    (payment,) = _payments(worker)
    assert (payment.status, payment.version) == (S.COMPLETED, 2)


def _adopted(worker: WorkerOnFakes) -> Transaction:
    run = Reconciliation(
        id=new_id(),
        provider="cpay",
        since=NOON - timedelta(days=1),
        until=NOON,
        started_by="test",
        started_at=NOON,
        touched_at=NOON,
    )
    theirs = Side(status="Succeeded", amount=TOLD.amount)
    missing = Difference(
        kind=DifferenceKind.MISSING_OURS,
        subject="payment",
        our_id=None,
        reference="CP1",
        ours=None,
        theirs=theirs,
        occurred_at=TOLD.received_at,
    )

    def keep(work: UnitOfWork) -> None:
        work.reconciliations.add(run)
        work.reconciliations.add_differences(run, [missing])

    worker.books.do(keep)
    (item,) = worker.books.database.committed.reconciliation_items
    decision = Decision(item_id=item, reason="a till", actor=process_actor("operator:amina"))
    return ResolveItems(worker.books.unit_of_work, worker.clock).adopt(decision, MERCHANT)


def test_what_was_adopted_from_a_statement_before_its_callback_came_is_not_taken_in_again() -> None:
    worker = _worker()
    adopted = _adopted(worker)

    message = worker.receive(TOLD)
    worker.handle(message)

    (payment,) = _payments(worker)
    assert (payment.id, payment.captured, payment.version) == (adopted.id, TOLD.amount, 2)
    assert worker.event(message).transaction_id == adopted.id


def _asked_for(worker: WorkerOnFakes, status: S, **facts: Any) -> Transaction:
    """A payment of ours whose customer was shown its short reference as the account."""
    payment = a_payment(status=status, amount=TOLD.amount, **facts)
    worker.books.put(payment)
    return payment


def _with_account_of(payment: Transaction, reference: str = "SAA1", **facts: Any) -> MoneyReceived:
    return replace(TOLD, reference=reference, account=short_reference(payment.id), is_receipt=True, **facts)


@pytest.mark.parametrize("status", [S.IN_DOUBT, S.PROCESSING, S.REQUIRES_ACTION, S.EXPIRED, S.FAILED])
def test_money_that_names_a_payment_of_ours_is_that_payments(status: S) -> None:
    worker = _worker()
    payment = _asked_for(worker, status)

    worker.handle(worker.receive(_with_account_of(payment)))

    (paid,) = _payments(worker)
    assert (paid.status, paid.captured, paid.provider_receipt) == (S.COMPLETED, TOLD.amount, "SAA1")
    assert paid.late is (status in {S.EXPIRED, S.FAILED})


def test_a_payment_that_was_completed_without_a_receipt_learns_it() -> None:
    worker = _worker()
    payment = _asked_for(worker, S.COMPLETED, captured=TOLD.amount, provider_transaction_id="ws_CO_1")

    worker.handle(worker.receive(_with_account_of(payment)))

    (paid,) = _payments(worker)
    assert (paid.provider_receipt, paid.provider_transaction_id, paid.captured) == ("SAA1", "ws_CO_1", TOLD.amount)


def test_a_customer_who_pays_the_same_account_again_has_paid_twice() -> None:
    worker = _worker()
    payment = _asked_for(worker, S.IN_DOUBT)

    worker.handle(worker.receive(_with_account_of(payment)))
    worker.handle(worker.receive(_with_account_of(payment, "SAA2")))

    assert sorted((each.source, each.captured) for each in _payments(worker)) == [
        (PaymentSource.CUSTOMER, TOLD.amount),
        (PaymentSource.MERCHANT, TOLD.amount),
    ]


def test_money_that_is_told_as_a_receipt_and_again_by_itself_is_one_payment() -> None:
    worker = _worker()
    payment = _asked_for(worker, S.COMPLETED, captured=TOLD.amount, provider_receipt="SAA1")

    worker.handle(worker.receive(_with_account_of(payment)))

    assert [each.id for each in _payments(worker)] == [payment.id]


@pytest.mark.parametrize(
    "differs", [{"amount": Money(90_100, "KES")}, {"account": "INV-7"}, {"is_receipt": False}], ids=repr
)
def test_other_money_is_a_payment_of_its_own(differs: dict[str, Any]) -> None:
    worker = _worker()
    payment = _asked_for(worker, S.COMPLETED, captured=TOLD.amount)

    worker.handle(worker.receive(replace(_with_account_of(payment), **differs)))

    assert {each.source for each in _payments(worker)} == {PaymentSource.MERCHANT, PaymentSource.CUSTOMER}
    assert worker.books.payment(payment).provider_receipt is None
