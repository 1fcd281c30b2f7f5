"""A simulator of CPay without a network, with a clock that tests move and a merchant that keeps its callbacks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from shared.provider_kit.simulator import CallbackAnswer, SimulatedResponse
from shared.provider_kit.simulator.played import PlayedSimulator
from shared.providers.cpay.simulator import build_cpay_simulator

API_KEY = "cpk_test_000102030405060708090a0b0c0d0e0f"
NEW_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="  # noqa: S105 - of the fixtures
OLD_SECRET = "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="  # noqa: S105 - of the fixtures
CALLBACK_URL = "http://merchant/callbacks"
TEN_O_CLOCK = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
SETTINGS = {
    "api_key": API_KEY,
    "webhook_secrets": f"{NEW_SECRET}, {OLD_SECRET}",
    "callback_url": CALLBACK_URL,
    "admin": "1",
    "delay_ms": "1000",
}


class Json(BaseModel, extra="allow"):
    """An answer; the fields that tests look at."""

    id: str = ""
    status: str = ""
    amount: int = 0

    def code(self) -> str:
        error = self.__pydantic_extra__ or {}
        return str(error.get("error", {}).get("code", ""))

    def member(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = (self.__pydantic_extra__ or {})[name]
        return found

    def listed(self, name: str = "data") -> list[dict[str, object]]:
        found: list[dict[str, object]] = (self.__pydantic_extra__ or {})[name]
        return found


@dataclass(frozen=True, slots=True)
class Post:
    url: str
    headers: Mapping[str, str]
    body: bytes

    def event_type(self) -> str:
        return str(json.loads(self.body)["type"])


@dataclass(slots=True)
class Merchant:
    """Keeps every callback, and answers as it is told."""

    answer: CallbackAnswer | None = field(default_factory=lambda: CallbackAnswer(status=204))
    posts: list[Post] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:
        self.posts.append(Post(url, headers, body))
        return self.answer

    def types(self) -> list[str]:
        return [post.event_type() for post in self.posts]


class Played(PlayedSimulator):
    """With its merchant."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.merchant = Merchant()
        super().__init__(build_cpay_simulator, folder, {**SETTINGS, **settings}, self.merchant, TEN_O_CLOCK)

    def ask(
        self, method: str, path: str, body: object = None, *, key: str = "", api_key: str = API_KEY, near: bool = True
    ) -> SimulatedResponse:
        headers = {"authorization": f"Bearer {api_key}", **({"idempotency-key": key} if key else {})}
        return self.respond(method, path, headers, b"" if body is None else json.dumps(body).encode(), near=near)

    def pay(
        self, scenario: str = "succeeds", reference: str = "ours", key: str = "k1", **more: object
    ) -> SimulatedResponse:
        body = {
            "amount": 100_000,
            "currency": "KES",
            "merchant_reference": reference,
            "customer": {"phone": "+254700000000"},
            "metadata": {"scenario": scenario},
            **more,
        }
        return self.ask("POST", "/v1/payments", body, key=key)

    def paid(self, **more: object) -> str:
        payment_id = read(self.pay(**more)).id  # type: ignore[arg-type]  # fields of the request
        self.pass_time(seconds=1)
        return payment_id


def read(response: SimulatedResponse) -> Json:
    return Json.model_validate_json(response.body)
