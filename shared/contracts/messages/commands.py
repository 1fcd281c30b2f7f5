"""Commands: imperative, one consumer each (the provider's worker)."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.contracts.messages.envelope import Message


class InitializePayment(Message):
    """Start the payment at its provider, unless that has been done or ``expires_at`` has passed."""

    type: Literal["payment.initialize.v1"] = "payment.initialize.v1"
    transaction_id: UUID
    provider: str
    expires_at: AwareDatetime


class VerifyPayment(Message):
    """Ask the provider what became of the payment."""

    type: Literal["payment.verify.v1"] = "payment.verify.v1"
    transaction_id: UUID
    provider: str


class CancelPayment(Message):
    """Call the payment off at its provider, if that is still wanted and possible."""

    type: Literal["payment.cancel.v1"] = "payment.cancel.v1"
    transaction_id: UUID
    provider: str


class RefundPayment(Message):
    """Give back what the refund says, unless that has been done."""

    type: Literal["refund.initialize.v1"] = "refund.initialize.v1"
    transaction_id: UUID
    refund_id: UUID
    provider: str
    expires_at: AwareDatetime


class VerifyRefund(Message):
    """Ask the provider what became of the refund."""

    type: Literal["refund.verify.v1"] = "refund.verify.v1"
    transaction_id: UUID
    refund_id: UUID
    provider: str


class CapturePayment(Message):
    """Take what the capture says of an authorized payment, unless that has been done."""

    type: Literal["capture.initialize.v1"] = "capture.initialize.v1"
    transaction_id: UUID
    capture_id: UUID
    provider: str
    expires_at: AwareDatetime


class VerifyCapture(Message):
    """Ask the provider what became of the capture."""

    type: Literal["capture.verify.v1"] = "capture.verify.v1"
    transaction_id: UUID
    capture_id: UUID
    provider: str


class SendPayout(Message):
    """Send the money that the payout says, unless that has been done or ``expires_at`` has passed."""

    type: Literal["payout.initialize.v1"] = "payout.initialize.v1"
    payout_id: UUID
    provider: str
    expires_at: AwareDatetime


class VerifyPayout(Message):
    """Ask the provider what became of the payout."""

    type: Literal["payout.verify.v1"] = "payout.verify.v1"
    payout_id: UUID
    provider: str


# They only ask; whatever else is a command may move money.
PaymentCheck = VerifyPayment | VerifyCapture | VerifyRefund
Check = PaymentCheck | VerifyPayout
PaymentCommand = InitializePayment | CancelPayment | CapturePayment | RefundPayment | PaymentCheck
Command = PaymentCommand | SendPayout | VerifyPayout


class DeliverWebhooks(Message):
    """Something waits for this endpoint of a merchant's: deliver what is due, unless others are at it."""

    type: Literal["webhooks.deliver.v1"] = "webhooks.deliver.v1"
    endpoint_id: UUID


class ProbeEndpoint(Message):
    """Send an endpoint what its merchant wants to see it deal with."""

    type: Literal["webhooks.test.v1"] = "webhooks.test.v1"
    test_id: UUID


WebhookCommand = DeliverWebhooks | ProbeEndpoint
