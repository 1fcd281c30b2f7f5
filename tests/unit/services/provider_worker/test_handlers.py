"""Which message is handled, and what an error of its handler means."""

import pytest

from services.provider_worker.handlers import ERRORS
from shared.contracts.messages.codec import MessageUnreadable
from shared.contracts.messages.events import PaymentChanged
from shared.domain.errors import IllegalTransition, Misconfigured, WebhookRejected
from shared.messaging.consumer import Consequence
from shared.persistence.errors import StorageBusy, StorageUnavailable
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.worker import WorkerOnFakes


@pytest.mark.parametrize(
    ("error", "consequence"),
    [
        (MessageUnreadable("x"), Consequence.DEAD_LETTER),
        (WebhookRejected("x"), Consequence.DEAD_LETTER),
        (IllegalTransition("completed", "decline"), Consequence.ACKNOWLEDGE),
        (StorageUnavailable("x"), Consequence.HOLD),
        (StorageBusy("x"), Consequence.HOLD),
        (Misconfigured("x"), Consequence.RETRY),
        (KeyError("a bug"), Consequence.RETRY),
        (AssertionError("a bug"), Consequence.RETRY),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_every_error_has_its_consequence(error: Exception, consequence: Consequence) -> None:
    assert ERRORS.consequence_of(error) is consequence


def test_a_message_that_is_not_for_a_worker_is_set_aside() -> None:
    event = PaymentChanged(
        message_id=new_id(),
        occurred_at=NOON,
        correlation_id=new_id(),
        event_id=new_id(),
        event_type="payment.completed",
        transaction_id=new_id(),
        merchant_id=new_id(),
        user_id=None,
        sequence=1,
    )

    with pytest.raises(MessageUnreadable, match="not for a provider's worker"):
        WorkerOnFakes().handle(event)
