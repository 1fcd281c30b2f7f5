"""A provider that calls back: each callback tells of one payment at a till, and is sent again until it is acknowledged.

So every callback acts exactly once or not: there is one completed payment for it, or none, or too many.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
from standardwebhooks import Webhook

from shared.provider_kit.sandbox import SandboxSite
from shared.providers.cpay.sandbox import cpay_sandbox
from tests.chaos.report import latencies

PATH = "/api/v1/webhooks/cpay"
ANSWER_SECONDS = 10.0
PATIENCE_SECONDS = 120.0
REPEAT_SECONDS = 1.0
SENDERS = 64

# Twice as long as the relay waits before it sends a lost message again.
STUCK_SECONDS = 120.0


@dataclass
class Callback:
    """One event of the provider's; ``statuses`` are what its tries were answered with, 0 where nothing came."""

    reference: str
    body: str
    event_id: str
    statuses: list[int] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_acknowledged(self) -> bool:
        return 200 in self.statuses


class Sender:
    """The provider's end. Safe for threads; each keeps a connection of its own."""

    def __init__(self, ingest_url: str, sandbox_secret: str) -> None:
        sandbox = cpay_sandbox(SandboxSite(secret=sandbox_secret, simulator_url="", callbacks_url=""))
        self._signer = Webhook(sandbox.simulator["webhook_secrets"])
        self._till = sandbox.tills[0]
        self._address = urlsplit(ingest_url).netloc
        self._kept = threading.local()

    def a_callback(self) -> Callback:
        reference = f"till-{uuid4()}"
        told = {
            "object": "payment",
            "id": reference,
            "status": "succeeded",
            "amount": 90_000,
            "captured_amount": 90_000,
            "currency": "KES",
            "created_at": datetime.now(UTC).isoformat(),
            "till": self._till,
            "account": "INV-7",
            "customer": {"phone": "+254700000000"},
        }
        event = {"type": "payment.received", "timestamp": datetime.now(UTC).isoformat(), "data": told}
        return Callback(reference, json.dumps(event), f"evt_{uuid4().hex}")

    def send(self, callback: Callback) -> None:
        """Until it is acknowledged, or nobody would try any more."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not callback.is_acknowledged and time.monotonic() < give_up_at:
            if callback.statuses:
                time.sleep(REPEAT_SECONDS)
            began = time.monotonic()
            callback.statuses.append(self.post(callback.body, self.signed(callback)))
            callback.seconds = time.monotonic() - began

    def signed(self, callback: Callback) -> Mapping[str, str]:
        at = datetime.now(UTC)
        return {
            "Content-Type": "application/json",
            "webhook-id": callback.event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(callback.event_id, at, callback.body),
        }

    def post(self, body: str, headers: Mapping[str, str], source: str = "127.0.0.1") -> int:
        """The status; 0 where the connection broke. ``source``: an address of this machine that it comes from."""
        kept = self._kept.__dict__.setdefault("connections", {})
        connection = kept.get(source) or HTTPConnection(
            self._address, timeout=ANSWER_SECONDS, source_address=(source, 0)
        )
        kept[source] = connection
        try:
            connection.request("POST", PATH, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException):
            connection.close()
            del kept[source]
            return 0
        return answer.status


@contextmanager
def at_a_rate(per_second: float, do: Callable[[], None], *, threads: int = SENDERS) -> Iterator[None]:
    """Begin ``do`` so often until the block ends; then wait until all are done.

    Where ``threads`` are not enough for that, as many as there are begin.
    """
    over, free = threading.Event(), threading.Semaphore(threads)

    def one() -> None:
        try:
            do()
        finally:
            free.release()

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            due = time.monotonic()
            while not over.wait(max(0.0, due - time.monotonic())):
                free.acquire()
                pool.submit(one)
                due = max(due + 1 / per_second, time.monotonic() - 1)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """``lost`` were acknowledged and have no payment; ``twice`` have more than one, or one that is not completed."""

    sent: int
    acknowledged: int
    tries: int
    lost: int
    twice: int
    unavailable: int
    p50_ms: float
    p99_ms: float

    @property
    def is_right(self) -> bool:
        return not self.lost and not self.twice and self.acknowledged == self.sent

    def __str__(self) -> str:
        return (
            f"sent {self.sent:5d}  acknowledged {self.acknowledged:5d}  tries {self.tries:5d}"
            f"  503 {self.unavailable:4d}  acknowledged but lost {self.lost}  applied twice {self.twice}"
            f"  ack p50 {self.p50_ms:.0f} p99 {self.p99_ms:.0f} ms"
        )


def tally(callbacks: Sequence[Callback], database_url: str) -> Tally:
    """What became of them, as soon as all that were acknowledged have acted, or nothing more happens."""
    acknowledged = {each.reference for each in callbacks if each.is_acknowledged}
    made, moved_at = _payments(callbacks, database_url), time.monotonic()
    while not acknowledged <= set(made) and time.monotonic() - moved_at < STUCK_SECONDS:
        time.sleep(1)
        before, made = len(made), _payments(callbacks, database_url)
        moved_at = moved_at if len(made) == before else time.monotonic()
    p50, _, p99 = latencies(each.seconds for each in callbacks if each.is_acknowledged)
    return Tally(
        sent=len(callbacks),
        acknowledged=len(acknowledged),
        tries=sum(len(each.statuses) for each in callbacks),
        lost=len(acknowledged - set(made)),
        twice=sum(statuses != ["completed"] for statuses in made.values()),
        unavailable=sum(each.statuses.count(503) for each in callbacks),
        p50_ms=p50 * 1000,
        p99_ms=p99 * 1000,
    )


def _payments(callbacks: Sequence[Callback], database_url: str) -> dict[str, list[str]]:
    """The statuses of the payments that each has made."""
    made: dict[str, list[str]] = {}
    with closing(psycopg2.connect(database_url, connect_timeout=5)) as connection, connection.cursor() as database:
        database.execute(
            "SELECT provider_transaction_id, status FROM transactions WHERE provider_transaction_id = ANY(%s)",
            ([each.reference for each in callbacks],),
        )
        for reference, status in database.fetchall():
            made.setdefault(reference, []).append(status)
    return made
