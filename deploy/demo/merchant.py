"""A merchant's side of the API: the few calls that the demo makes."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx2
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from deploy.demo.endpoints import DemoFailed, Endpoints

Json = dict[str, Any]


class Merchant:
    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._http = httpx2.Client(base_url=f"{endpoints.api_url}/api/v1", timeout=10, trust_env=False)
        self.user_id = ""

    def sign_in(self) -> None:
        secrets = {"api_key_id": self.endpoints.api_key_id, "api_key_secret": self.endpoints.api_key_secret}
        answer = self._http.post("/auth/token", json=secrets)
        token = _expect(answer, 200, "sign in")
        self._http.headers["Authorization"] = f"Bearer {token['access_token']}"
        self.user_id = token["user_id"]

    def initialize(self, amount: str, key: str, order: str) -> httpx2.Response:
        body = {
            "provider": "cpay",
            "amount": amount,
            "currency": "KES",
            "customer": {"phone": "+254700000000", "email": "customer@example.com", "name": "John Doe"},
            "metadata": {"order_id": order},
        }
        return self._http.post("/payments/initialize", json=body, headers={"Idempotency-Key": key})

    def active_providers(self) -> set[str]:
        listed = _expect(self._http.get("/providers"), 200, "list the providers")
        return {each["name"] for each in listed["data"] if each["is_active"]}

    def start(self, **order: object) -> Json:
        """Any payment in KES, with a key of its own."""
        return _expect(self._post("/payments/initialize", {"currency": "KES", **order}), 202, "initialize")

    def payout(self, **order: object) -> Json:
        body = {"currency": "KES", "reason": "Winnings", **order}
        return _expect(self._post("/payouts", body), 202, "payout")

    def payout_now(self, payout_id: str) -> Json:
        return _expect(self._http.get(f"/payouts/{payout_id}"), 200, "read the payout")

    def newest(self, provider: str) -> Json:
        """The newest payment at a provider."""
        page = _expect(self._http.get(f"/payments?provider={provider}&limit=1"), 200, "list payments")
        newest: Json = page["data"][0]
        return newest

    def refund(self, payment_id: str, amount: str) -> Json:
        body = {"amount": amount, "reason": "Customer request"}
        return _expect(self._post(f"/payments/{payment_id}/refund", body), 202, "refund")

    def _post(self, path: str, body: Json) -> httpx2.Response:
        return self._http.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})

    def payment(self, payment_id: str) -> Json:
        return _expect(self._http.get(f"/payments/{payment_id}"), 200, "read the payment")

    @contextmanager
    def listening(self, path: str) -> Iterator["Frames"]:
        """The frames of one WebSocket channel, behind the one that says where it begins."""
        headers = {"Authorization": str(self._http.headers["Authorization"])}
        url = f"{self.endpoints.ws_url}{path}"
        try:
            with connect(url, additional_headers=headers, compression=None, proxy=None) as socket:
                socket.recv(timeout=10)
                yield Frames(socket)
        except (ConnectionClosed, TimeoutError) as error:
            raise DemoFailed(f"the WebSocket {path} was closed: {error}") from error


class Frames:
    """What came over one WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def next(self, timeout_seconds: float) -> Json | None:
        """The next frame, or ``None`` when none came in time."""
        try:
            text = self._socket.recv(timeout=timeout_seconds)
        except TimeoutError:
            return None
        frame: Json = json.loads(text)
        return frame


def _expect(answer: httpx2.Response, status: int, step: str) -> Json:
    if answer.status_code != status:
        raise DemoFailed(f"{step}: HTTP {answer.status_code} instead of {status}: {answer.text[:300]}")
    body: Mapping[str, Any] = answer.json()
    return dict(body)
