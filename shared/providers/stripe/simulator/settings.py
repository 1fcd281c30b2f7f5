"""What the Stripe simulator can be told; the names are those of ``STRIPE_*`` without the prefix, in lower case."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

API_KEY_FORMAT = re.compile(r"[sr]k_(test|live)_[A-Za-z0-9_]{8,}")
API_VERSION_FORMAT = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")

SECOND_MS = 1000
HOUR_MS = 3600 * SECOND_MS
DAY_MS = 24 * HOUR_MS

# The waits between the attempts at a webhook: exponential, for about three days.
WEBHOOK_GAPS_MS = (
    *(seconds * SECOND_MS for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600)),
    DAY_MS,
    DAY_MS,
)


class StripeSimulatorSettings(BaseModel):
    """``webhook_secrets``: comma-separated, newest first, all of them sign; the whole ``whsec_`` string is the key.

    ``delay_ms`` passes before what is not decided at once is decided. ``time_scale`` divides the waits between the
    attempts at a webhook, the 24 hours of an idempotency key and the 7 days of an authorization. ``hang_seconds`` must
    be longer than the client waits. ``admin`` opens the control plane, to loopback only. ``public_url`` is where the
    customer's browser finds the simulator; without it, where the request was sent. ``rate_limit_per_second`` and
    ``search_lag_ms`` are 0 for none. With ``chaos_rate``, that share of all requests goes wrong, as the seed decides.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    api_key: str
    webhook_secrets: tuple[str, ...] = Field(min_length=1)
    callback_url: str | None = None
    admin: bool = False
    delay_ms: Annotated[int, Field(ge=0)] = 500
    time_scale: Annotated[float, Field(gt=0)] = 1.0
    hang_seconds: Annotated[float, Field(gt=0)] = 30.0
    api_version: str = "2026-10-28.endive"
    livemode: bool = False
    public_url: str | None = None
    rate_limit_per_second: Annotated[int, Field(ge=0)] = 0
    search_lag_ms: Annotated[int, Field(ge=0)] = 0
    chaos_seed: int = 0
    chaos_rate: Annotated[float, Field(ge=0, le=1)] = 0.0

    @field_validator("webhook_secrets", mode="before")
    @classmethod
    def split(cls, secrets: object) -> object:
        return tuple(re.split(r"\s*,\s*", secrets.strip())) if isinstance(secrets, str) else secrets

    @field_validator("webhook_secrets")
    @classmethod
    def are_webhook_secrets(cls, secrets: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"whsec_\S+", secret) for secret in secrets):
            raise ValueError("each must start with whsec_")
        return secrets

    @field_validator("api_key")
    @classmethod
    def is_secret_key(cls, api_key: str) -> str:
        if not API_KEY_FORMAT.fullmatch(api_key):
            raise ValueError("must be sk_test_ and at least 8 letters or digits")
        return api_key

    @field_validator("api_version")
    @classmethod
    def is_version(cls, api_version: str) -> str:
        if not API_VERSION_FORMAT.fullmatch(api_version):
            raise ValueError("must be a date, such as 2026-10-28.endive")
        return api_version

    @field_validator("callback_url", "public_url")
    @classmethod
    def empty_is_none(cls, url: str | None) -> str | None:
        return url or None

    def webhook_gaps_ms(self) -> tuple[int, ...]:
        return tuple(self.scaled_ms(gap_ms) for gap_ms in WEBHOOK_GAPS_MS)

    def scaled_ms(self, duration_ms: int) -> int:
        return int(duration_ms / self.time_scale)
