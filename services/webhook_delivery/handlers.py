"""What each message of the delivery's queues has it do."""

from functools import partial

from services.webhook_delivery.deliverer import Deliverer
from shared.application.webhook_fanout import Happening, fan_out
from shared.contracts.messages.codec import AnyMessage, MessageUnreadable
from shared.contracts.messages.commands import DeliverWebhooks
from shared.contracts.messages.events import PaymentChanged, PayoutChanged
from shared.domain.ids import EndpointId, EventId, MerchantId
from shared.domain.webhook_endpoint import Lane
from shared.messaging.consumer import Consequence, ErrorTable, Handler
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock

# What no row names is a bug, and is tried again on the ladder; the sweep finds what is lost.
ERRORS = ErrorTable([(StorageUnavailable, Consequence.HOLD)])


class EventHandler:
    """Makes the deliveries of an event; of one that comes twice there is nothing to make."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def __call__(self, message: AnyMessage) -> None:
        """Raises ``MessageUnreadable`` for what tells of no event."""
        if not isinstance(message, PaymentChanged | PayoutChanged):
            raise MessageUnreadable(f"{message.type} is no event of a payment or payout")
        happening = Happening(
            event_id=EventId(message.event_id),
            event_type=message.event_type,
            merchant_id=MerchantId(message.merchant_id),
            occurred_at=message.occurred_at,
        )
        with self._unit_of_work() as work:
            fan_out(work, [happening], self._clock.now())
            work.commit()


def lane_handler(deliverer: Deliverer, lane: Lane) -> Handler:
    """Of the threads that call the endpoints of one lane."""
    return partial(_work_off, deliverer, lane)


def _work_off(deliverer: Deliverer, lane: Lane, message: AnyMessage) -> None:
    if not isinstance(message, DeliverWebhooks):
        raise MessageUnreadable(f"{message.type} rings for no endpoint")
    deliverer.work_off(lane, EndpointId(message.endpoint_id))
