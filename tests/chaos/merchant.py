"""A good merchant: repeats what was not answered, with the same key, until it is, and keeps every answer."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.kinds import MOVEMENTS

Json = dict[str, Any]

ANSWER_SECONDS = 10.0
# As long as a busy machine may take to bring the API back, twice in one row.
PATIENCE_SECONDS = 240.0
LONGEST_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: ``retry_after`` says that it asked for another try; ``repeated`` that it was stored before."""

    status: int
    body: bytes
    retry_after: bool = False
    repeated: bool = False

    @property
    def accepted(self) -> bool:
        return self.status in {200, 202}

    @property
    def is_final(self) -> bool:
        """Whether asking again would change nothing."""
        return self.status < 500 and self.status not in {401, 429} and not (self.status == 409 and self.retry_after)


@dataclass
class Request:
    """One POST that moves money, with all that was answered to its key.

    ``row`` is the row that asked; ``scenario`` is what the provider was told to do with it.
    """

    row: str
    path: str
    body: Json
    key: str
    scenario: str = ""
    replies: list[Reply] = field(default_factory=list)
    unanswered: int = 0
    seconds: float = 0.0

    @property
    def kind(self) -> str:
        """Of what it makes: ``payment``, or a movement's."""
        last = self.path.rpartition("/")[2]
        return last if last in MOVEMENTS else "payment"

    @property
    def resource_id(self) -> str | None:
        """The id of what was accepted."""
        accepted = next((reply for reply in self.replies if reply.accepted), None)
        return None if accepted is None else str(json.loads(accepted.body)["id"])

    @property
    def payment_id(self) -> str | None:
        """The payment that it made, or that it captures or refunds."""
        return self.resource_id if self.kind == "payment" else self.path.split("/")[2]


class Merchant:
    """Safe for threads; each keeps a connection of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = urlsplit(environment["API_URL"]).netloc
        self._secrets = {"api_key_id": environment["API_KEY_ID"], "api_key_secret": environment["API_KEY_SECRET"]}
        self._kept = threading.local()
        self._signing_in = threading.Lock()
        self._signed_in_at = 0.0
        self.token = ""
        self.user_id = ""

    def get(self, path: str) -> Json:
        """Read until an answer comes."""
        return self._insist("GET", path, None, status=200)

    def create(self, path: str, body: Json) -> Json:
        """Ask until it is there, for what moves no money."""
        return self._insist("POST", path, body, status=201)

    def post(self, request: Request) -> None:
        """Send it until something final is answered; everything that came is in ``request``."""
        began, pause = time.monotonic(), 0.1
        while time.monotonic() - began < PATIENCE_SECONDS:
            reply = self._try("POST", request.path, request.body, request.key)
            if reply is None:
                request.unanswered += 1
            else:
                request.replies.append(reply)
                if reply.is_final:
                    break
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        request.seconds = request.seconds or time.monotonic() - began

    def sign_in(self) -> None:
        """Get a token, unless somebody just did."""
        with self._signing_in:
            if time.monotonic() - self._signed_in_at < 300 and self.token:
                return
            reply = self._try("POST", "/auth/token", self._secrets, "")
            if reply is not None and reply.status == 200:
                token = json.loads(reply.body)
                self.token, self.user_id = token["access_token"], token["user_id"]
                self._signed_in_at = time.monotonic()

    def _insist(self, method: str, path: str, body: Json | None, *, status: int) -> Json:
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            reply = self._try(method, path, body, "")
            if reply is not None and reply.status == status:
                answer: Json = json.loads(reply.body)
                return answer
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"{method} {path}: {reply}")
            time.sleep(0.2)

    def _try(self, method: str, path: str, body: Json | None, key: str) -> Reply | None:
        if path != "/auth/token" and time.monotonic() - self._signed_in_at > 300:
            self.sign_in()
        connection = getattr(self._kept, "connection", None) or HTTPConnection(self._address, timeout=ANSWER_SECONDS)
        self._kept.connection = connection
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        headers |= {"Idempotency-Key": key} if key else {}
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            connection.close()
            self._kept.connection = None
            return None
        if answer.status == 401:
            self._signed_in_at = 0.0
        return Reply(
            answer.status,
            content,
            answer.getheader("Retry-After") is not None,
            answer.getheader("Idempotent-Replayed") == "true",
        )
