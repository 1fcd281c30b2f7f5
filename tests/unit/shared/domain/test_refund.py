"""How a refund moves."""

from datetime import timedelta

import pytest

from shared.domain.errors import IllegalTransition
from shared.domain.refund_status import RefundStatus, RefundTrigger
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_refund

LATER = NOON + timedelta(seconds=7)


def test_moving_takes_the_time_of_the_move() -> None:
    moved, transition = a_refund(a_payment()).on(RefundTrigger.SUBMIT, LATER)

    assert (moved.status, moved.updated_at) == (RefundStatus.PROCESSING, LATER)
    assert transition.event_type == "refund.processing"


def test_a_move_that_the_table_does_not_know_is_refused() -> None:
    with pytest.raises(IllegalTransition):
        a_refund(a_payment(), status=RefundStatus.FAILED).on(RefundTrigger.SUCCEED, LATER)


@pytest.mark.parametrize("status", sorted(RefundStatus))
def test_a_refund_is_unfinished_until_it_succeeded_or_failed(status: RefundStatus) -> None:
    finished = {RefundStatus.SUCCEEDED, RefundStatus.FAILED}

    assert a_refund(a_payment(), status=status).is_unfinished is (status not in finished)
