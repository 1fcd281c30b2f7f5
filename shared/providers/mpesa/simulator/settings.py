"""What the M-Pesa simulator can be told; the names are those of ``MPESA_*`` without the prefix, in lower case."""

from typing import Annotated, Literal, Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Text = Annotated[str, Field(min_length=1)]
ShortCode = Annotated[str, Field(pattern=r"^\d{5,7}$")]
Share = Annotated[float, Field(ge=0, le=1)]

SECOND_MS = 1000
PROMPT_SECONDS = 60
SAME_AMOUNT_SECONDS = 120
LATE_SECONDS = 180


class MpesaSimulatorSettings(BaseModel):
    """``b2c_shortcode`` sends money; without it ``shortcode`` does. ``delay_ms`` passes between an acceptance and its
    result.

    ``time_scale`` divides what Safaricom counts in minutes: the life of a prompt, the window for the same amount, how
    late a late callback is. ``hang_seconds`` must be longer than the client waits. ``float_shillings`` is what an
    organisation's account holds before anybody has paid. ``callback_url`` is where callbacks really go (see
    ``addresses``). Without ``certificate_pem`` and ``private_key_pem`` a pair is made and kept in the folder. ``admin``
    opens the control plane, to loopback only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    consumer_key: Text
    consumer_secret: Text
    shortcode: ShortCode
    passkey: Text
    initiator_name: Text
    initiator_password: Text
    b2c_shortcode: ShortCode | None = None
    certificate_pem: str | None = None
    private_key_pem: str | None = None
    callback_url: str | None = None
    admin: bool = False
    delay_ms: Annotated[int, Field(ge=0)] = 500
    hang_seconds: Annotated[float, Field(gt=0)] = 30.0
    time_scale: Annotated[float, Field(gt=0)] = 1.0
    token_lifetime_seconds: Annotated[int, Field(gt=0)] = 3599
    pending_variant: Literal["500.001.1001", "4999"] = "500.001.1001"
    confirms_stk_payments: bool = True
    registers_urls_once: bool = True
    validation_seconds: Annotated[float, Field(gt=0)] = 8.0
    float_shillings: Annotated[int, Field(ge=0)] = 10_000_000
    chaos_seed: int = 0
    chaos_rate: Share = 0.0

    @field_validator("b2c_shortcode", "certificate_pem", "private_key_pem", "callback_url", mode="before")
    @classmethod
    def empty_is_none(cls, text: object) -> object:
        return text or None

    @field_validator("certificate_pem", "private_key_pem")
    @classmethod
    def lines_of_one_line(cls, pem: str | None) -> str | None:
        """An environment variable often holds ``\\n`` for the end of a line."""
        return None if pem is None else pem.replace("\\n", "\n")

    @model_validator(mode="after")
    def has_a_whole_pair(self) -> Self:
        if (self.certificate_pem is None) != (self.private_key_pem is None):
            raise ValueError("certificate_pem and private_key_pem belong together")
        if self.private_key_pem is not None:
            rsa_key_in(self.private_key_pem)
        return self

    @property
    def sending_shortcode(self) -> str:
        return self.b2c_shortcode or self.shortcode

    def scaled_ms(self, seconds: int) -> int:
        return int(seconds * SECOND_MS / self.time_scale)


def rsa_key_in(pem: str) -> rsa.RSAPrivateKey:
    """The private key that a PEM holds.

    Raises:
        ValueError: it holds none, or one of another kind.
    """
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    raise ValueError("not an RSA key")
