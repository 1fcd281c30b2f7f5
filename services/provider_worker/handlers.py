"""The worker's table of contents: which message is handled where."""

from collections.abc import Callable, Mapping

from services.provider_worker.captures import CaptureHandlers
from services.provider_worker.payments import PaymentHandlers
from services.provider_worker.payouts import PayoutHandlers
from services.provider_worker.provider_events import ProviderEventHandler
from services.provider_worker.refunds import RefundHandlers
from shared.application.provider_accounts import AccountUnusable
from shared.contracts.messages.codec import AnyMessage, MessageUnreadable
from shared.contracts.messages.commands import (
    CancelPayment,
    CapturePayment,
    InitializePayment,
    RefundPayment,
    SendPayout,
    VerifyCapture,
    VerifyPayment,
    VerifyPayout,
    VerifyRefund,
)
from shared.contracts.messages.events import ProviderEventReceived
from shared.domain.errors import IllegalTransition, WebhookRejected
from shared.messaging.consumer import Consequence, ErrorTable
from shared.persistence.errors import StorageUnavailable
from shared.runtime.correlation import bind
from shared.runtime.crash_points import reach

# error -> consequence; what is not named is a bug, and is tried again on the ladder.
ERRORS = ErrorTable(
    [
        (StorageUnavailable, Consequence.HOLD),
        (AccountUnusable, Consequence.RETRY),
        (WebhookRejected, Consequence.DEAD_LETTER),
        (IllegalTransition, Consequence.ACKNOWLEDGE),
    ]
)


class WorkerHandlers:
    def __init__(
        self,
        payments: PaymentHandlers,
        captures: CaptureHandlers,
        refunds: RefundHandlers,
        payouts: PayoutHandlers,
        events: ProviderEventHandler,
    ) -> None:
        self._by_type: Mapping[type[AnyMessage], Callable[..., None]] = {
            InitializePayment: payments.initialize,
            VerifyPayment: payments.verify,
            CancelPayment: payments.cancel,
            CapturePayment: captures.initialize,
            VerifyCapture: captures.verify,
            RefundPayment: refunds.initialize,
            VerifyRefund: refunds.verify,
            SendPayout: payouts.initialize,
            VerifyPayout: payouts.verify,
            ProviderEventReceived: events.handle,
        }

    def __call__(self, message: AnyMessage) -> None:
        """Raises ``MessageUnreadable`` for a message that is not for a worker."""
        handler = self._by_type.get(type(message))
        if handler is None:
            raise MessageUnreadable(f"{message.type} is not for a provider's worker")
        bind(correlation_id=message.correlation_id, transaction_id=getattr(message, "transaction_id", None))
        reach("worker.after_delivery")
        handler(message)
        reach("worker.after_recording")
