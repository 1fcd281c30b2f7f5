"""Why something did not happen."""

from pydantic import Field

from services.api.schemas.base import ApiModel
from shared.domain.failure_advice import FailureCategory


class CustomerMessageView(ApiModel):
    """What to show to the customer, in English and in Swahili."""

    en: str
    sw: str


class FailureView(ApiModel):
    """``code`` is ours, one of a closed set; the provider's own words stand beside it."""

    code: str
    category: FailureCategory = Field(description="Whose doing it was, and so who can change it.")
    retryable: bool = Field(
        description="Another payment for the same thing may succeed as it is, if the customer agrees."
    )
    message: str
    customer_message: CustomerMessageView
    advice: str
    provider_code: str | None
    provider_message: str | None
