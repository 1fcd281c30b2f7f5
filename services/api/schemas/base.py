"""What all schemas share."""

import functools
import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, WithJsonSchema

_AMOUNT_TEXT = re.compile(r"[0-9]{1,16}(\.[0-9]{1,4})?", re.ASCII)
_CARD_NUMBER = re.compile(r"[0-9]{12,19}", re.ASCII)
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class ApiModel(BaseModel):
    """Unknown fields are refused. The JSON schema is computed once: the library asks for it on every request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    @functools.lru_cache(None)
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override] # cached
        return super().model_json_schema(*args, **kwargs)


def _amount(given: object) -> Decimal:
    """A JSON number or a string of ASCII digits; ``true`` is not 1 here."""
    if isinstance(given, bool) or not isinstance(given, int | Decimal | str):
        raise ValueError('must be a number such as 1000.00, or the same as a string: "1000.00"')  # noqa: TRY004 - pydantic's
    if isinstance(given, str) and not _AMOUNT_TEXT.fullmatch(given):
        raise ValueError('must look like "1000.00": digits, at most one point, no sign, no spaces')
    amount = Decimal(given)
    if not amount.is_finite() or amount <= 0:
        raise ValueError("must be more than 0")
    if abs(amount.adjusted()) > 18 or len(amount.as_tuple().digits) > 28:
        raise ValueError("must be an amount such as 1000.00: no currency has that many digits")
    return amount


def check_text(given: object) -> object:
    """Raises ``ValueError`` for text that neither a person nor a provider writes."""
    if isinstance(given, str) and _NOT_TEXT.search(given):
        raise ValueError("must not contain control characters")
    return given


def _web_address(given: str) -> str:
    parts = urlsplit(given)
    if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in parts.netloc or " " in given:
        raise ValueError("must be an address such as https://shop.example/thanks")
    return given


def _no_card_number(given: str) -> str:
    digits = re.sub("[ -]", "", given)
    if _CARD_NUMBER.fullmatch(digits):
        raise ValueError("must be the token that the provider's own form gave, never a card number")
    return given


Amount = Annotated[
    Decimal,
    BeforeValidator(_amount),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^[0-9]{1,16}(\.[0-9]{1,4})?$"},
            ],
            "description": "Major units, exact: at most as many decimal places as the currency has.",
            "examples": ["1000.00"],
        }
    ),
]

Text = Annotated[str, BeforeValidator(check_text)]
Secret = Annotated[SecretStr, BeforeValidator(check_text)]
ShortText = Annotated[Text, Field(min_length=1, max_length=200)]
MethodToken = Annotated[ShortText, AfterValidator(_no_card_number)]
WebAddress = Annotated[Text, Field(max_length=2000), AfterValidator(_web_address)]
CurrencyCode = Annotated[Text, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["KES"])]
MetadataKey = Annotated[Text, Field(min_length=1, max_length=40)]
MetadataText = Annotated[Text, Field(max_length=500)]
