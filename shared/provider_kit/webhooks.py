"""What every provider's callbacks are read with: each step gives what it found, or raises ``WebhookRejected``."""

import hmac
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Never, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from shared.domain.errors import CurrencyUnknown, WebhookRejected
from shared.domain.money import Money

TOLERANCE_SECONDS = 300
MAX_TIMESTAMP_DIGITS = 12

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")

Model = TypeVar("Model", bound=BaseModel)


def check_fresh(timestamp: str, received_at: datetime) -> None:
    """Whole seconds since 1970, at most 300 s before or after the arrival.

    Raises:
        WebhookRejected: ``timestamp``, it is no such number; ``stale``, it is further away.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MAX_TIMESTAMP_DIGITS):
        raise WebhookRejected("timestamp")
    if abs(int(received_at.timestamp()) - int(timestamp)) > TOLERANCE_SECONDS:
        raise WebhookRejected("stale")


def is_any_signature(given: Iterable[bytes], expected: Iterable[bytes]) -> bool:
    """Whether any that came is any that we would have made; every pair is compared, each in constant time."""
    ours = tuple(expected)
    matches = [hmac.compare_digest(one, other) for other in given for one in ours]
    return any(matches)


def _finite(text: str) -> object:
    """The number; one that is too large for a float stays their text, since no database has an infinite one."""
    number = float(text)
    return number if math.isfinite(number) else text


def json_object(body: bytes, *, parse_float: Callable[[str], object] = _finite) -> Mapping[str, object]:
    """The one JSON object that a body is, in UTF-8; ``NaN`` and ``Infinity`` are no JSON.

    ``parse_float`` makes what numbers with a fraction become: ``str`` where one of them is an amount.

    Raises:
        WebhookRejected: it is anything else.
    """
    try:
        payload = json.loads(body.decode("utf-8"), parse_float=parse_float, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise WebhookRejected("body") from None
    if not isinstance(payload, dict):
        raise WebhookRejected("body")
    return payload


def storable(payload: Mapping[str, object]) -> Mapping[str, object]:
    """The payload with what is JSON, and is text in no database, replaced: a NUL, or half of a surrogate pair.

    For what is signed: it is genuine, and would be refused again each time that it comes.

    Raises:
        WebhookRejected: it is nested without end.
    """
    try:
        return {_replaced(name): _stored(value) for name, value in payload.items()}
    except RecursionError:
        raise WebhookRejected("body") from None


def shaped(model: type[Model], payload: Mapping[str, object]) -> Model:
    """The payload, or a part of it, as ``model``.

    Raises:
        WebhookRejected: it lacks what the model needs.
    """
    try:
        return model.model_validate(payload)
    except (ValidationError, RecursionError):
        raise WebhookRejected(f"no {model.__name__.lower()}") from None


def money(amount_minor_units: int, currency: str) -> Money:
    """An amount as they tell it.

    Raises:
        WebhookRejected: nobody has this currency.
    """
    try:
        return Money(amount_minor_units, currency)
    except CurrencyUnknown:
        raise WebhookRejected("currency") from None


def uuid_or_none(text: str | None) -> UUID | None:
    """The id of ours that they repeat; ``None`` where there is none, as on what was made in their dashboard."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _no_constant(name: str) -> Never:
    raise ValueError(name)


def _stored(value: object) -> object:
    if isinstance(value, dict):
        return {_replaced(name): _stored(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_stored(each) for each in value]
    return _replaced(value) if isinstance(value, str) else value


def _replaced(text: str) -> str:
    return _NO_TEXT.sub("\ufffd", text)
