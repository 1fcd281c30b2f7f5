"""A receipt is one movement of money: it belongs to one payment, and a payment has one."""

import pytest

from shared.domain.outcome import Pending, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.makers import a_context, a_payment

S = TransactionStatus
PAID = Succeeded(reference="ws_CO_1", receipt="SAA1")


def test_a_success_brings_its_receipt() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)

    books.apply(payment, PAID, context=a_context())

    paid = books.payment(payment)
    assert (paid.status, paid.provider_transaction_id, paid.provider_receipt) == (S.COMPLETED, "ws_CO_1", "SAA1")


def test_a_payment_that_a_query_has_completed_learns_its_receipt_from_the_callback() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)

    books.apply(payment, Succeeded(reference="ws_CO_1"), PAID, context=a_context())

    assert books.payment(payment).provider_receipt == "SAA1"


def test_a_proof_without_a_reference_completes_and_leaves_the_reference_to_come() -> None:
    books, payment = Books(), a_payment(status=S.IN_DOUBT)
    books.put(payment)

    books.apply(payment, Succeeded(reference=None, receipt="SAA1"), PAID, context=a_context())

    paid = books.payment(payment)
    assert (paid.status, paid.provider_transaction_id, paid.provider_receipt) == (S.COMPLETED, "ws_CO_1", "SAA1")


@pytest.mark.parametrize(
    "other",
    [
        a_payment(status=S.COMPLETED, provider_transaction_id="ws_CO_2", provider_receipt="SAA1"),
        a_payment(status=S.COMPLETED, provider_transaction_id="SAA1"),
    ],
    ids=["as its receipt", "as its reference"],
)
def test_what_another_payment_is_known_by_completes_no_second_one(other: Transaction) -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(other)
    books.put(payment)

    books.apply(payment, PAID, context=a_context())

    assert books.payment(payment).status is S.PROCESSING
    assert [entry.event_data["reason"] for entry in books.audit(payment)] == ["receipt"]


def test_another_receipt_for_the_same_payment_is_refused() -> None:
    books, payment = Books(), a_payment(status=S.COMPLETED, provider_receipt="SAA1")
    books.put(payment)

    books.apply(payment, Succeeded(reference="ws_CO_1", receipt="SAA2"), context=a_context())

    assert books.payment(payment).provider_receipt == "SAA1"
    assert [entry.event_data["reason"] for entry in books.audit(payment)] == ["receipt"]


def test_the_same_receipt_told_again_changes_nothing() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(payment)

    books.apply(payment, PAID, PAID, context=a_context())

    assert books.event_types(payment) == ["payment.completed"]


def test_a_refused_receipt_does_not_hide_that_the_payment_is_still_asked_about() -> None:
    books, payment = Books(), a_payment(status=S.PROCESSING)
    books.put(a_payment(status=S.COMPLETED, provider_receipt="SAA1"))
    books.put(payment)

    books.apply(payment, PAID, Pending(reference="ws_CO_1"), context=a_context())

    assert books.payment(payment).next_check_at is not None
