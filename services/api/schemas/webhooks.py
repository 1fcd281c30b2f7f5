"""Webhook endpoints and deliveries, as they are asked for and as they read."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from services.api.schemas.base import ApiModel, Text
from shared.domain.event_types import is_known
from shared.domain.webhook_delivery import AttemptKind, DeliveryState
from shared.domain.webhook_endpoint import DisabledReason

LONGEST_OVERLAP = timedelta(days=7)


def _known(wanted: str) -> str:
    if not is_known(wanted):
        raise ValueError("must be the type of an event, such as payment.completed, or a pattern such as payment.*")
    return wanted


EventType = Annotated[Text, Field(max_length=60, examples=["payment.*"]), AfterValidator(_known)]
Url = Annotated[Text, Field(min_length=1, max_length=2048, examples=["https://shop.example/webhooks"])]
Description = Annotated[Text, Field(max_length=200)]
EventTypes = Annotated[list[EventType], Field(max_length=50, description="None: all events.")]


class CreateEndpointBody(ApiModel):
    url: Url
    description: Description = ""
    event_types: EventTypes = Field(default_factory=list)


class ChangeEndpointBody(ApiModel):
    """What is left out stays as it is."""

    url: Url | None = None
    description: Description | None = None
    event_types: EventTypes | None = None
    is_active: bool | None = Field(
        default=None, strict=True, description="true also brings back an endpoint that we switched off."
    )


class RotateSecretBody(ApiModel):
    overlap_hours: int = Field(
        default=24, ge=0, le=24 * LONGEST_OVERLAP.days, strict=True, description="For how long the secrets so far sign."
    )


class RecoverBody(ApiModel):
    since: AwareDatetime = Field(
        description="From when on, at most 30 days ago.", examples=["2026-01-15T10:00:00.000Z"]
    )


class EmptyBody(ApiModel):
    """Nothing need be said: send {}."""


class EndpointPath(ApiModel):
    endpoint_id: str = Field(description="The endpoint's id, a UUID.")


class DeliveryPath(ApiModel):
    delivery_id: str = Field(description="The delivery's id, a UUID.")


class DeliveryListQuery(ApiModel):
    state: DeliveryState | None = None
    event_type: Text | None = Field(default=None, max_length=60)
    limit: int = Field(default=20, ge=1, le=100)
    after: str | None = Field(default=None, description="The next_cursor of a page: what comes behind it.")


class EndpointView(ApiModel):
    """``failing_since``: every attempt since then has failed; after five days we switch the endpoint off."""

    id: str
    url: str
    description: str
    event_types: list[str]
    is_active: bool
    failing_since: str | None
    disabled_at: str | None
    disabled_reason: DisabledReason | None
    previous_secrets_until: list[str] = Field(description="Until when each older secret still signs.")
    created_at: str
    updated_at: str


class EndpointWithSecretView(EndpointView):
    secret: str = Field(description="Shown this once: `whsec_` and base64, as Standard Webhooks has it.")


class EndpointList(ApiModel):
    data: list[EndpointView]


class DeliveryView(ApiModel):
    id: str
    endpoint_id: str
    event_id: str = Field(description="The `webhook-id` of every attempt, and the `id` in the body.")
    event_type: str
    state: DeliveryState
    attempt_count: int
    next_try_at: str | None
    created_at: str
    updated_at: str


class DeliveryAttemptView(ApiModel):
    """``status`` and the first 2 KB of the ``response``; or the ``reason`` why there is none."""

    number: int
    kind: AttemptKind
    started_at: str
    milliseconds: int
    status: int | None
    response: str | None
    reason: str | None
    detail: str | None


class DeliveryDetailView(DeliveryView):
    attempts: list[DeliveryAttemptView]


class DeliveryPage(ApiModel):
    data: list[DeliveryView]
    has_more: bool
    next_cursor: str | None


class RecoveredView(ApiModel):
    recovered: int = Field(description="So many deliveries are under way again.")
    has_more: bool = Field(description="There were more than a thousand events: ask again with next_since.")
    next_since: str | None


class EndpointTestPath(EndpointPath):
    test_id: str = Field(description="The test's id, a UUID.")


class TestAnswerView(ApiModel):
    status: int | None
    reason: str | None
    milliseconds: int


class TestCaseView(ApiModel):
    case: str = Field(
        description="good, duplicate, late, out_of_order, bad_signature, previous_secret or slow.", examples=["late"]
    )
    expected: str = Field(description="2xx or 4xx")
    passed: bool
    answers: list[TestAnswerView] = Field(description="To each thing that was sent: out_of_order is two.")
    advice: str | None = Field(description="What to change, where it did not pass.")


class EndpointTestView(ApiModel):
    id: str
    endpoint_id: str
    created_at: str
    finished_at: str | None
    passed: bool | None
    cases: list[TestCaseView]
