"""Which command fits a payment or refund as it stands."""

from uuid import UUID

import pytest

from shared.application.commands import next_payment_command, next_refund_command
from shared.contracts.messages.commands import InitializePayment, RefundPayment, VerifyPayment, VerifyRefund
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import UNFINISHED, TransactionStatus
from tests.fakes.clock import NOON
from tests.fakes.makers import a_payment, a_refund

CAUSE = UUID("01900000-0000-7000-8000-000000000009")


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_a_payment_is_started_once_and_from_then_on_only_asked_about(status: TransactionStatus) -> None:
    payment = a_payment(status=status)

    command = next_payment_command(payment, NOON, CAUSE)

    assert isinstance(command, InitializePayment if status is TransactionStatus.PENDING else VerifyPayment)
    assert (command.transaction_id, command.correlation_id, command.causation_id) == (payment.id, payment.id, CAUSE)


@pytest.mark.parametrize("status", [RefundStatus.PENDING, RefundStatus.PROCESSING, RefundStatus.IN_DOUBT])
def test_a_refund_is_started_once_and_from_then_on_only_asked_about(status: RefundStatus) -> None:
    payment = a_payment()
    refund = a_refund(payment, status=status)

    command = next_refund_command(refund, NOON, CAUSE)

    assert isinstance(command, RefundPayment if status is RefundStatus.PENDING else VerifyRefund)
    assert isinstance(command, RefundPayment | VerifyRefund)
    assert (command.refund_id, command.transaction_id, command.correlation_id) == (refund.id, payment.id, payment.id)


def test_every_command_is_a_message_of_its_own() -> None:
    payment = a_payment()

    assert len({next_payment_command(payment, NOON).message_id for _ in range(10)}) == 10
