"""Asks the three witnesses; changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg2
from amqp.exceptions import NotFound
from kombu.connection import Connection
from psycopg2 import extensions

from shared.domain.movement_status import UNFINISHED as UNFINISHED_MOVEMENTS
from shared.domain.transaction_status import UNFINISHED
from shared.messaging.delivery_schedule import DeliverySchedule
from shared.messaging.topology import (
    DEAD_LETTER_QUEUE,
    EVENTS_FOR_WEBHOOKS,
    WEBHOOK_LANES,
    check_queue,
    command_queue,
    delay_queue,
    provider_event_queue,
    webhook_queue,
)
from tests.chaos.kinds import MOVEMENTS
from tests.chaos.merchant import Merchant, Request
from tests.chaos.oracle import Oracle
from tests.chaos.truth import Backlog, Event, Movement, Payment, Taken, Truth

PAGE = 100
DELIVERY_LIMIT = "delivery_limit"
MOST_PAGES = 200

# Dead letters that nobody refused: they were in the hands of a process each time that it was killed.
BYSTANDERS = "SELECT coalesce(sum(deaths), 0) FROM dead_letters WHERE reason = %s"

# As ``invariants.everything_comes_to_an_end`` has it: what is reserved waits for its merchant, unless all that will be
# taken is taken.
UNFINISHED_PAYMENTS = """
SELECT count(*) FROM transactions WHERE status = ANY(%s) AND NOT (
    status = 'authorized' AND capture_method = 'manual' AND captured_minor < authorized_minor
    AND NOT EXISTS (
        SELECT FROM captures
        WHERE captures.transaction_id = transactions.id AND captures.is_final AND captures.status = 'succeeded'))
"""

# What an endpoint asks for is told to it, if it happened since there is the endpoint. One that was switched off is
# missed all the same: by ``invariants.every_event_is_delivered``.
UNTOLD_EVENTS = """
SELECT count(*) FROM webhook_endpoints AS endpoint JOIN events USING (merchant_id)
WHERE endpoint.is_active AND events.occurred_at >= endpoint.listens_since
    AND (events.event_type = ANY(endpoint.event_types)
        OR split_part(events.event_type, '.', 1) || '.*' = ANY(endpoint.event_types))
    AND NOT EXISTS (
        SELECT FROM webhook_deliveries AS delivery
        WHERE delivery.endpoint_id = endpoint.id AND delivery.event_id = events.id AND delivery.state = 'delivered')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    provider: Mapping[str, Taken]
    shown: Mapping[str, str]
    backlog: Backlog


class Witnesses:
    """``environment`` is the system's gateway.env; ``delays_ms`` the levels of its ladder."""

    def __init__(
        self, environment: Mapping[str, str], merchant: Merchant, oracle: Oracle, delays_ms: Sequence[int]
    ) -> None:
        self._environment, self._merchant, self._oracle = environment, merchant, oracle
        delays = {*delays_ms, *DeliverySchedule(tuple(delays_ms)).delays_ms}
        self._queues = [
            *(queue("cpay") for queue in (command_queue, check_queue, provider_event_queue)),
            *(EVENTS_FOR_WEBHOOKS, *map(webhook_queue, WEBHOOK_LANES)),
            *map(delay_queue, sorted(delays)),
        ]

    def look(self, ids: set[str]) -> Survey:
        """What is asked once for several rows: the provider's books, the API's list of these payments, the backlog."""
        return Survey(provider=self._oracle.books(), shown=self._shown(ids), backlog=self.backlog())

    def truth(self, requests: Sequence[Request], heard: frozenset[str], survey: Survey) -> Truth:
        """Everything about the payments that these requests made, capture or refund."""
        ids = sorted({request.payment_id for request in requests if request.payment_id})
        with self._database() as database:
            payments, movements = _payments(database, ids), _movements(database, ids)
            events = _events(database, ids)
            audited = _audited(database, ids)
        references = {*payments, *movements, *ids}
        return Truth(
            requests=requests,
            payments=payments,
            movements=movements,
            events=events,
            audited=audited,
            provider={each: taken for each, taken in survey.provider.items() if each in references},
            shown=survey.shown,
            heard=heard,
            backlog=survey.backlog,
        )

    def backlog(self) -> Backlog:
        with self._database() as database:
            unpublished = _count(database, "SELECT count(*) FROM outbox WHERE published_at IS NULL")
            unprocessed = _count(database, "SELECT count(*) FROM webhook_events WHERE NOT processed")
            unfinished = _count(database, UNFINISHED_PAYMENTS, sorted(UNFINISHED)) + sum(
                _count(database, f"SELECT count(*) FROM {noun}s WHERE status = ANY(%s)", sorted(UNFINISHED_MOVEMENTS))
                for noun in MOVEMENTS
            )
            untold = _count(database, UNTOLD_EVENTS)
            kept = _count(database, "SELECT coalesce(sum(deaths), 0) FROM dead_letters")
            bystanders = _count(database, BYSTANDERS, DELIVERY_LIMIT)
        queued, dead = self._queued()
        return Backlog(
            unpublished=unpublished,
            unprocessed=unprocessed,
            unfinished=unfinished,
            untold=untold,
            queued=queued,
            parked=kept + dead - bystanders,
            bystanders=bystanders,
        )

    def _shown(self, ids: set[str]) -> dict[str, str]:
        """The status of these payments as the API's list tells it, newest first until all are seen."""
        found: dict[str, str] = {}
        path = f"/payments?limit={PAGE}"
        for _ in range(MOST_PAGES):
            page = self._merchant.get(path)
            found |= {each["id"]: each["status"] for each in page["data"]}
            if not page["has_more"] or ids <= set(found):
                break
            path = f"/payments?limit={PAGE}&after={page['next_cursor']}"
        return found

    @contextmanager
    def _database(self) -> Iterator[extensions.cursor]:
        """As the owner, in a transaction that can only read."""
        with closing(psycopg2.connect(self._environment["DATABASE_OWNER_URL"], connect_timeout=5)) as connection:
            connection.set_session(readonly=True)
            with connection.cursor() as database:
                yield database

    def _queued(self) -> tuple[dict[str, int], int]:
        """The sizes of the work queues, and how many dead letters nobody has stored yet."""
        with Connection(self._environment["AMQP_URL"], connect_timeout=5) as connection:
            sizes = {name: _size(connection, name) for name in [*self._queues, DEAD_LETTER_QUEUE]}
        dead = sizes.pop(DEAD_LETTER_QUEUE)
        return sizes, dead


def _size(connection: Connection, queue: str) -> int:
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except NotFound:
            return 0


def _count(database: extensions.cursor, statement: str, *given: object) -> int:
    database.execute(statement, given)
    row = database.fetchone()
    assert row is not None
    return int(row[0])


def _payments(database: extensions.cursor, ids: Sequence[str]) -> dict[str, Payment]:
    database.execute(
        "SELECT id::text, status, capture_method, amount_minor, authorized_minor, capture_pending_minor,"
        " captured_minor, refunded_minor, refund_pending_minor, currency, version, created_at"
        " FROM transactions WHERE id = ANY(%s::uuid[])",
        (list(ids),),
    )
    names = (
        *("id", "status", "capture_method", "amount", "authorized", "capture_pending"),
        *("captured", "refunded", "refund_pending", "currency", "version", "created_at"),
    )
    return {row[0]: Payment(**dict(zip(names, row, strict=True))) for row in database.fetchall()}


def _movements(database: extensions.cursor, ids: Sequence[str]) -> dict[str, Movement]:
    found: dict[str, Movement] = {}
    names = ("id", "payment_id", "status", "amount", "is_final", "created_at")
    for noun in MOVEMENTS:
        is_final = "is_final" if noun == "capture" else "false"
        database.execute(
            f"SELECT id::text, transaction_id::text, status, amount_minor, {is_final}, created_at FROM {noun}s"
            " WHERE transaction_id = ANY(%s::uuid[])",
            (list(ids),),
        )
        rows = database.fetchall()
        found |= {row[0]: Movement(kind=noun, **dict(zip(names, row, strict=True))) for row in rows}
    return found


def _events(database: extensions.cursor, ids: Sequence[str]) -> list[Event]:
    movement_id = ", ".join(f"{noun}_id" for noun in MOVEMENTS)
    kind = " ".join(f"WHEN {noun}_id IS NOT NULL THEN '{noun}'" for noun in MOVEMENTS)
    database.execute(
        f"SELECT id::text, transaction_id::text, coalesce({movement_id})::text, CASE {kind} ELSE 'payment' END,"
        " sequence, event_type, data->>'status', occurred_at"
        " FROM events WHERE transaction_id = ANY(%s::uuid[])",
        (list(ids),),
    )
    names = ("id", "payment_id", "movement_id", "kind", "sequence", "type", "status", "at")
    return [Event(**dict(zip(names, row, strict=True))) for row in database.fetchall()]


def _audited(database: extensions.cursor, ids: Sequence[str]) -> dict[tuple[str, str], int]:
    database.execute(
        "SELECT transaction_id::text, event_type, count(*) FROM audit_logs"
        " WHERE transaction_id = ANY(%s::uuid[]) GROUP BY 1, 2",
        (list(ids),),
    )
    return {(payment_id, kind): count for payment_id, kind, count in database.fetchall()}
