"""What the CPay simulator can be told; the names are those of ``CPAY_*`` without the prefix, in lower case."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.providers.cpay.config import API_KEY_FORMAT, webhook_key

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS

# The waits between the attempts at a callback: 75 hours in all, the example of Standard Webhooks.
CALLBACK_GAPS_MS = (
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    *(hours * HOUR_MS for hours in (2, 5, 10, 14, 20, 24)),
)


class CPaySimulatorSettings(BaseModel):
    """``webhook_secrets``: comma-separated, newest first, all of them sign.

    ``delay_ms`` passes between an acceptance and its result. ``time_scale`` divides the waits between the attempts at a
    callback. ``hang_seconds`` must be longer than the client waits. ``admin`` opens the truth API, to loopback only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    api_key: str
    webhook_secrets: tuple[str, ...] = Field(min_length=1)
    callback_url: str | None = None
    admin: bool = False
    delay_ms: Annotated[int, Field(ge=0)] = 500
    time_scale: Annotated[float, Field(gt=0)] = 1.0
    hang_seconds: Annotated[float, Field(gt=0)] = 30.0

    @field_validator("webhook_secrets", mode="before")
    @classmethod
    def split(cls, secrets: object) -> object:
        return tuple(re.split(r"\s*,\s*", secrets.strip())) if isinstance(secrets, str) else secrets

    @field_validator("webhook_secrets")
    @classmethod
    def are_webhook_secrets(cls, secrets: tuple[str, ...]) -> tuple[str, ...]:
        for secret in secrets:
            webhook_key(secret)
        return secrets

    @field_validator("api_key")
    @classmethod
    def is_test_key(cls, api_key: str) -> str:
        if not API_KEY_FORMAT.fullmatch(api_key) or not api_key.startswith("cpk_test_"):
            raise ValueError("must be cpk_test_ and 32 hexadecimal digits")
        return api_key

    @field_validator("callback_url")
    @classmethod
    def empty_is_none(cls, callback_url: str | None) -> str | None:
        return callback_url or None

    def callback_gaps_ms(self) -> tuple[int, ...]:
        return tuple(int(gap_ms / self.time_scale) for gap_ms in CALLBACK_GAPS_MS)
