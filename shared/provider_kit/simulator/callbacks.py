"""Callbacks as durable rows with due times: sent, repeated on a schedule, resumed after a crash."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from shared.provider_kit.simulator.environment import CallbackAnswer, CallbackPost
from shared.provider_kit.simulator.ledger_file import LedgerFile
from shared.runtime.clock import Clock

SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, url TEXT NOT NULL, variant TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due_at_ms INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
    last_status INTEGER
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at_ms) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS gone_endpoints (url TEXT PRIMARY KEY);
"""

MOST_AT_ONCE = 8
# An early callback is sent while the request is answered; the queue sends it only if a crash came between.
EARLY_RESCUE_MS = 5_000
DAY_SECONDS = 86_400


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    ENDPOINT_GONE = "endpoint_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One callback to send; ``variant`` is the provider's word for how it is to be signed."""

    id: int
    event_id: str
    url: str
    variant: str
    body: bytes
    attempts: int


Sign = Callable[[Delivery, datetime], Mapping[str, str]]


class CallbackQueue:
    """``gaps_ms[n]`` is the wait before attempt ``n + 2``; when they are spent, the callback is given up."""

    def __init__(
        self, ledger: LedgerFile, clock: Clock, post: CallbackPost, *, sign: Sign, gaps_ms: Sequence[int]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._post = post
        self._sign = sign
        self._gaps_ms = gaps_ms
        self._lock = threading.Lock()
        self._in_flight: set[int] = set()
        self._sending: list[Future[None]] = []
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="callbacks")

    def add(
        self, connection: sqlite3.Connection, *, event_id: str, url: str, body: bytes, due_at_ms: int, variant: str
    ) -> int:
        """Remember a callback, in the transaction that makes it true; the row's id."""
        cursor = connection.execute(
            "INSERT INTO deliveries (event_id, url, body, due_at_ms, variant) VALUES (?, ?, ?, ?, ?)",
            (event_id, url, body, due_at_ms, variant),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def send_due(self) -> None:
        """Start everything that is due; a bug in an earlier sending is raised here."""
        for delivery in self._claimed(self._due()):
            self._sending.append(self._pool.submit(self._attempt, delivery))
        finished = [future for future in self._sending if future.done()]
        self._sending = [future for future in self._sending if future not in finished]
        for future in finished:
            future.result()

    def send_now(self, ids: Iterable[int]) -> None:
        """Send these and wait for the receiver, whatever their due time."""
        for delivery_id in ids:
            for delivery in self._claimed(self._waiting("AND id = ?", delivery_id)):
                self._attempt(delivery)

    def everything(self) -> list[dict[str, JsonValue]]:
        """All deliveries for the truth API, oldest first, without their bodies."""
        columns = "id, event_id, url, variant, attempts, due_at_ms, state, last_status"
        with self._ledger.reading() as connection:
            return [dict(row) for row in connection.execute(f"SELECT {columns} FROM deliveries ORDER BY id")]  # noqa: S608 - constant

    def close(self) -> None:
        """Wait for what is being sent; the rest stays in the ledger."""
        self._pool.shutdown(wait=True)

    def _due(self) -> list[Delivery]:
        now_ms = milliseconds(self._clock.now())
        return self._waiting("AND due_at_ms <= ? ORDER BY due_at_ms, id LIMIT 200", now_ms)

    def _waiting(self, condition: str, *parameters: int) -> list[Delivery]:
        query = f"SELECT id, event_id, url, variant, body, attempts FROM deliveries WHERE state = 'waiting' {condition}"  # noqa: S608 - constants
        with self._ledger.reading() as connection:
            return [Delivery(**row) for row in map(dict, connection.execute(query, parameters).fetchall())]

    def _claimed(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        with self._lock:
            free = [delivery for delivery in deliveries if delivery.id not in self._in_flight]
            self._in_flight.update(delivery.id for delivery in free)
        return free

    def _attempt(self, delivery: Delivery) -> None:
        try:
            if self._is_gone(delivery.url):
                self._record(delivery, DeliveryState.ENDPOINT_GONE, None)
                return
            answer = self._post(delivery.url, self._sign(delivery, self._clock.now()), delivery.body)
            self._record(delivery, self._state_after(delivery, answer), answer)
        finally:
            with self._lock:
                self._in_flight.discard(delivery.id)

    def _state_after(self, delivery: Delivery, answer: CallbackAnswer | None) -> DeliveryState:
        if answer is not None and 200 <= answer.status < 300:
            return DeliveryState.DELIVERED
        if answer is not None and answer.status == 410:
            return DeliveryState.ENDPOINT_GONE
        return DeliveryState.WAITING if delivery.attempts < len(self._gaps_ms) else DeliveryState.GIVEN_UP

    def _record(self, delivery: Delivery, state: DeliveryState, answer: CallbackAnswer | None) -> None:
        status = answer.status if answer else None
        with self._ledger.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_status = ?, due_at_ms = ? WHERE id = ?",
                (state, status, self._next_due_ms(delivery, answer), delivery.id),
            )
            if status == 410:
                connection.execute("INSERT OR IGNORE INTO gone_endpoints (url) VALUES (?)", (delivery.url,))

    def _next_due_ms(self, delivery: Delivery, answer: CallbackAnswer | None) -> int:
        gap_ms = self._gaps_ms[delivery.attempts] if delivery.attempts < len(self._gaps_ms) else 0
        wish_seconds = (answer.retry_after_seconds if answer else None) or 0
        return milliseconds(self._clock.now()) + max(gap_ms, min(wish_seconds, DAY_SECONDS) * 1000)

    def _is_gone(self, url: str) -> bool:
        with self._ledger.reading() as connection:
            return connection.execute("SELECT 1 FROM gone_endpoints WHERE url = ?", (url,)).fetchone() is not None


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970: how the ledger writes a moment."""
    return int(moment.timestamp() * 1000)
