"""How Stripe speaks: replies, its error envelope, and its ids."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from string import ascii_letters, digits

from pydantic import JsonValue

from shared.provider_kit.simulator import SimulatedResponse

Json = dict[str, JsonValue]

INVALID_REQUEST = "invalid_request_error"
ALPHABET = ascii_letters + digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer before it is written; ``early`` are webhooks that reach the receiver before it does."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    early: tuple[int, ...] = ()

    def numbered(self, request_id: str, *, livemode: bool) -> "Reply":
        """With the address of the request's log in an error's body, as the dashboard shows it."""
        error = self.body.get("error")
        if not isinstance(error, dict):
            return self
        place = "logs" if livemode else "test/logs"
        url = f"https://dashboard.stripe.com/{place}/{request_id}"
        return replace(self, body={"error": {**error, "request_log_url": url}})


class Refused(Exception):
    """Stripe says no; carries the whole error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = INVALID_REQUEST,
        code: str | None = None,
        more: Mapping[str, JsonValue] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.more = more or {}
        self.headers = headers or {}

    def to_reply(self) -> Reply:
        """As Stripe does, leaving out what there is nothing to say about."""
        error: Json = {"message": str(self), "type": self.kind}
        if self.code is not None:
            error |= {"code": self.code, "doc_url": doc_url(self.code)}
        error |= {name: value for name, value in self.more.items() if value is not None}
        return Reply(status=self.status, body={"error": error}, headers=self.headers)


def invalid(message: str, code: str | None = None, param: str | None = None) -> Refused:
    return Refused(400, message, code=code, more={"param": param})


def missing(param: str) -> Refused:
    return invalid(f"Missing required param: {param}.", "parameter_missing", param)


def no_such(what: str, resource_id: str, *, param: str | None = None) -> Refused:
    """404 when the address names it (``param`` is ``None``), 400 when a parameter does."""
    status = 404 if param is None else 400
    message = f"No such {what}: '{resource_id}'"
    return Refused(status, message, code="resource_missing", more={"param": param or "id"})


def unexpected_state(message: str, intent: Json) -> Refused:
    return Refused(400, message, code="payment_intent_unexpected_state", more={"payment_intent": intent})


def unrecognized(method: str, path: str) -> Refused:
    return Refused(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
    )


def doc_url(code: str) -> str:
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def new_id(prefix: str) -> str:
    """``pi_3…`` and the like: nobody can read anything from it."""
    return f"{prefix}_3{token(23)}"


def token(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def pretty(body: JsonValue) -> bytes:
    """Two spaces of indent, as Stripe writes answers and events."""
    return json.dumps(body, indent=2, ensure_ascii=False).encode()


def response_of(reply: Reply) -> SimulatedResponse:
    headers = {"Content-Type": "application/json", **reply.headers}
    return SimulatedResponse(status=reply.status, headers=headers, body=pretty(reply.body))
