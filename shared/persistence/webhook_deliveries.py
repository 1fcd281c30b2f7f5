"""Stores what is to be delivered to merchants' endpoints, and every attempt at it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import DeliveryId, EndpointId, EventId, MerchantId
from shared.domain.webhook_delivery import (
    TRANSITIONS,
    AttemptKind,
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    DeliveryTrigger,
)
from shared.domain.webhook_endpoint import Lane, WebhookEndpoint
from shared.persistence.tables import webhook_deliveries, webhook_delivery_attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryFilter:
    """What a list of an endpoint's deliveries is narrowed to; ``None`` does not narrow."""

    endpoint_id: EndpointId
    state: DeliveryState | None = None
    event_type: str | None = None


class WebhookDeliveryRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_all(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Add those that are new, and say which: an event is delivered to an endpoint once.

        In one order, so that two who add the same never wait for one another.
        """
        if not deliveries:
            return []
        in_order = sorted(deliveries, key=lambda each: (each.endpoint_id, each.event_id))
        statement = (
            insert(webhook_deliveries)
            .values([_facts(each) for each in in_order])
            .on_conflict_do_nothing(index_elements=["endpoint_id", "event_id"])
            .returning(webhook_deliveries.c.id)
        )
        added = set(self._connection.execute(statement).scalars())
        return [each for each in deliveries if each.id in added]

    def in_flight(self, merchant_id: MerchantId, lane: Lane, now: datetime) -> int:
        """How many threads of the lane are at the merchant's endpoints."""
        columns = webhook_deliveries.c
        is_sent = (columns.merchant_id == merchant_id, columns.lease_until >= now, columns.leased_lane == lane)
        return self._connection.execute(
            select(func.count()).select_from(webhook_deliveries).where(*is_sent)
        ).scalar_one()

    def lease_next(self, endpoint: WebhookEndpoint, now: datetime, until: datetime) -> Delivery | None:
        """The longest due of those that nobody is sending, which is ours until then; the caller has the endpoint.

        ``None`` also while as many are being sent to it as may be at once.
        """
        columns = webhook_deliveries.c
        sent = webhook_deliveries.alias("sent")
        is_sent = (sent.c.endpoint_id == endpoint.id, sent.c.lease_until >= now)
        in_flight = select(func.count()).select_from(sent).where(*is_sent).scalar_subquery()
        due = (
            select(columns.id)
            .where(
                columns.endpoint_id == endpoint.id,
                columns.state == DeliveryState.WAITING,
                columns.next_try_at <= now,
                or_(columns.lease_until.is_(None), columns.lease_until < now),
                in_flight < endpoint.most_in_flight,
            )
            .order_by(columns.next_try_at, columns.id)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        leased = (
            update(webhook_deliveries).where(columns.id == due).values(lease_until=until, leased_lane=endpoint.lane)
        )
        row = self._connection.execute(leased.returning(*columns)).one_or_none()
        return None if row is None else _delivery(row)

    def find(self, delivery_id: UUID, merchant_id: MerchantId | None = None) -> Delivery | None:
        """Of this merchant, where one is given."""
        statement = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id)
        if merchant_id is not None:
            statement = statement.where(webhook_deliveries.c.merchant_id == merchant_id)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _delivery(row)

    def lock(self, delivery_id: UUID) -> Delivery | None:
        statement = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id).with_for_update()
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _delivery(row)

    def lock_of_events(self, endpoint_id: EndpointId, event_ids: Sequence[EventId]) -> Mapping[EventId, Delivery]:
        """Those of these events that there are, locked until the transaction ends."""
        columns = webhook_deliveries.c
        ours = (columns.endpoint_id == endpoint_id, columns.event_id.in_([UUID(str(each)) for each in event_ids]))
        rows = self._connection.execute(select(webhook_deliveries).where(*ours).order_by(columns.id).with_for_update())
        return {each.event_id: each for each in map(_delivery, rows)}

    def save(self, delivery: Delivery) -> None:
        """Replace what is stored; the caller holds its lock."""
        facts = _facts(delivery)
        changed = {name: facts[name] for name in _CHANGING}
        self._connection.execute(
            update(webhook_deliveries).where(webhook_deliveries.c.id == delivery.id).values(**changed)
        )

    def bring_forward(self, endpoint_id: EndpointId, now: datetime) -> int:
        """Have all that waits for the endpoint, and nobody is sending, be due now; how many were not."""
        columns = webhook_deliveries.c
        waits = (columns.endpoint_id == endpoint_id, columns.state == DeliveryState.WAITING, columns.next_try_at > now)
        free = or_(columns.lease_until.is_(None), columns.lease_until < now)
        return self._connection.execute(
            update(webhook_deliveries).where(*waits, free).values(next_try_at=now, updated_at=now)
        ).rowcount

    def give_up_on(self, endpoint_id: EndpointId, now: datetime) -> int:
        """End all that waits for an endpoint that is no more; how many there were."""
        columns = webhook_deliveries.c
        waits = (columns.endpoint_id == endpoint_id, columns.state == DeliveryState.WAITING)
        given_up = TRANSITIONS[DeliveryState.WAITING, DeliveryTrigger.GIVE_UP]
        return self._connection.execute(
            update(webhook_deliveries).where(*waits).values(state=given_up, next_try_at=None, updated_at=now)
        ).rowcount

    def has_attempt_since(self, claimed: Delivery, started_at: datetime) -> bool:
        """Whether what was begun then, with this claim, is recorded: by a commit whose answer was lost."""
        columns = webhook_delivery_attempts.c
        since = (columns.delivery_id == claimed.id, columns.number > claimed.attempts)
        found = select(columns.number).where(*since, columns.started_at == started_at).limit(1)
        return self._connection.execute(found).one_or_none() is not None

    def add_attempt(self, attempt: DeliveryAttempt) -> None:
        self._connection.execute(insert(webhook_delivery_attempts), [asdict(attempt)])

    def attempts_of(self, delivery_id: DeliveryId) -> Sequence[DeliveryAttempt]:
        """In their order."""
        columns = webhook_delivery_attempts.c
        statement = select(webhook_delivery_attempts).where(columns.delivery_id == delivery_id)
        rows = self._connection.execute(statement.order_by(columns.number))
        return [_attempt(row) for row in rows]

    def page(self, narrowed_to: DeliveryFilter, *, after: UUID | None, limit: int) -> Sequence[Delivery]:
        """Up to ``limit``, newest first, those older than ``after``."""
        columns = webhook_deliveries.c
        statement = select(webhook_deliveries).where(columns.endpoint_id == narrowed_to.endpoint_id)
        if narrowed_to.state is not None:
            statement = statement.where(columns.state == narrowed_to.state)
        if narrowed_to.event_type is not None:
            statement = statement.where(columns.event_type == narrowed_to.event_type)
        if after is not None:
            statement = statement.where(columns.id < after)
        rows = self._connection.execute(statement.order_by(columns.id.desc()).limit(limit))
        return [_delivery(row) for row in rows]


_CHANGING = ("state", "tries", "attempts", "next_kind", "next_try_at", "lease_until", "updated_at")


def _facts(delivery: Delivery) -> dict[str, object]:
    return {**asdict(delivery), "notice": None if delivery.notice is None else dict(delivery.notice)}


def _delivery(row: Row[tuple[object, ...]]) -> Delivery:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return Delivery(
        id=DeliveryId(column["id"]),
        endpoint_id=EndpointId(column["endpoint_id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        event_id=EventId(column["event_id"]),
        event_type=column["event_type"],
        state=DeliveryState(column["state"]),
        tries=column["tries"],
        attempts=column["attempts"],
        next_kind=AttemptKind(column["next_kind"]),
        next_try_at=column["next_try_at"],
        lease_until=column["lease_until"],
        notice=column["notice"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
    )


def _attempt(row: Row[tuple[object, ...]]) -> DeliveryAttempt:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    return DeliveryAttempt(**{**column, "kind": AttemptKind(column["kind"])})
