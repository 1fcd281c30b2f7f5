"""Drives one provider's simulator over its control plane."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import httpx2
from pydantic import JsonValue

from shared.domain.errors import GatewayError
from shared.domain.money import Money
from shared.provider_kit.control import ControlPlane
from shared.provider_kit.http import ProviderResponse, call

Json = Mapping[str, JsonValue]
MAX_MESSAGE_CHARACTERS = 2_000


class SimulatorUnreachable(GatewayError):
    """Nobody answers where the simulators should be."""


class ControlRefused(GatewayError):
    """The control plane said no; the text is its own."""


class NotPlayed(GatewayError):
    """This provider's simulator has no such thing; the text says what it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TillPayment:
    """What a customer pays at a till, unasked."""

    till: str
    account: str
    amount: Money
    phone: str


class SimulatorControl:
    """``url`` is the simulators' address; ``client`` stays the caller's."""

    def __init__(self, client: httpx2.Client, url: str, plane: ControlPlane) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._plane = plane

    def ledger(self) -> Json:
        return self._ask("GET", "ledger")

    def deliveries(self) -> Sequence[Json]:
        return _objects(self._ask("GET", "deliveries"), "deliveries")

    def arm(self, rule: str, times: int) -> Sequence[Json]:
        """All rules that are armed then."""
        return _objects(self._ask("POST", "faults", {"rule": rule, "times": times}), "rules")

    def reset(self) -> None:
        self._ask("POST", "reset", {})

    def pay_at_till(self, payment: TillPayment) -> Json:
        """Raises ``NotPlayed`` where there are no tills."""
        if self._plane.till_payments is None:
            raise NotPlayed("nobody pays at a till there")
        body: Json = {
            "till": payment.till,
            "account": payment.account,
            "amount": payment.amount.amount_minor_units,
            "currency": payment.amount.currency,
            "phone": payment.phone,
        }
        return self._ask("POST", self._plane.till_payments, body)

    def act(self, reference: str, action: str) -> Json:
        """Raises ``NotPlayed`` for an unknown action."""
        act = self._plane.acts.get(action)
        if act is None:
            raise NotPlayed(f"there is no action {action!r}; there are: {', '.join(self._plane.acts)}")
        return self._ask("POST", act.path.format(reference=quote(reference, safe="")), act.body)

    def _ask(self, method: str, path: str, body: Json | None = None) -> Json:
        answer = call(self._client, method, f"{self._url}{self._plane.path}/{path}", headers={}, json=body)
        if not isinstance(answer, ProviderResponse):
            raise SimulatorUnreachable(f"the simulator at {self._url} does not answer: {answer.reason}")
        told = _object_in(answer.body)
        if answer.status != 200:
            raise ControlRefused(f"refused ({answer.status}): {_message_in(told, answer.body)}")
        if told is None:
            raise ControlRefused(f"what answers at {self._url} is not this simulator: its answer is no JSON object")
        return told


def _object_in(body: bytes) -> Json | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _objects(told: Json, name: str) -> Sequence[Json]:
    listed = told.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def _message_in(told: Json | None, body: bytes) -> str:
    """Their message, with the field that it is about, where it has one of the usual shapes; else all that they said."""
    error = (told or {}).get("error", told)
    if not isinstance(error, dict):
        return _cut(body.decode(errors="replace"))
    message = error.get("message") or error.get("errorMessage") or json.dumps(error)
    param = error.get("param")
    return _cut(f"{param}: {message}" if param else str(message))


def _cut(text: str) -> str:
    return text[:MAX_MESSAGE_CHARACTERS] or "without a word"
