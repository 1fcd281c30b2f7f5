"""Stripe's JSON as we read it: tolerant of new fields, and of what older versions of its API said instead."""

from collections.abc import Mapping
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import (
    AliasPath,
    BeforeValidator,
    Field,
    JsonValue,
    SecretStr,
    StrictBool,
    StrictInt,
)

from shared.domain.money import MAX_MINOR_UNITS
from shared.provider_kit.wire import Identifier, Received, Word

AmountUnits = Annotated[StrictInt, Field(ge=0, le=MAX_MINOR_UNITS)]
EpochSeconds = Annotated[StrictInt, Field(ge=0, lt=2**33)]


def id_of(expandable: object) -> object:
    """What Stripe expands, when asked to, from an id into the whole object: its id in either case."""
    return expandable.get("id") if isinstance(expandable, dict) else expandable


def only_texts(metadata: object) -> object:
    """Metadata is texts by texts, or ``null``; anything else in it is none of ours."""
    if not isinstance(metadata, Mapping):
        return {}
    return {key: text for key, text in metadata.items() if isinstance(key, str) and isinstance(text, str)}


Expandable = Annotated[Identifier | None, BeforeValidator(id_of)]
Metadata = Annotated[dict[str, str], BeforeValidator(only_texts)]


class RedirectTo(Received):
    url: str | None = None


class NextAction(Received):
    type: Word
    redirect_to_url: RedirectTo | None = None


class Problem(Received):
    """Why something was refused; ``decline_code`` is the card issuer's reason. ``request_id`` as in ``Resource``."""

    type: Word = ""
    code: Word | None = None
    decline_code: Word | None = None
    advice_code: Word | None = None
    message: str | None = None
    param: Word | None = None
    request_id: Word | None = None

    def reason(self) -> str:
        """The most exact of its codes."""
        return self.decline_code or self.code or self.type


class Resource(Received):
    """What intents, charges and refunds have in common; ``amount`` in Stripe's units of ``currency``.

    ``request_id`` is of the answer that brought it: Stripe's support asks for it.
    """

    id: Identifier
    status: Word | None = None
    amount: AmountUnits
    currency: Word
    created: EpochSeconds | None = None
    request_id: Word | None = None
    metadata: Metadata = Field(default_factory=dict)


class Intent(Resource):
    """A PaymentIntent. ``client_secret`` lets a browser finish the payment: it is dumped nowhere.

    Before 2022-11-15 there was a list ``charges`` in place of ``latest_charge``.
    """

    object: Literal["payment_intent"]
    status: Word
    amount_received: AmountUnits | None = None
    amount_capturable: AmountUnits | None = None
    capture_method: Word = "automatic"
    cancellation_reason: Word | None = None
    last_payment_error: Problem | None = None
    next_action: NextAction | None = Field(default=None, exclude=True)
    client_secret: SecretStr | None = Field(default=None, exclude=True)
    latest_charge: Expandable = None
    first_charge: Expandable = Field(default=None, validation_alias=AliasPath("charges", "data", 0))

    def charge_id(self) -> str | None:
        return self.latest_charge or self.first_charge


class Refund(Resource):
    """Before 2014-12 a refund had no ``status``; then nothing is known of it."""

    object: Literal["refund"]
    payment_intent: Expandable = None
    charge: Expandable = None
    reason: Word | None = None
    failure_reason: Word | None = None


Resources = TypeVar("Resources", bound=Resource)


class Listed(Received, Generic[Resources]):
    object: Literal["list"]
    data: list[Resources]
    has_more: StrictBool = False


class Charge(Resource):
    """One try at moving an intent's money."""

    object: Literal["charge"]
    payment_intent: Expandable = None
    captured: StrictBool = False
    refunded: StrictBool = False
    amount_captured: AmountUnits | None = None
    amount_refunded: AmountUnits | None = None
    refunds: Listed[Refund] | None = None


class EvidenceDetails(Received):
    due_by: EpochSeconds | None = None


class Dispute(Resource):
    """``balance_transactions``: none, the one that took the money, or also the one that gave it back."""

    object: Literal["dispute"]
    payment_intent: Expandable = None
    charge: Expandable = None
    reason: Word | None = None
    evidence_details: EvidenceDetails | None = None
    balance_transactions: list[Expandable] = Field(default_factory=list, max_length=100)


class Balance(Received):
    object: Literal["balance"]


class ErrorDetail(Problem):
    """``payment_intent`` is there where a confirmation failed: without it, the intent would be lost."""

    payment_intent: Intent | None = None


class EventContent(Received):
    object: dict[str, JsonValue] | None = None


class Event(Received):
    """A callback's body. A thin event, ``v2.core.event``, has no ``data.object``."""

    id: Identifier
    object: Word
    type: Annotated[str, Field(min_length=1, max_length=255)]
    livemode: StrictBool | None = None
    api_version: Word | None = None
    data: EventContent | None = None
