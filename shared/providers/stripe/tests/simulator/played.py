"""A simulator of Stripe without a network, with a clock that tests move and a merchant that keeps its webhooks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from shared.provider_kit.simulator import CallbackAnswer, SimulatedResponse
from shared.provider_kit.simulator.played import PlayedSimulator
from shared.providers.stripe.simulator import build_stripe_simulator

API_KEY = "sk_test_simulated0001"
NEW_SECRET = "whsec_new_secret"  # noqa: S105 - of these tests
OLD_SECRET = "whsec_old_secret"  # noqa: S105 - of these tests
TEN_O_CLOCK = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SETTINGS = {
    "api_key": API_KEY,
    "webhook_secrets": f"{NEW_SECRET}, {OLD_SECRET}",
    "callback_url": "http://merchant/webhooks",
    "admin": "1",
    "delay_ms": "1000",
}
# What a gateway without a browser sends.
PAYMENT = {
    "amount": "109900",
    "currency": "kes",
    "payment_method": "pm_card_visa",
    "confirm": "true",
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "never",
    "metadata[gateway_payment_id]": "p1",
}


@dataclass(frozen=True, slots=True)
class Post:
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def signature(self) -> str:
        return self.headers["stripe-signature"]


@dataclass(slots=True)
class Merchant:
    """Keeps every webhook, and answers as it is told."""

    answer: CallbackAnswer | None = field(default_factory=lambda: CallbackAnswer(status=200))
    posts: list[Post] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:  # noqa: ARG002 - there is one
        self.posts.append(Post(headers, body))
        return self.answer

    def types(self) -> list[str]:
        return [post.event["type"] for post in self.posts]

    def of_type(self, event_type: str) -> list[Post]:
        return [post for post in self.posts if post.event["type"] == event_type]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read."""

    response: SimulatedResponse

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.response.headers

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.response.body)
        return body

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.body["error"]
        return error

    @property
    def id(self) -> str:
        return str(self.body["id"])


class Played(PlayedSimulator):
    """With its merchant."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.merchant = Merchant()
        super().__init__(build_stripe_simulator, folder, {**SETTINGS, **settings}, self.merchant, TEN_O_CLOCK)

    def post(self, path: str, params: Mapping[str, str] | None = None, *, key: str = "", **headers: str) -> Answered:
        return self._ask("POST", path, urlencode(params or {}).encode(), key=key, headers=headers)

    def get(self, path: str, params: Mapping[str, str] | None = None, **headers: str) -> Answered:
        query = f"?{urlencode(params)}" if params else ""
        return self._ask("GET", f"{path}{query}", b"", key="", headers=headers)

    def admin(self, path: str, body: object = None, *, near: bool = True) -> Answered:
        """POST to the control plane, or GET without a body."""
        method, content = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
        return self._ask(method, f"/_admin/{path}", content, key="", headers={}, near=near)

    def page(self, address: str) -> SimulatedResponse:
        """What the customer's browser gets: without the API key."""
        return self.respond("GET", address.removeprefix("http://sim"), {}, near=False)

    def _ask(
        self, method: str, path: str, body: bytes, *, key: str, headers: Mapping[str, str], near: bool = True
    ) -> Answered:
        usual = {"authorization": f"Bearer {API_KEY}", "host": "sim"}
        with_key = {"idempotency-key": key} if key else {}
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answered(self.respond(method, f"/stripe{path}", {**usual, **with_key, **given}, body, near=near))

    def pay(self, *, key: str = "", **changes: str) -> Answered:
        """The usual payment, with other fields; ``scenario`` goes into its metadata."""
        scenario = changes.pop("scenario", None)
        chosen = {"metadata[scenario]": scenario} if scenario else {}
        return self.post("/v1/payment_intents", {**PAYMENT, **changes, **chosen}, key=key)

    def refund(self, intent_id: str, *, key: str = "", **more: str) -> Answered:
        return self.post("/v1/refunds", {"payment_intent": intent_id, **more}, key=key)
