"""Events: past tense, any number of consumers."""

from typing import Literal
from uuid import UUID

from shared.contracts.messages.envelope import Message


class PaymentChanged(Message):
    """A payment or one of its refunds has moved along an edge of its state table.

    The snapshot of that moment is in the event log under (``transaction_id``, ``sequence``); ``event_type`` names the
    edge, ``user_id`` is who started the payment.
    """

    type: Literal["payment.changed.v1"] = "payment.changed.v1"
    event_id: UUID
    event_type: str
    transaction_id: UUID
    merchant_id: UUID
    user_id: UUID | None
    sequence: int


class PayoutChanged(Message):
    """A payout has moved along an edge of its state table; as ``PaymentChanged``, of the payout's own sequence."""

    type: Literal["payout.changed.v1"] = "payout.changed.v1"
    event_id: UUID
    event_type: str
    payout_id: UUID
    merchant_id: UUID
    user_id: UUID | None
    sequence: int


class ProviderEventReceived(Message):
    """A callback was verified and stored; its payload is in ``webhook_events``."""

    type: Literal["provider_event.received.v1"] = "provider_event.received.v1"
    webhook_event_id: UUID
    provider: str


Event = PaymentChanged | PayoutChanged | ProviderEventReceived
