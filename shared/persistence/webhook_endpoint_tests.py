"""Stores what came of "test my endpoint"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from shared.domain.ids import EndpointId, EndpointTestId, MerchantId
from shared.persistence.tables import webhook_endpoint_tests


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointTest:
    """``cases``: one for each thing that was sent, with what was answered; empty until all are through."""

    id: EndpointTestId
    endpoint_id: EndpointId
    merchant_id: MerchantId
    created_at: datetime
    finished_at: datetime | None = None
    cases: Sequence[Mapping[str, object]] = field(default_factory=tuple)


class EndpointTestRepository:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, test: EndpointTest) -> None:
        facts = {
            "id": test.id,
            "endpoint_id": test.endpoint_id,
            "merchant_id": test.merchant_id,
            "created_at": test.created_at,
        }
        self._connection.execute(insert(webhook_endpoint_tests), facts)

    def find(self, test_id: UUID, merchant_id: MerchantId | None = None) -> EndpointTest | None:
        """Of this merchant, where one is given."""
        statement = select(webhook_endpoint_tests).where(webhook_endpoint_tests.c.id == test_id)
        if merchant_id is not None:
            statement = statement.where(webhook_endpoint_tests.c.merchant_id == merchant_id)
        row = self._connection.execute(statement).one_or_none()
        return None if row is None else EndpointTest(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name

    def is_running(self, endpoint_id: EndpointId, since: datetime) -> bool:
        """Whether one was asked for after ``since`` and has not finished."""
        columns = webhook_endpoint_tests.c
        ours = (columns.endpoint_id == endpoint_id, columns.finished_at.is_(None), columns.created_at > since)
        return self._connection.execute(select(columns.id).where(*ours).limit(1)).one_or_none() is not None

    def finish(self, test_id: EndpointTestId, cases: Sequence[Mapping[str, object]], now: datetime) -> None:
        statement = update(webhook_endpoint_tests).where(webhook_endpoint_tests.c.id == test_id)
        self._connection.execute(statement.values(finished_at=now, cases=[dict(each) for each in cases]))
