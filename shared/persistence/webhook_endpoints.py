"""Stores merchants' webhook endpoints; their secrets only ever encrypted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, EndpointSecret, WebhookEndpoint
from shared.persistence.tables import merchants, webhook_deliveries, webhook_endpoints


class WebhookEndpointRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, endpoint: WebhookEndpoint) -> bool:
        """Add it; ``False`` if the merchant has an endpoint at this address already."""
        statement = insert(webhook_endpoints).on_conflict_do_nothing(
            index_elements=["merchant_id", "url"], index_where=webhook_endpoints.c.deleted_at.is_(None)
        )
        return self._connection.execute(statement, _facts(endpoint)).rowcount == 1

    def find(self, endpoint_id: UUID, merchant_id: MerchantId | None = None) -> WebhookEndpoint | None:
        """One that is not deleted; of this merchant, where one is given."""
        return self._one(_kept(merchant_id).where(webhook_endpoints.c.id == endpoint_id))

    def lock(self, endpoint_id: UUID, merchant_id: MerchantId | None = None) -> WebhookEndpoint | None:
        """As ``find``, with the row locked until the transaction ends; deliveries to it can be added all the while."""
        statement = _kept(merchant_id).where(webhook_endpoints.c.id == endpoint_id)
        return self._one(statement.with_for_update(key_share=True))

    def lock_in_turn(self, endpoint_id: UUID) -> WebhookEndpoint | None:
        """As ``lock``, with its merchant locked as well, before it: one claim of a merchant at a time."""
        owner = select(webhook_endpoints.c.merchant_id).where(webhook_endpoints.c.id == endpoint_id).scalar_subquery()
        self._connection.execute(_merchant().where(merchants.c.id == owner))
        return self.lock(endpoint_id)

    def lock_all_of(self, merchant_id: MerchantId) -> None:
        """Have nobody add, change or claim for an endpoint of the merchant until the transaction ends.

        To be done before one of them is locked.
        """
        self._connection.execute(_merchant().where(merchants.c.id == merchant_id))

    def at(self, url: str, merchant_id: MerchantId) -> WebhookEndpoint | None:
        """The merchant's endpoint at just this address."""
        return self._one(_kept(merchant_id).where(webhook_endpoints.c.url == url))

    def of_merchant(self, merchant_id: MerchantId | None, *, active_only: bool = False) -> Sequence[WebhookEndpoint]:
        """All that are not deleted, newest first; ``None``: of all merchants."""
        statement = _kept(merchant_id)
        if active_only:
            statement = statement.where(webhook_endpoints.c.is_active)
        rows = self._connection.execute(statement.order_by(webhook_endpoints.c.id.desc()))
        return [_endpoint(row) for row in rows]

    def all_with_deleted(self) -> Sequence[WebhookEndpoint]:
        """Every one there ever was, oldest first: their secrets are stored as well."""
        rows = self._connection.execute(select(webhook_endpoints).order_by(webhook_endpoints.c.id))
        return [_endpoint(row) for row in rows]

    def lock_even_deleted(self, endpoint_id: UUID) -> WebhookEndpoint | None:
        statement = select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id)
        return self._one(statement.with_for_update(key_share=True))

    def count_of(self, merchant_id: MerchantId) -> int:
        statement = select(func.count()).select_from(webhook_endpoints)
        own = (webhook_endpoints.c.merchant_id == merchant_id, webhook_endpoints.c.deleted_at.is_(None))
        return self._connection.execute(statement.where(*own)).scalar_one()

    def save(self, endpoint: WebhookEndpoint) -> None:
        """Replace what is stored; the caller holds its lock."""
        changed = {name: value for name, value in _facts(endpoint).items() if name not in {"id", "merchant_id"}}
        self._connection.execute(
            update(webhook_endpoints).where(webhook_endpoints.c.id == endpoint.id).values(**changed)
        )

    def take_neglected(self, now: datetime, due_before: datetime, limit: int) -> Sequence[WebhookEndpoint]:
        """Up to ``limit`` endpoints that may be called, and nobody does, though a delivery waits for it.

        It must have been due by ``due_before``: until then its message may be on the way. After a rest there is no
        message, and being due is enough. Who was taken since ``due_before`` is not taken again, unless for a rest that
        has ended since; what somebody has locked is looked at the next time.
        """
        due_by = case((webhook_endpoints.c.rests_until.is_(None), due_before), else_=now)
        its_own = webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id
        is_free = or_(webhook_deliveries.c.lease_until.is_(None), webhook_deliveries.c.lease_until < now)
        is_waiting = webhook_deliveries.c.state == DeliveryState.WAITING
        rung_at, rests_until = webhook_endpoints.c.rung_at, webhook_endpoints.c.rests_until
        statement = select(webhook_endpoints.c.id).where(
            webhook_endpoints.c.is_active,
            or_(rung_at.is_(None), rung_at <= due_before, rung_at < rests_until),
            or_(rests_until.is_(None), rests_until <= now),
            exists().where(its_own, is_waiting, is_free, webhook_deliveries.c.next_try_at <= due_by),
            ~exists().where(its_own, webhook_deliveries.c.lease_until >= now),
        )
        free = statement.limit(limit).with_for_update(of=webhook_endpoints, skip_locked=True, key_share=True)
        taken = update(webhook_endpoints).where(webhook_endpoints.c.id.in_(free)).values(rung_at=now)
        return [_endpoint(row) for row in self._connection.execute(taken.returning(*webhook_endpoints.c))]

    def _one(self, statement: Select[tuple[object, ...]]) -> WebhookEndpoint | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _endpoint(row)


def _merchant() -> Select[tuple[object, ...]]:
    return select(merchants.c.id).with_for_update(key_share=True)


def _kept(merchant_id: MerchantId | None) -> Select[tuple[object, ...]]:
    statement = select(webhook_endpoints).where(webhook_endpoints.c.deleted_at.is_(None))
    return statement if merchant_id is None else statement.where(webhook_endpoints.c.merchant_id == merchant_id)


def _facts(endpoint: WebhookEndpoint) -> dict[str, object]:
    return {
        "id": endpoint.id,
        "merchant_id": endpoint.merchant_id,
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types),
        "secrets": [
            {"ciphertext": each.ciphertext, "until": None if each.until is None else each.until.isoformat()}
            for each in endpoint.secrets
        ],
        "is_active": endpoint.is_active,
        "listens_since": endpoint.listens_since,
        "is_quick": endpoint.is_quick,
        "failures": endpoint.failures,
        "failing_since": endpoint.failing_since,
        "failed_at": endpoint.failed_at,
        "rests_until": endpoint.rests_until,
        "disabled_at": endpoint.disabled_at,
        "disabled_reason": endpoint.disabled_reason,
        "deleted_at": endpoint.deleted_at,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _endpoint(row: Row[tuple[object, ...]]) -> WebhookEndpoint:
    column = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    secrets = tuple(
        EndpointSecret(each["ciphertext"], None if each["until"] is None else datetime.fromisoformat(each["until"]))
        for each in column["secrets"]
    )
    reason = column["disabled_reason"]
    return WebhookEndpoint(
        id=EndpointId(column["id"]),
        merchant_id=MerchantId(column["merchant_id"]),
        url=column["url"],
        description=column["description"],
        event_types=tuple(column["event_types"]),
        secrets=secrets,
        is_active=column["is_active"],
        listens_since=column["listens_since"],
        is_quick=column["is_quick"],
        failures=column["failures"],
        failing_since=column["failing_since"],
        failed_at=column["failed_at"],
        rests_until=column["rests_until"],
        disabled_at=column["disabled_at"],
        disabled_reason=None if reason is None else DisabledReason(reason),
        deleted_at=column["deleted_at"],
        created_at=column["created_at"],
        updated_at=column["updated_at"],
    )
