"""Lines that name a receipt or an account: which payment of ours each of them is."""

from typing import Any

from shared.application.actor import process_actor
from shared.application.reconciliation_run import Reconcile
from shared.domain.ids import short_reference
from shared.domain.money import Money
from shared.domain.reconciliation import DifferenceKind
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.persistence.reconciliations import RunResult
from shared.provider_kit.provider import StatementLine
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.makers import a_payment, a_refund
from tests.fakes.statements import ScriptedBooks, a_line
from tests.unit.shared.application.reconciling import (
    AFTERWARDS,
    WINDOW,
    completed,
    items_of,
    open_kinds,
    run_against,
    their_books,
)

S, D = TransactionStatus, DifferenceKind


def _pulled(payment: Transaction, receipt: str, **facts: Any) -> StatementLine:
    """As M-Pesa's statement names a payment: by its receipt, and the account that it was asked for with."""
    return a_line(payment, **({"reference": receipt, "our_id": short_reference(payment.id)} | facts))


def _prompted(number: int, receipt: str | None = None, **facts: Any) -> Transaction:
    return completed(f"ws_CO_{number}", provider_receipt=receipt, **facts)


def test_a_line_is_found_by_the_receipt_or_by_the_short_reference() -> None:
    books, by_receipt, by_short = Books(), _prompted(1, "SAA1"), _prompted(2)
    books.put(by_receipt)
    books.put(by_short)
    typed = short_reference(by_short.id).lower()

    run = run_against(books, _pulled(by_receipt, "SAA1", our_id="rent"), _pulled(by_short, "SAA2", our_id=typed))

    assert (run.result, run.counts["matched"]) == (RunResult.MATCHED, 2)


def test_two_receipts_for_one_payment_of_ours_are_a_duplicate() -> None:
    books, payment = Books(), _prompted(1, "SAA1")
    books.put(payment)

    run_against(books, _pulled(payment, "SAA1"), _pulled(payment, "SAA2"))

    (item,) = items_of(books)
    assert (item.found.kind, item.found.our_id, item.found.reference) == (D.DUPLICATE, payment.id, "SAA2")


def test_what_was_paid_again_to_an_account_of_ours_and_taken_in_is_that_payment() -> None:
    books, payment, by_hand = Books(), _prompted(1, "SAA1"), completed("SAA2")
    books.put(payment)
    books.put(by_hand)

    run = run_against(books, _pulled(payment, "SAA1"), _pulled(payment, "SAA2"))

    assert (run.result, run.counts["matched"]) == (RunResult.MATCHED, 2)


def test_another_amount_paid_to_an_account_of_ours_is_another_payment() -> None:
    books, payment = Books(), _prompted(1, "SAA1")
    books.put(payment)

    run = run_against(books, _pulled(payment, "SAA1"), _pulled(payment, "SAA2", amount=Money(5_000, "KES")))

    (item,) = items_of(books)
    assert (item.found.kind, item.found.reference, run.counts["matched"]) == (D.MISSING_OURS, "SAA2", 1)


def test_a_receipt_under_two_payments_is_the_ones_whose_receipt_it_is_and_the_other_is_missed() -> None:
    books, payment, again = Books(), _prompted(1, "SAA1"), completed("SAA1")
    books.put(payment)
    books.put(again)

    run_against(books, _pulled(payment, "SAA1"))

    (item,) = items_of(books)
    assert (item.found.kind, item.found.our_id) == (D.MISSING_THEIRS, again.id)


def test_a_failed_prompt_whose_money_is_in_the_statement_is_asked_about() -> None:
    books, failed = Books(), a_payment(status=S.FAILED, provider_transaction_id="ws_CO_1")
    books.put(failed)

    run = run_against(books, _pulled(failed, "SAA1"))

    assert (open_kinds(books), run.counts["asked"]) == (["status"], 1)
    assert books.payment(failed).next_check_at == AFTERWARDS


def test_what_a_statement_does_not_cover_is_not_missed_in_it() -> None:
    books, payment, unfinished = Books(), _prompted(1, "SAA1"), a_payment()
    done = a_refund(payment, status=RefundStatus.SUCCEEDED)
    books.put(payment, done)
    books.put(unfinished, a_refund(unfinished))
    theirs = their_books(ScriptedBooks(), kinds=frozenset({"payment"}))

    run = Reconcile(books.unit_of_work, FakeClock(AFTERWARDS)).run(theirs, WINDOW, process_actor("test"))

    (item,) = items_of(books)
    assert (item.found.kind, item.found.our_id) == (D.MISSING_THEIRS, payment.id)
    assert run.counts["asked"] == 1  # the unfinished payment; no refund
    assert books.payment(unfinished).next_check_at == AFTERWARDS
