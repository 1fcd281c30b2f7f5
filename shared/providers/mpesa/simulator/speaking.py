"""How Daraja speaks: JSON with decimals as they are, its error envelope, ids in its present formats, Kenyan time."""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TypeAlias
from uuid import uuid4

from shared.provider_kit.simulator import SimulatedResponse

Wire: TypeAlias = "str | int | Decimal | Sequence[Wire] | Mapping[str, Wire] | None"
WireObject: TypeAlias = Mapping[str, Wire]

EAST_AFRICA_TIME = timezone(timedelta(hours=3), "EAT")
RECEIPT_LETTERS = "0123456789ABCDEFGHIJKLMNPQRSTUVWXYZ"
FIRST_RECEIPT_YEAR = 2006  # "A"
DAYS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"


def as_json(value: Wire) -> str:
    """JSON in which ``Decimal("1.00")`` is the number 1.00: no binary fraction comes between."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{as_json(member)}" for name, member in value.items()) + "}"
    return "[" + ",".join(as_json(member) for member in value) + "]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer before it is written; ``early`` are callbacks that reach the receiver before it does."""

    body: WireObject
    status: int = 200
    early: tuple[int, ...] = ()


class Refused(Exception):
    """Daraja says no, in its envelope; without a ``code`` it says so with an empty body."""

    def __init__(self, status: int, code: str | None, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    def to_response(self) -> SimulatedResponse:
        if self.code is None:
            return SimulatedResponse(status=self.status)
        return written(Answer(status=self.status, body=envelope(self.code, str(self))))


def envelope(code: str, message: str, request_id: str | None = None) -> WireObject:
    return {"requestId": request_id or new_request_id(), "errorCode": code, "errorMessage": message}


def written(answer: Answer) -> SimulatedResponse:
    headers = {"Content-Type": "application/json"}
    return SimulatedResponse(status=answer.status, headers=headers, body=as_json(answer.body).encode())


def invalid(field: str, code: str = "400.002.02") -> Refused:
    return Refused(400, code, f"Bad Request - Invalid {field}")


def shillings(amount_minor: int) -> Decimal:
    """Two decimals, as all of Safaricom's numbers have."""
    return Decimal(amount_minor).scaleb(-2).quantize(Decimal("0.01"))


def kenyan(moment_ms: int) -> datetime:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone(EAST_AFRICA_TIME)


def compact_time(moment_ms: int) -> str:
    """``20191219102115``, East Africa Time."""
    return kenyan(moment_ms).strftime("%Y%m%d%H%M%S")


def new_request_id() -> str:
    """``1c5b-4ba8-815c-ac45c57a3db01495926``: request, merchant request and originator conversation ids look so."""
    _, *rest = str(uuid4()).split("-")
    return "-".join(rest) + str(secrets.randbelow(9_000_000) + 1_000_000)


def new_conversation_id(moment_ms: int) -> str:
    return f"AG_{kenyan(moment_ms):%Y%m%d}_2010{secrets.token_hex(8)}"


def new_checkout_id(moment_ms: int, phone: str) -> str:
    """``ws_CO_``, the moment with unpadded milliseconds, and the last nine digits of the phone."""
    return f"ws_CO_{kenyan(moment_ms):%d%m%Y%H%M%S}{moment_ms % 1000}{phone[-9:]}"


def new_receipt(moment_ms: int) -> str:
    """Ten upper-case letters and digits, the first three for the year, the month and the day."""
    at = kenyan(moment_ms)
    year = chr(ord("A") + (at.year - FIRST_RECEIPT_YEAR) % 26)
    rest = "".join(secrets.choice(RECEIPT_LETTERS) for _ in range(7))
    return f"{year}{chr(ord('A') + at.month - 1)}{DAYS[at.day]}{rest}"


def masked(phone: str) -> str:
    """``2547 ***** 126``, as version 2 of C2B shows a payer."""
    return f"{phone[:4]} ***** {phone[-3:]}"


def hashed(phone: str) -> str:
    """SHA-256 in hexadecimal, as version 1 of C2B shows a payer."""
    return hashlib.sha256(phone.encode()).hexdigest()
