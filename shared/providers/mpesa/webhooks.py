"""M-Pesa's callbacks: nothing in them is signed, so where they come from and where they come to is what is believed."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from shared.domain.errors import WebhookRejected
from shared.domain.money import MAX_MINOR_UNITS
from shared.provider_kit.provider import VerifiedWebhook, WebhookRequest
from shared.provider_kit.webhooks import shaped
from shared.providers.mpesa.callback_paths import About, CallbackPaths, Purpose
from shared.providers.mpesa.reading import json_object
from shared.providers.mpesa.wire import MAX_IDENTIFIER_CHARACTERS, CommandResult, ResultNews, StkNews, TillPayment

Networks = Sequence[IPv4Network | IPv6Network]
P = Purpose

TIMEOUTS = frozenset({P.REVERSAL_TIMEOUT, P.REFUND_TIMEOUT, P.PAYOUT_TIMEOUT, P.STATUS_TIMEOUT})
# No document says what comes to these.
UNDESCRIBED = TIMEOUTS | {P.PULL}
TILL_PAYMENTS = frozenset({P.C2B_CONFIRM, P.C2B_CHECK})


class Kept(BaseModel):
    """A callback as it is stored: what its path said, without the token, and its body."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: Purpose
    subject: Annotated[str, Field(max_length=MAX_IDENTIFIER_CHARACTERS)]
    amount_minor: Annotated[int, Field(ge=0, le=MAX_MINOR_UNITS)] | None = None
    note: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2})*$")] = ""
    received_at: AwareDatetime
    body: dict[str, JsonValue]

    def about(self) -> About:
        return About(purpose=self.purpose, subject=self.subject, amount_minor=self.amount_minor, note=self.note)


def verify(request: WebhookRequest, paths: CallbackPaths, senders: Networks) -> VerifiedWebhook:
    """Believe a callback that comes from one of ``senders`` to an address that we gave.

    Raises:
        WebhookRejected: anything else, including a body that is not what the address is for.
    """
    if not is_among(request.sender, senders):
        raise WebhookRejected("sender")
    about = paths.read(request.path)
    body = json_object(request.body)
    payload: Mapping[str, object] = {
        "purpose": about.purpose.value,
        "subject": about.subject,
        "amount_minor": about.amount_minor,
        "note": about.note,
        "received_at": request.received_at.isoformat(),
        "body": body,
    }
    return VerifiedWebhook(
        event_id=f"{about.purpose}:{about.subject}:{_identity(about.purpose, body)}",
        event_type=about.purpose.value,
        payload=payload,
        signature="",  # they have none, and the token in the path is no one's to read
        is_question=about.purpose is P.C2B_CHECK,
    )


def is_among(sender: str | None, networks: Networks) -> bool:
    """Whether it is an address of ``networks``; where there is no network, or no address, it is not."""
    try:
        address = ip_address(sender or "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def _identity(purpose: Purpose, body: Mapping[str, object]) -> str:
    """The same whenever they repeat it; another result of the same thing is another event."""
    if purpose is P.STK:
        callback = shaped(StkNews, body).body.callback
        return f"{callback.checkout_request_id}:{callback.result_code}"
    if purpose in TILL_PAYMENTS:
        return shaped(TillPayment, body).transaction_id
    result = result_in(body) if purpose in UNDESCRIBED else shaped(ResultNews, body).result
    return "no result" if result is None else f"{result.identity}:{result.code}"


def result_in(body: Mapping[str, object]) -> CommandResult | None:
    """Where no document says what a body is: that it came to this address says enough."""
    try:
        return ResultNews.model_validate(body).result
    except ValidationError:
        return None
