"""One text for one JSON value, so that it can be signed, and hashed again by anybody."""

import json
from decimal import Decimal
from json.encoder import encode_basestring


def parse_exactly(text: str) -> object:
    """Numbers with a point become ``Decimal``, to the last digit.

    Raises:
        ValueError: not JSON.
        RecursionError: deeper than anything that we write.
    """
    return json.loads(text, parse_float=Decimal)


def canonical_json(value: object) -> str:
    """Keys sorted by code point, no spaces, characters as they are, numbers with all their digits and no exponent.

    ``value`` is what ``parse_exactly`` gives. Raises ``TypeError`` for what is no JSON.
    """
    try:
        return _WITHOUT_DECIMALS.encode(value)
    except _HasDecimals:
        return _exact(value)


class _HasDecimals(Exception):
    """The encoder in C, ten times as fast, cannot write them as numbers."""


def _not_encodable(value: object) -> object:
    if isinstance(value, Decimal):
        raise _HasDecimals
    raise TypeError(f"{type(value).__name__} has no canonical form")


_WITHOUT_DECIMALS = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_not_encodable
)


def _exact(value: object) -> str:
    if isinstance(value, Decimal):
        return format(abs(value) if value.is_zero() else value, "f")
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(key)}:{_exact(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_exact(item) for item in value) + "]"
    return _WITHOUT_DECIMALS.encode(value)
