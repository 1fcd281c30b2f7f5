"""JSON in and out: decimals stay exact, and what is not one clean JSON object is refused."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from flask import Request, current_app
from flask.json.provider import JSONProvider

from shared.domain.errors import BodyMalformed, BodyTooLarge, FieldError, LengthRequired, MediaTypeUnsupported

MAX_BODY_BYTES = 65_536


class ExactJson(JSONProvider):
    """Numbers with a point become ``Decimal``: through float, 90071992547409931.01 would lose its cents."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        return json.dumps(obj, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        return json.loads(
            s, parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_without_repeated_keys
        )


def read_json_object(request: Request) -> Mapping[str, object]:
    """The request's body, parsed strictly.

    Raises:
        LengthRequired, BodyTooLarge, MediaTypeUnsupported, BodyMalformed: in this order.
    """
    if request.content_length is None:
        raise LengthRequired("Send the body with a Content-Length.")
    if request.content_length > MAX_BODY_BYTES:
        raise BodyTooLarge(f"A body has at most {MAX_BODY_BYTES} bytes.")
    if request.mimetype != "application/json":
        raise MediaTypeUnsupported("Send the body as Content-Type: application/json.")
    raw = request.get_data(cache=True, parse_form_data=False)
    try:
        body = current_app.json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError, ArithmeticError) as error:  # the last: 1e999999999999999999999
        raise _malformed(error) from None
    if not isinstance(body, dict):
        raise BodyMalformed("The body must be a JSON object.", FieldError("", "must be an object: {…}"))
    return body


def _malformed(error: Exception) -> BodyMalformed:
    detail = str(error) if isinstance(error, RepeatedKey | NotANumber) else "must be valid JSON in UTF-8"
    return BodyMalformed("The body is not valid JSON.", FieldError("", detail))


class RepeatedKey(ValueError):
    """Which of two values is meant cannot be known."""


class NotANumber(ValueError):
    """``NaN`` and ``Infinity`` are not JSON, though Python reads them."""


def _refuse_constant(name: str) -> object:
    raise NotANumber(f"{name} is not a JSON number")


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedKey("a key stands twice in one object")
    return found
