"""One text for one JSON value, so that it can be signed, and hashed again by anybody."""

import json
from collections.abc import Mapping, Sequence
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

    ``value`` is what ``parse_exactly`` gives: a float would not know its own digits, and is refused.
    """
    match value:
        case str():
            return encode_basestring(value)
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case int():
            return str(value)
        case Decimal():
            return format(abs(value) if value.is_zero() else value, "f")
        case Mapping():
            return (
                "{" + ",".join(f"{encode_basestring(key)}:{canonical_json(value[key])}" for key in sorted(value)) + "}"
            )
        case Sequence():
            return "[" + ",".join(canonical_json(item) for item in value) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")
