"""How a payment moves."""

from datetime import timedelta

import pytest

from shared.domain.errors import IllegalTransition
from shared.domain.money import Money
from shared.domain.transaction_status import TransactionStatus, TransactionTrigger
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment

S = TransactionStatus
T = TransactionTrigger
LATER = NOON + timedelta(seconds=7)


def test_moving_takes_one_version_and_the_time_of_the_move() -> None:
    moved, transition = a_payment(version=3).on(T.SUBMIT, LATER)

    assert (moved.status, moved.version, moved.updated_at) == (S.PROCESSING, 4, LATER)
    assert transition.event_type == "payment.processing"


def test_moving_changes_nothing_else() -> None:
    payment = a_payment(metadata={"order": "7"}, checks_made=2)

    moved, _ = payment.on(T.SUBMIT, LATER)

    unchanged = ("id", "amount", "metadata", "checks_made", "created_at", "expires_at", "captured", "next_check_at")
    assert all(getattr(moved, name) == getattr(payment, name) for name in unchanged)


def test_a_move_that_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(IllegalTransition):
        a_payment(status=S.COMPLETED).on(T.DECLINE, LATER)


def test_refundable_is_what_was_taken_less_what_went_back_and_what_is_promised() -> None:
    payment = a_payment(status=S.COMPLETED, refunded=Money(30_000, "KES"), refund_pending=Money(20_000, "KES"))

    assert payment.refundable == Money(50_000, "KES")


@pytest.mark.parametrize("status", sorted(S))
def test_only_what_was_surely_not_taken_is_safe_to_try_again(status: S) -> None:
    assert a_payment(status=status).is_safe_to_retry is (status in {S.FAILED, S.CANCELLED, S.EXPIRED})
