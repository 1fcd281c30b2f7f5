"""Stores merchants' webhook endpoints; their secrets only ever encrypted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, EndpointSecret, WebhookEndpoint
from shared.persistence.tables import webhook_deliveries, webhook_endpoints


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
        """As ``find``, with the row locked until the transaction ends."""
        return self._one(_kept(merchant_id).where(webhook_endpoints.c.id == endpoint_id).with_for_update())

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

    def lock_with_secrets(self, after: UUID, limit: int) -> Sequence[WebhookEndpoint]:
        """Up to ``limit`` with ids behind ``after``, in their order, locked: also those that are deleted."""
        statement = select(webhook_endpoints).where(webhook_endpoints.c.id > after)
        rows = self._connection.execute(statement.order_by(webhook_endpoints.c.id).limit(limit).with_for_update())
        return [_endpoint(row) for row in rows]

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

    def neglected(self, now: datetime, due_before: datetime, limit: int) -> Sequence[EndpointId]:
        """Up to ``limit`` endpoints that may be called, and nobody does, though a delivery waits for it.

        It must have been due by ``due_before``: until then its message may be on the way. After a rest there is no
        message, and being due is enough.
        """
        due_by = case((webhook_endpoints.c.rests_until.is_(None), due_before), else_=now)
        its_own = webhook_deliveries.c.endpoint_id == webhook_endpoints.c.id
        is_free = or_(webhook_deliveries.c.lease_until.is_(None), webhook_deliveries.c.lease_until < now)
        is_waiting = webhook_deliveries.c.state == DeliveryState.WAITING
        statement = select(webhook_endpoints.c.id).where(
            webhook_endpoints.c.is_active,
            or_(webhook_endpoints.c.rests_until.is_(None), webhook_endpoints.c.rests_until <= now),
            exists().where(its_own, is_waiting, is_free, webhook_deliveries.c.next_try_at <= due_by),
            ~exists().where(its_own, webhook_deliveries.c.lease_until >= now),
        )
        return [EndpointId(found) for found in self._connection.execute(statement.limit(limit)).scalars()]

    def _one(self, statement: Select[tuple[object, ...]]) -> WebhookEndpoint | None:
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else _endpoint(row)


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
