"""What PostgreSQL would give back of a row, and what it would refuse."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from sqlalchemy.exc import DataError, IntegrityError

from shared.domain.money import MAX_MINOR_UNITS, Money
from shared.persistence.engine import storable_json

RowT = TypeVar("RowT")


def violated(constraint: str) -> IntegrityError:
    """What SQLAlchemy raises for a broken constraint."""
    return IntegrityError(constraint, None, Exception(constraint))


def check(holds: bool, constraint: str) -> None:
    if not holds:
        raise violated(constraint)


def stored(row: RowT) -> RowT:
    """The row as it reads after writing.

    Raises:
        ValueError: text with a NUL or a lone surrogate, or a naive time.
        DataError: JSON or a number that the column's type does not hold.
    """
    changed: dict[str, Any] = {each.name: _stored_value(getattr(row, each.name)) for each in fields(row)}  # type: ignore[arg-type] # every row is a dataclass
    return replace(row, **changed)  # type: ignore[type-var] # every row is a dataclass


def _stored_value(value: object) -> object:
    if isinstance(value, Enum | bool | None):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return _jsonb(value)
    if isinstance(value, Money):
        return _bigint(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a time without a zone")
    return stored(value) if is_dataclass(value) else value


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")
    value.encode("utf-8")
    return value


def _jsonb(value: Mapping[Any, object]) -> dict[str, object]:
    written = storable_json(value)
    written.encode("utf-8")
    if "\\u0000" in written.replace("\\\\", ""):
        raise DataError("jsonb", None, Exception("\\u0000 cannot be converted to text"))
    read: dict[str, object] = json.loads(written)
    return read


def _bigint(value: Money) -> Money:
    if not -MAX_MINOR_UNITS - 1 <= value.amount_minor_units <= MAX_MINOR_UNITS:
        raise DataError("bigint", None, Exception("bigint out of range"))
    return value
