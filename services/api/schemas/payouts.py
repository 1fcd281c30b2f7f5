"""Payouts, as they are asked for and as they read."""

from pydantic import EmailStr, Field, model_validator

from services.api.schemas.base import Amount, ApiModel, CurrencyCode, MetadataKey, MetadataText, ShortText, Text
from services.api.schemas.failures import FailureView
from services.api.schemas.payments import MAX_PAGE, AttemptView, AuditView, CustomerView, Key, Phone
from shared.domain.movement_status import MovementStatus


class RecipientBody(ApiModel):
    """Who gets the money, by phone or e-mail address. What a provider needs, ``GET /api/v1/providers`` says."""

    phone: Phone | None = None
    email: EmailStr | None = None
    name: ShortText | None = None

    @model_validator(mode="after")
    def can_be_reached(self) -> "RecipientBody":
        if self.phone is None and self.email is None:
            raise ValueError("must have a phone or an email")
        return self


class PayoutBody(ApiModel):
    provider: Text = Field(max_length=40, examples=["cpay"])
    amount: Amount
    currency: CurrencyCode
    recipient: RecipientBody
    reason: Text = Field(min_length=1, max_length=200, examples=["Winnings"])
    metadata: dict[MetadataKey, MetadataText] = Field(
        default_factory=dict, max_length=50, description="Up to 50 strings of yours, echoed everywhere."
    )


class PayoutPath(ApiModel):
    payout_id: str = Field(description="The payout's id, a UUID.")


class PayoutListQuery(ApiModel):
    """As the list of payments."""

    provider: Text | None = None
    status: MovementStatus | None = None
    idempotency_key: Key | None = Field(default=None, description="Finds the payout of a lost answer.")
    page: int = Field(default=1, ge=1, le=MAX_PAGE)
    limit: int = Field(default=20, ge=1, le=100)
    after: str | None = Field(default=None, description="The next_cursor of a page: what comes behind it.")
    before: str | None = Field(default=None, description="The id of a payout: what is newer.")


class PayoutView(ApiModel):
    id: str
    status: MovementStatus
    amount: str
    amount_minor: int
    currency: str
    provider: str
    recipient: CustomerView
    reason: str
    metadata: dict[str, str]
    provider_payout_id: str | None
    failure: FailureView | None
    needs_review: bool = Field(description="As a payment's.")
    idempotency_key: str
    safe_to_retry: bool = Field(
        description="It failed, and nothing was sent or it came back: another payout, with a new key, is in order."
    )
    next_check_at: str | None = Field(description="As a payment's.")
    expires_at: str = Field(description="It is not sent after this.")
    sequence: int
    created_at: str
    updated_at: str


class PayoutDetailView(PayoutView):
    audit_trail: list[AuditView]
    attempts: list[AttemptView]


class PayoutPage(ApiModel):
    data: list[PayoutView]
    has_more: bool
    page: int
    limit: int
    total: int
    next_cursor: str | None
