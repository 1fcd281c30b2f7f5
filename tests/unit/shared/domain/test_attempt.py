"""The provider's key of an operation."""

import pytest

from shared.domain.attempt import Operation, provider_key
from tests.fakes.makers import a_payment


def test_the_key_depends_only_on_what_is_done_to_what() -> None:
    payment = a_payment()

    assert provider_key(Operation.INITIALIZE_PAYMENT, payment.id) == f"payment.initialize:{payment.id}"


def test_no_two_operations_share_a_key() -> None:
    payment = a_payment()

    assert len({provider_key(operation, payment.id) for operation in Operation}) == len(Operation)


@pytest.mark.parametrize(
    ("operation", "moves_money"),
    [
        (Operation.INITIALIZE_PAYMENT, True),
        (Operation.INITIALIZE_REFUND, True),
        (Operation.VERIFY_PAYMENT, False),
        (Operation.VERIFY_REFUND, False),
    ],
)
def test_asking_moves_no_money(operation: Operation, moves_money: bool) -> None:
    assert operation.moves_money is moves_money
