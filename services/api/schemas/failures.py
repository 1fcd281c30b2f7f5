"""Why something did not happen."""

from services.api.schemas.base import ApiModel


class FailureView(ApiModel):
    """``code`` is ours, one of a closed set; the provider's own words stand beside it."""

    code: str
    message: str
    provider_code: str | None
    provider_message: str | None
