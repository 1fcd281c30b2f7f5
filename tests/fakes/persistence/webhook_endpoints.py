"""Merchants' endpoints and the tests of them, in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.ids import EndpointId, EndpointTestId, MerchantId
from shared.domain.webhook_delivery import Delivery
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.persistence.webhook_endpoint_tests import EndpointTest, EndpointTestRepository
from shared.persistence.webhook_endpoints import WebhookEndpointRepository
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryWebhookEndpoints(WebhookEndpointRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, endpoint: WebhookEndpoint) -> bool:
        if self.at(endpoint.url, endpoint.merchant_id) is not None:
            return False
        self._session.own_rows.webhook_endpoints[endpoint.id] = stored(endpoint)
        return True

    def find(self, endpoint_id: UUID, merchant_id: MerchantId | None = None) -> WebhookEndpoint | None:
        return _kept(self._session.rows.webhook_endpoints.get(endpoint_id), merchant_id)

    def lock(self, endpoint_id: UUID, merchant_id: MerchantId | None = None) -> WebhookEndpoint | None:
        return _kept(self._session.own_rows.webhook_endpoints.get(endpoint_id), merchant_id)

    def at(self, url: str, merchant_id: MerchantId) -> WebhookEndpoint | None:
        return next((each for each in self.of_merchant(merchant_id) if each.url == url), None)

    def of_merchant(self, merchant_id: MerchantId | None, *, active_only: bool = False) -> Sequence[WebhookEndpoint]:
        rows = self._session.rows.webhook_endpoints.values()
        found = [row for row in rows if _kept(row, merchant_id) and (row.is_active or not active_only)]
        return sorted(found, key=lambda row: row.id, reverse=True)

    def lock_in_turn(self, endpoint_id: UUID) -> WebhookEndpoint | None:
        return self.lock(endpoint_id)

    def lock_all_of(self, merchant_id: MerchantId) -> None:
        """Whoever writes here is alone."""
        assert self._session.own_rows is not None

    def all_with_deleted(self) -> Sequence[WebhookEndpoint]:
        return sorted(self._session.rows.webhook_endpoints.values(), key=lambda row: row.id)

    def lock_even_deleted(self, endpoint_id: UUID) -> WebhookEndpoint | None:
        return self._session.own_rows.webhook_endpoints.get(endpoint_id)

    def count_of(self, merchant_id: MerchantId) -> int:
        return len(self.of_merchant(merchant_id))

    def save(self, endpoint: WebhookEndpoint) -> None:
        check(endpoint.deleted_at is None or not endpoint.is_active, "ck_webhook_endpoints_deleted_is_off")
        self._session.own_rows.webhook_endpoints[endpoint.id] = stored(endpoint)

    def take_neglected(self, now: datetime, due_before: datetime, limit: int) -> Sequence[WebhookEndpoint]:
        rung = self._session.own_rows.webhook_rung
        rows = [row for row in self.of_merchant(None, active_only=True) if row.may_be_called(now)]
        taken = [row for row in rows if self._is_neglected(row, now, due_before) and self._may_be_rung(row, due_before)]
        rung.update({row.id: now for row in taken[:limit]})
        return taken[:limit]

    def _may_be_rung(self, endpoint: WebhookEndpoint, due_before: datetime) -> bool:
        rung_at, rested_until = self._session.rows.webhook_rung.get(endpoint.id), endpoint.rests_until
        return rung_at is None or rung_at <= due_before or (rested_until is not None and rung_at < rested_until)

    def _is_neglected(self, endpoint: WebhookEndpoint, now: datetime, due_before: datetime) -> bool:
        deliveries = [row for row in self._session.rows.webhook_deliveries.values() if row.endpoint_id == endpoint.id]
        if any(row.lease_until is not None and row.lease_until >= now for row in deliveries):
            return False
        due_by = due_before if endpoint.rests_until is None else now
        return any(_is_due(row, due_by) for row in deliveries)


class InMemoryEndpointTests(EndpointTestRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, test: EndpointTest) -> None:
        self._session.own_rows.webhook_endpoint_tests[test.id] = stored(test)

    def find(self, test_id: UUID, merchant_id: MerchantId | None = None) -> EndpointTest | None:
        row = self._session.rows.webhook_endpoint_tests.get(test_id)
        return row if row is not None and merchant_id in {None, row.merchant_id} else None

    def is_running(self, endpoint_id: EndpointId, since: datetime) -> bool:
        rows = [row for row in self._session.rows.webhook_endpoint_tests.values() if row.endpoint_id == endpoint_id]
        return any(row.finished_at is None and row.created_at > since for row in rows)

    def finish(self, test_id: EndpointTestId, cases: Sequence[Mapping[str, object]], now: datetime) -> None:
        rows = self._session.own_rows.webhook_endpoint_tests
        rows[test_id] = replace(rows[test_id], finished_at=now, cases=[dict(each) for each in cases])


def _kept(row: WebhookEndpoint | None, merchant_id: MerchantId | None) -> WebhookEndpoint | None:
    is_there = row is not None and row.deleted_at is None and merchant_id in {None, row.merchant_id}
    return row if is_there else None


def _is_due(delivery: Delivery, due_by: datetime) -> bool:
    return delivery.next_try_at is not None and delivery.next_try_at <= due_by
