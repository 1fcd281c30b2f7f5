"""Gives a message its exchange and key; the only place that knows where each kind goes."""

from datetime import datetime
from uuid import UUID

from shared.contracts.messages.codec import encode
from shared.contracts.messages.commands import Check, Command, DeliverWebhooks, ProbeEndpoint
from shared.contracts.messages.envelope import Message, OutgoingMessage
from shared.contracts.messages.events import PaymentChanged, PayoutChanged, ProviderEventReceived
from shared.domain.ids import EndpointId, EndpointTestId, MessageId, WebhookEventId
from shared.domain.webhook_endpoint import Lane
from shared.messaging.topology import (
    CHECKS,
    COMMANDS,
    EVENTS,
    PROVIDER_EVENTS,
    WEBHOOKS,
    check_queue,
    command_queue,
    delay_exchange,
    provider_event_queue,
    webhook_queue,
)
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.correlation import correlation_headers
from shared.runtime.identifiers import new_id

MAX_KIND = 200


def command_now(command: Command) -> OutgoingMessage:
    """Checks have queues of their own: where a provider hangs, they do not wait behind what hangs."""
    exchange = CHECKS if isinstance(command, Check) else COMMANDS
    return _addressed(command, exchange, f"{command.provider}.{command.type}")


def command_later(command: Command, delay_ms: int) -> OutgoingMessage:
    """On a delay level, addressed to come back to the one queue that it is for."""
    queue = check_queue if isinstance(command, Check) else command_queue
    return _addressed(command, delay_exchange(delay_ms), queue(command.provider))


def provider_event_now(event: ProviderEventReceived, event_type: str) -> OutgoingMessage:
    """``event_type`` is their word for it: of any length and in any letters, where a key has 255 bytes at most."""
    kind = event_type.encode("ascii", "replace").decode()[:MAX_KIND]
    return _addressed(event, PROVIDER_EVENTS, f"{event.provider}.{kind}")


def provider_event_again(event: WebhookEvent, now: datetime, message_id: UUID | None = None) -> OutgoingMessage:
    """Another message about a stored callback: whoever gets one too many finds it processed.

    Under the same ``message_id`` each time it is one dead letter, however often it dies.
    """
    message = ProviderEventReceived(
        message_id=message_id or new_id(),
        occurred_at=now,
        correlation_id=event.id,
        webhook_event_id=event.id,
        provider=event.provider,
    )
    return provider_event_now(message, event.event_type)


def provider_event_rung(repeated: WebhookEvent, stored_id: WebhookEventId) -> OutgoingMessage:
    """A message because a callback came again before anybody had handled it: its cause is the callback itself."""
    message = ProviderEventReceived(
        message_id=new_id(),
        occurred_at=repeated.created_at,
        correlation_id=stored_id,
        causation_id=stored_id,
        webhook_event_id=stored_id,
        provider=repeated.provider,
    )
    return provider_event_now(message, repeated.event_type)


def is_rung(message: ProviderEventReceived) -> bool:
    """Whether only a repetition led to it: it takes no step up the ladder."""
    return message.causation_id == message.webhook_event_id


def provider_event_later(event: ProviderEventReceived, delay_ms: int) -> OutgoingMessage:
    return _addressed(event, delay_exchange(delay_ms), provider_event_queue(event.provider))


def change_event(event: PaymentChanged | PayoutChanged) -> OutgoingMessage:
    return _addressed(event, EVENTS, event.event_type)


def endpoint_bell(endpoint_id: EndpointId, lane: Lane, now: datetime, delay_ms: int | None = None) -> OutgoingMessage:
    """Has the threads of ``lane`` look what waits for the endpoint: now, or when the delay is over."""
    bell = DeliverWebhooks(message_id=new_id(), occurred_at=now, correlation_id=endpoint_id, endpoint_id=endpoint_id)
    if delay_ms is None:
        return _addressed(bell, WEBHOOKS, lane)
    return _addressed(bell, delay_exchange(delay_ms), webhook_queue(lane))


def endpoint_test(test_id: EndpointTestId, now: datetime) -> OutgoingMessage:
    command = ProbeEndpoint(message_id=new_id(), occurred_at=now, correlation_id=test_id, test_id=test_id)
    return _addressed(command, WEBHOOKS, "test")


def _addressed(message: Message, exchange: str, routing_key: str) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=MessageId(message.message_id),
        exchange=exchange,
        routing_key=routing_key,
        type=message.type,
        body=encode(message),
        headers=correlation_headers(),
        correlation_id=str(message.correlation_id),
        occurred_at=message.occurred_at,
    )
