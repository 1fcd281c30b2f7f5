"""A merchant's own server: believes what is signed, keeps what came, and takes some of it badly the first time."""

import hashlib
import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from standardwebhooks.webhooks import WebhookVerificationError

from shared.egress.policy import EgressLimits
from tests.chaos.merchant import Json
from tests.chaos.truth import Arrived
from tests.fakes.merchant_server import MerchantServer, Received, Reply, verify

# Whoever waited for an answer has given up by then.
PAST_THE_LIMIT_SECONDS = EgressLimits().total_seconds + 2

REFUSED, LOST = Reply(status=500), Reply(hangs_up=True)
TAKEN = Reply()
# Of events that are new to it: shares that are refused, lost, and answered too late or never.
REFUSES, LOSES, DAWDLES = 0.05, 0.05, 0.05
# Each of these occupies whoever sends for the whole time limit: one of either is enough for one load.
DAWDLING = ("never", "too late")


@dataclass
class _Kept:
    digest: str
    payload: str
    first_at: float
    times: int = 0
    taken: int = 0
    complaints: list[str] = field(default_factory=list)


class MerchantEndpoint(MerchantServer):
    """What it took badly once, it takes the next time; ``misbehave`` and ``behave`` say whether it does that at all."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__()
        self.name, self.secret = name, ""
        self._chosen = random.Random(f"{seed} {name}")
        self._lock = threading.Lock()
        self._dawdling: list[str] = []
        self._behaves = threading.Event()
        self._behaves.set()
        self._kept: dict[str, _Kept] = {}
        self._unbelievable: list[tuple[float, str]] = []

    def misbehave(self) -> None:
        with self._lock:
            self._dawdling = list(DAWDLING)
        self._behaves.clear()

    def behave(self) -> None:
        """From now on; whoever still waits for an answer is hung up on."""
        self._behaves.set()

    def came(self) -> Mapping[str, Arrived]:
        """All that was believed, by its ``webhook-id``."""
        with self._lock:
            return {
                event_id: Arrived(
                    payload=kept.payload, times=kept.times, taken=kept.taken, complaints=tuple(kept.complaints)
                )
                for event_id, kept in self._kept.items()
            }

    def first_came_since(self, since: float) -> set[str]:
        """By the monotonic clock."""
        with self._lock:
            return {event_id for event_id, kept in self._kept.items() if kept.first_at >= since}

    def unbelievable_since(self, since: float) -> list[str]:
        with self._lock:
            return [problem for at, problem in self._unbelievable if at >= since]

    def answer(self, received: Received) -> Reply:
        try:
            verify(self.secret, received)
        except WebhookVerificationError as error:
            with self._lock:
                self._unbelievable.append((received.at, f"webhook {received.headers.get('webhook-id')}: {error}"))
            return Reply(status=400)
        kept, is_new = self._keep(received)
        reply = self._reply(is_new=is_new)
        if reply is TAKEN:
            with self._lock:
                kept.taken += 1
        return reply

    def _keep(self, received: Received) -> tuple[_Kept, bool]:
        event: Json = json.loads(received.body)
        digest = hashlib.sha256(received.body).hexdigest()
        with self._lock:
            is_new = received.event_id not in self._kept
            kept = self._kept.setdefault(received.event_id, _Kept(digest, fingerprint(event), received.at))
            kept.times += 1
            if event["id"] != received.event_id:
                kept.complaints.append(f"its body has another id, {event['id']}")
            if digest != kept.digest:
                kept.complaints.append("it came again with another body")
        return kept, is_new

    def _reply(self, *, is_new: bool) -> Reply:
        if self._behaves.is_set() or not is_new:
            return TAKEN
        with self._lock:
            drawn = self._chosen.random()
            dawdles = REFUSES + LOSES < drawn < REFUSES + LOSES + DAWDLES
            how = self._dawdling.pop(0) if dawdles and self._dawdling else ""
        if how:
            return self._dawdle(how)
        return REFUSED if drawn < REFUSES else LOST if drawn < REFUSES + LOSES else TAKEN

    def _dawdle(self, how: str) -> Reply:
        is_over = self._behaves.wait(PAST_THE_LIMIT_SECONDS)
        # An answer that came too late is none: it must come again. One that is called off says nothing.
        return Reply() if how == "too late" and not is_over else LOST


def fingerprint(event: Json) -> str:
    """The same for everything that says the same."""
    return hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
