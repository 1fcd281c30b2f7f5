"""The identifiers of our own things; all are UUIDv7, so they sort by the time of their making."""

from typing import NewType
from uuid import UUID

TransactionId = NewType("TransactionId", UUID)
RefundId = NewType("RefundId", UUID)
CaptureId = NewType("CaptureId", UUID)
PayoutId = NewType("PayoutId", UUID)
AttemptId = NewType("AttemptId", UUID)
MerchantId = NewType("MerchantId", UUID)
UserId = NewType("UserId", UUID)
EventId = NewType("EventId", UUID)
MessageId = NewType("MessageId", UUID)
WebhookEventId = NewType("WebhookEventId", UUID)
EndpointId = NewType("EndpointId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
EndpointTestId = NewType("EndpointTestId", UUID)


def short_reference(transaction_id: UUID) -> str:
    """12 upper-case hexadecimal digits of a payment's id, all of them random, for providers whose fields are short."""
    return transaction_id.hex[-12:].upper()
