"""A merchant's program with many threads, which keeps every answer and repeats what it is told to repeat."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

Json = dict[str, Any]
ResultT = TypeVar("ResultT")

INITIALIZE = "/payments/initialize"
ORDER: Json = {
    "provider": "cpay",
    "amount": "1000.00",
    "currency": "KES",
    "customer": {"phone": "+254700000000"},
    "metadata": {},
}

ANSWER_SECONDS = 40.0
PATIENCE_SECONDS = 90.0
SIGNED_IN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` 0: no answer came. ``at`` is when it came, on the clock of ``time.monotonic``."""

    status: int
    body: bytes
    is_replay: bool
    retry_after: str | None
    seconds: float
    at: float

    @property
    def json(self) -> Json:
        read: Json = json.loads(self.body)
        return read

    @property
    def code(self) -> str:
        """Of a refusal."""
        return str(self.json.get("code")) if self.status >= 400 else ""

    @property
    def asks_for_repetition(self) -> bool:
        return self.status in {0, 503} or self.code == "idempotency_in_flight"


class Caller:
    """Safe for threads. Each request has a connection of its own: a lost one is the API's fault, not old age."""

    def __init__(self, environment: Mapping[str, str], api_key_id: str = "", api_key_secret: str = "") -> None:
        self._address = urlsplit(environment["API_URL"]).netloc
        self._secrets = {
            "api_key_id": api_key_id or environment["API_KEY_ID"],
            "api_key_secret": api_key_secret or environment["API_KEY_SECRET"],
        }
        self._signing_in = threading.Lock()
        self._signed_in_at = -SIGNED_IN_SECONDS
        self._token = ""

    def post(self, path: str, body: Json | bytes, key: str, **headers: str) -> Answer:
        """Once."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._ask("POST", path, raw, {"Idempotency-Key": key, **headers})

    def insist(self, path: str, body: Json | bytes, key: str) -> list[Answer]:
        """Repeat, with the same key, for as long as the answers ask for it; all of them, the final one last."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        answers = [self.post(path, body, key)]
        while answers[-1].asks_for_repetition and time.monotonic() < give_up_at:
            time.sleep(float(answers[-1].retry_after or 1) / 2)
            answers.append(self.post(path, body, key))
        return answers

    def pay(self, **changed: object) -> str:
        """The id of an accepted payment."""
        return str(self.insist(INITIALIZE, ORDER | changed, str(uuid4()))[-1].json["id"])

    def get(self, path: str) -> Json:
        return self._ask("GET", path, None, {}).json

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        self._stay_signed_in()
        told = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}", **headers}
        return self._exchange(method, path, body, told)

    def _exchange(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        began = time.monotonic()
        try:
            with closing(HTTPConnection(self._address, timeout=ANSWER_SECONDS)) as connection:
                connection.request(method, f"/api/v1{path}", body, dict(headers))
                response = connection.getresponse()
                read = response.read()
        except (HTTPException, OSError):
            now = time.monotonic()
            return Answer(0, b"", is_replay=False, retry_after=None, seconds=now - began, at=now)
        now = time.monotonic()
        is_replay = response.headers.get("Idempotent-Replayed") == "true"
        retry_after = response.headers.get("Retry-After")
        return Answer(response.status, read, is_replay, retry_after, seconds=now - began, at=now)

    def _stay_signed_in(self) -> None:
        with self._signing_in:
            if time.monotonic() - self._signed_in_at < SIGNED_IN_SECONDS:
                return
            raw = json.dumps(self._secrets).encode()
            answer = self._exchange("POST", "/auth/token", raw, {"Content-Type": "application/json"})
            self._token = str(answer.json["access_token"])
            self._signed_in_at = time.monotonic()


def together(calls: Sequence[Callable[[], ResultT]]) -> list[ResultT]:
    """All at once, each in a thread of its own that waits until the others are there too."""
    ready = threading.Barrier(len(calls))

    def one(call: Callable[[], ResultT]) -> ResultT:
        ready.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def side_by_side(calls: Sequence[Callable[[], ResultT]], callers: int = 16) -> list[ResultT]:
    """All of them, so many at a time."""
    with ThreadPoolExecutor(callers) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]
