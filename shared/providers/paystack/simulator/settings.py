"""What the Paystack simulator can be told; the names are those of ``PAYSTACK_*`` without the prefix, in lower case."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.providers.paystack.config import API_KEY_FORMAT

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

# The waits between the attempts at a callback, as in live mode: four tries 3 minutes apart, then hourly for 72 hours.
CALLBACK_GAPS_MS = (*[3 * MINUTE_MS] * 3, *[HOUR_MS] * 72)


class PaystackSimulatorSettings(BaseModel):
    """``delay_ms`` is how long a customer takes, or a processor. ``auto_pay``: customers come to their checkout page by
    themselves; without it they pay only when the page is posted to.

    ``checkout_url``: where browsers find the pages; empty: where the request that asks for one was sent to.
    ``time_scale`` divides the waits between the attempts at a callback. ``hang_seconds`` must be longer than the client
    waits. ``admin`` opens the truth API, to loopback only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    api_key: str
    callback_url: str = ""
    checkout_url: str = ""
    admin: bool = False
    auto_pay: bool = True
    delay_ms: Annotated[int, Field(ge=0)] = 500
    time_scale: Annotated[float, Field(gt=0)] = 1.0
    hang_seconds: Annotated[float, Field(gt=0)] = 30.0

    @field_validator("api_key")
    @classmethod
    def is_test_key(cls, api_key: str) -> str:
        if not API_KEY_FORMAT.fullmatch(api_key) or not api_key.startswith("sk_test_"):
            raise ValueError("must be sk_test_ and more")
        return api_key

    def callback_gaps_ms(self) -> tuple[int, ...]:
        return tuple(int(gap_ms / self.time_scale) for gap_ms in CALLBACK_GAPS_MS)
