"""A payment that only the provider knows is taken into our books on an operator's word, once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.application.actor import process_actor
from shared.application.reconciliation_adoption import AdoptionRefused, Decision, ResolveItems
from shared.application.reconciliation_run import Reconcile
from shared.application.their_books import TheirBooks, Window
from shared.domain.ids import MerchantId
from shared.domain.money import Money
from shared.domain.outcome import Declined, Pending
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.reconciliations import ReconciliationItem
from shared.provider_kit.provider import StatementLine
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, a_payment
from tests.fakes.statements import ScriptedBooks, a_line

LATER = NOON + timedelta(days=2)
WINDOW = Window(since=NOON - timedelta(days=1), until=NOON + timedelta(days=1))


@pytest.fixture
def books() -> Books:
    made = Books()
    for merchant_id in (MERCHANT, OTHER_MERCHANT):
        made.do(lambda work, each=merchant_id: work.accounts.ensure_merchant(each, "Shop", NOON))  # type: ignore[misc] # bound now
    return made


def _found(books: Books, *lines: StatementLine) -> ReconciliationItem:
    """The last item of a comparison with these lines."""
    theirs = TheirBooks(provider="cpay", statements=ScriptedBooks(*lines))
    Reconcile(books.unit_of_work, FakeClock(LATER)).run(theirs, WINDOW, process_actor("test"))
    return list(books.database.committed.reconciliation_items.values())[-1]


def _adopt(books: Books, item: ReconciliationItem, merchant_id: MerchantId = MERCHANT) -> Transaction:
    decision = Decision(item_id=item.id, reason="paid at the till", actor=process_actor("amina"))
    return ResolveItems(books.unit_of_work, FakeClock(LATER)).adopt(decision, merchant_id)


def test_what_is_adopted_is_a_completed_payment_like_any_other(books: Books) -> None:
    item = _found(books, a_line(amount=Money(77_700, "KES")))

    payment = books.payment(_adopt(books, item))

    assert (payment.status, payment.amount, payment.captured) == (
        TransactionStatus.COMPLETED,
        Money(77_700, "KES"),
        Money(77_700, "KES"),
    )
    assert (payment.idempotency_key, payment.provider_transaction_id) == ("adopted:cpay:THEIRS-1", "THEIRS-1")
    assert payment.metadata == {"adopted_from": "cpay statement", "reconciliation_item": str(item.id)}
    assert (payment.created_at, payment.updated_at, payment.next_check_at, payment.late) == (NOON, LATER, None, False)


def test_its_events_and_its_audit_trail_are_those_of_a_payment_that_completed(books: Books) -> None:
    payment = _adopt(books, _found(books, a_line()))

    assert books.event_types(payment) == ["payment.initiated", "payment.completed"]
    assert [each.event_type for each in books.announced] == ["payment.initiated", "payment.completed"]
    trail = books.audit(payment)
    assert [each.event_type for each in trail] == ["payment.initiated", "payment.completed", "reconciliation.adopted"]
    assert {each.user_id for each in trail} == {"amina"}
    assert trail[1].event_data["source"] == "statement"
    assert trail[2].event_data["reason"] == "paid at the till"


def test_nothing_is_sent_to_the_provider(books: Books) -> None:
    _adopt(books, _found(books, a_line()))

    assert books.commands == []


def test_the_item_says_who_resolved_it_how_and_to_what(books: Books) -> None:
    item = _found(books, a_line())

    payment = _adopt(books, item)

    after = books.database.committed.reconciliation_items[item.id]
    assert (after.found.our_id, after.resolution, after.resolved_by, after.resolved_at) == (
        payment.id,
        "paid at the till",
        "amina",
        LATER,
    )


def test_adopting_twice_changes_nothing(books: Books) -> None:
    item = _found(books, a_line())
    first = _adopt(books, item)
    before = books.database.committed.count()

    assert _adopt(books, item).id == first.id
    assert books.database.committed.count() == before


def test_what_is_adopted_matches_from_then_on(books: Books) -> None:
    _adopt(books, _found(books, a_line()))

    _found(books, a_line())

    assert [each.is_open for each in books.database.committed.reconciliation_items.values()] == [False]


def test_a_reference_that_some_payment_has_already_is_refused(books: Books) -> None:
    item = _found(books, a_line())
    books.put(a_payment(provider_transaction_id="THEIRS-1"))

    with pytest.raises(AdoptionRefused, match="has the reference THEIRS-1 already"):
        _adopt(books, item)

    assert books.database.committed.reconciliation_items[item.id].is_open


def test_a_receipt_that_some_payment_has_already_is_refused(books: Books) -> None:
    item = _found(books, a_line())
    books.put(a_payment(provider_transaction_id="ws_CO_1", provider_receipt="THEIRS-1"))

    with pytest.raises(AdoptionRefused, match="has the reference THEIRS-1 already"):
        _adopt(books, item)

    assert books.database.committed.reconciliation_items[item.id].is_open


def test_nobody_else_gets_what_one_merchant_has(books: Books) -> None:
    item = _found(books, a_line())
    _adopt(books, item)

    with pytest.raises(AdoptionRefused, match="another merchant"):
        _adopt(books, item, OTHER_MERCHANT)


def test_a_merchant_that_does_not_exist_is_refused(books: Books) -> None:
    with pytest.raises(AdoptionRefused, match="no merchant"):
        _adopt(books, _found(books, a_line()), MerchantId(new_id()))


@pytest.mark.parametrize("outcome", [Declined(code="declined"), Pending(reference="THEIRS-1")])
def test_only_what_succeeded_is_adopted(books: Books, outcome: Any) -> None:
    with pytest.raises(AdoptionRefused, match="does not say that it succeeded"):
        _adopt(books, _found(books, a_line(outcome=outcome)))


def test_only_what_is_missing_is_adopted(books: Books) -> None:
    payment = a_payment(status=TransactionStatus.COMPLETED, provider_transaction_id="P1")
    books.put(payment)

    with pytest.raises(AdoptionRefused, match="this is amount payment"):
        _adopt(books, _found(books, replace(a_line(payment), amount=Money(1, "KES"))))


def test_only_a_payment_is_adopted(books: Books) -> None:
    with pytest.raises(AdoptionRefused, match="this is missing_ours refund"):
        _adopt(books, _found(books, a_line(kind="refund")))


def test_an_item_that_does_not_exist_is_refused(books: Books) -> None:
    item = replace(_found(books, a_line()), id=new_id())

    with pytest.raises(AdoptionRefused, match="no item"):
        _adopt(books, item)


def test_an_item_that_was_dealt_with_elsewhere_is_closed_once(books: Books) -> None:
    item = _found(books, a_line(outcome=Declined(code="declined")))
    resolve = ResolveItems(books.unit_of_work, FakeClock(LATER)).resolve
    resolve(Decision(item_id=item.id, reason="a test of theirs", actor=process_actor("amina")))

    resolve(Decision(item_id=item.id, reason="again", actor=process_actor("bob")))

    after = books.database.committed.reconciliation_items[item.id]
    assert (after.resolution, after.resolved_by) == ("a test of theirs", "amina")
    audited = [each.event_type for each in books.database.committed.audit_log.values()]
    assert audited.count("reconciliation.item_resolved") == 1
