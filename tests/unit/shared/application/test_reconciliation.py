"""What differs between a provider's books and ours, line by line."""

from dataclasses import replace

import pytest

from shared.application.reconciliation import Comparison
from shared.domain.ids import short_reference
from shared.domain.money import Money
from shared.domain.outcome import Authorized, Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.reconciliation import BookEntry, Difference, DifferenceKind, Standing
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import NOT_TAKEN, UNFINISHED, TransactionStatus
from shared.persistence.book_entries import standing_of_status
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.statements import a_line

D = DifferenceKind
MOVED, NOT_MOVED, OPEN = Standing.MOVED, Standing.NOT_MOVED, Standing.OPEN
OUTCOMES: list[tuple[Outcome, Standing]] = [
    (Succeeded(reference="R1"), MOVED),
    (Declined(code="declined"), NOT_MOVED),
    (NotSent(reason="never arrived"), NOT_MOVED),
    (Authorized(reference="R1"), OPEN),
    (Pending(reference="R1"), OPEN),
    (InDoubt(reason="unknown state"), OPEN),
]


def _ours(standing: Standing = MOVED, reference: str | None = "R1", amount: int = 100_000) -> BookEntry:
    return BookEntry(
        kind="payment",
        id=new_id(),
        reference=reference,
        amount=Money(amount, "KES"),
        status=standing.value,
        standing=standing,
        created_at=NOON,
    )


def _kind(difference: Difference | None) -> DifferenceKind | None:
    return None if difference is None else difference.kind


@pytest.mark.parametrize("ours", list(Standing))
@pytest.mark.parametrize(("outcome", "theirs"), OUTCOMES, ids=lambda each: getattr(each, "value", type(each).__name__))
def test_they_differ_in_status_unless_both_say_the_same_of_the_money(
    outcome: Outcome, theirs: Standing, ours: Standing
) -> None:
    found = Comparison().compare(a_line(outcome=outcome, reference="R1"), _ours(ours))

    assert _kind(found) == (None if ours is theirs else D.STATUS)


@pytest.mark.parametrize("status", sorted(TransactionStatus))
def test_every_status_of_a_payment_says_something_of_the_money(status: TransactionStatus) -> None:
    expected = OPEN if status in UNFINISHED else NOT_MOVED if status in NOT_TAKEN else MOVED

    assert standing_of_status("payment", status) is expected


@pytest.mark.parametrize(
    ("status", "standing"),
    [("pending", OPEN), ("processing", OPEN), ("in_doubt", OPEN), ("succeeded", MOVED), ("failed", NOT_MOVED)],
)
def test_every_status_of_a_refund_says_something_of_the_money(status: str, standing: Standing) -> None:
    assert standing_of_status("refund", RefundStatus(status)) is standing


def test_what_only_they_have_is_missing_in_ours() -> None:
    found = Comparison().compare(a_line(), None)

    assert found is not None
    assert (found.kind, found.our_id, found.ours, found.reference) == (D.MISSING_OURS, None, None, "THEIRS-1")


@pytest.mark.parametrize(("theirs", "difference"), [(100_001, 1), (99_000, -1000), (1, -99_999)])
def test_amounts_differ_to_the_minor_unit(theirs: int, difference: int) -> None:
    found = Comparison().compare(a_line(reference="R1", amount=Money(theirs, "KES")), _ours())

    assert found is not None
    assert (found.kind, found.difference_minor) == (D.AMOUNT, difference)


def test_the_same_number_in_another_currency_is_another_amount() -> None:
    found = Comparison().compare(a_line(reference="R1", amount=Money(100_000, "USD")), _ours())

    assert found is not None
    assert (found.kind, found.difference_minor) == (D.AMOUNT, None)


def test_of_what_was_captured_in_part_that_part_is_compared() -> None:
    captured = Succeeded(reference="R1", captured=Money(40_000, "KES"))

    assert Comparison().compare(a_line(reference="R1", outcome=captured), _ours(amount=40_000)) is None


def test_the_amount_of_what_both_say_did_not_move_does_not_matter() -> None:
    line = a_line(reference="R1", outcome=Declined(code="declined"), amount=Money(7, "KES"))

    assert Comparison().compare(line, _ours(NOT_MOVED)) is None


def test_two_of_theirs_for_one_of_ours_are_a_duplicate() -> None:
    ours, comparison = _ours(), Comparison()

    found = [_kind(comparison.compare(a_line(reference=each), ours)) for each in ("R1", "R2")]

    assert found == [None, D.DUPLICATE]


def test_two_of_theirs_are_a_duplicate_also_where_their_answer_was_lost() -> None:
    ours, comparison = _ours(reference=None), Comparison()

    found = [_kind(comparison.compare(a_line(reference=each), ours)) for each in ("R1", "R2", "R1")]

    assert found == [None, D.DUPLICATE, None]


def test_a_line_may_name_the_receipt_or_the_reference() -> None:
    ours = replace(_ours(reference="ws_CO_1"), receipt="SAA1")

    found = [_kind(Comparison().compare(a_line(reference=each), ours)) for each in ("ws_CO_1", "SAA1", "SAA2")]

    assert found == [None, None, D.DUPLICATE]


@pytest.mark.parametrize("reference", [None, "ws_CO_1"])
def test_where_we_were_told_no_receipt_the_first_that_they_name_for_our_short_reference_is_it(
    reference: str | None,
) -> None:
    ours, comparison = _ours(reference=reference), Comparison()
    lines = [a_line(reference=each, our_id=short_reference(ours.id)) for each in ("SAA1", "SAA2", "SAA1")]

    found = [_kind(comparison.compare(line, ours)) for line in lines]

    assert found == [None, D.DUPLICATE, None]


def test_another_receipt_is_a_duplicate_also_where_their_answer_was_lost() -> None:
    ours = replace(_ours(reference=None), receipt="SAA1")
    line = a_line(reference="SAA2", our_id=short_reference(ours.id))

    assert _kind(Comparison().compare(line, ours)) is D.DUPLICATE


def test_a_try_of_theirs_that_came_to_nothing_beside_the_one_that_counts_is_no_duplicate() -> None:
    ours, comparison = _ours(), Comparison()

    comparison.compare(a_line(reference="R1"), ours)

    assert comparison.compare(a_line(reference="R2", outcome=Declined(code="declined")), ours) is None


def test_a_line_that_comes_twice_counts_once() -> None:
    ours, comparison = _ours(), Comparison()

    for _ in range(2):
        comparison.compare(a_line(reference="R1"), ours)

    assert comparison.counts == {"lines": 2, "matched": 1, "repeated": 1}


@pytest.mark.parametrize(("standing", "expected"), [(MOVED, D.MISSING_THEIRS), (OPEN, None), (NOT_MOVED, None)])
def test_what_we_say_moved_and_they_do_not_know_is_missing_in_theirs(
    standing: Standing, expected: DifferenceKind | None
) -> None:
    assert _kind(Comparison().compare_unseen(_ours(standing))) == expected


def test_what_they_have_is_not_missing() -> None:
    ours, comparison = _ours(), Comparison()

    comparison.compare(a_line(reference="R1"), ours)

    assert comparison.compare_unseen(ours) is None


def test_their_other_one_does_not_stand_for_the_one_that_we_know() -> None:
    ours, comparison = _ours(), Comparison()

    comparison.compare(a_line(reference="R2"), ours)

    assert _kind(comparison.compare_unseen(ours)) is D.MISSING_THEIRS
