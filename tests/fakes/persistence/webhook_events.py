"""Stored callbacks in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.domain.ids import TransactionId, WebhookEventId
from shared.persistence.dead_letters import LetterState
from shared.persistence.webhook_events import (
    INNOCENT,
    UNDER_WAY,
    Arrival,
    WebhookEvent,
    WebhookEventRepository,
)
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session


class InMemoryWebhookEvents(WebhookEventRepository):
    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, event: WebhookEvent) -> tuple[Arrival, WebhookEventId]:
        rows = self._session.own_rows.webhook_events
        theirs = (event.provider, event.provider_event_id, event.provider_config_id)
        for each in rows.values():
            if (each.provider, each.provider_event_id, each.provider_config_id) == theirs:
                return self._repeated(each, event), each.id
        check(event.id not in rows, "pk_webhook_events")
        kept = replace(event, transaction_id=None, processed=False, result=None, retry_count=0, repeats=0, rung_at=None)
        rows[event.id] = stored(kept)
        return Arrival.FIRST, event.id

    def _repeated(self, known: WebhookEvent, event: WebhookEvent) -> Arrival:
        if known.id == event.id:
            return Arrival.REPEATED
        is_due = not known.processed and (known.rung_at or known.created_at) <= event.created_at - UNDER_WAY
        rung_at = event.created_at if is_due else known.rung_at
        self._session.own_rows.webhook_events[known.id] = replace(known, repeats=known.repeats + 1, rung_at=rung_at)
        return Arrival.UNHANDLED if is_due else Arrival.REPEATED

    def find(self, event_id: WebhookEventId) -> WebhookEvent | None:
        return self._session.rows.webhook_events.get(event_id)

    def lock(self, event_id: WebhookEventId) -> WebhookEvent | None:
        return self._session.own_rows.webhook_events.get(event_id)

    def mark_processed(
        self, event_id: WebhookEventId, *, now: datetime, result: str, transaction_id: TransactionId | None
    ) -> None:
        rows = self._session.own_rows
        known = transaction_id is None or transaction_id in rows.transactions
        check(known, "fk_webhook_events_transaction_id_transactions")
        event = rows.webhook_events[event_id]
        rows.webhook_events[event_id] = stored(
            replace(event, processed=True, result=result, transaction_id=transaction_id)
        )

    def replace_payload(self, event_id: WebhookEventId, payload: Mapping[str, object]) -> None:
        rows = self._session.own_rows.webhook_events
        rows[event_id] = stored(replace(rows[event_id], payload=payload))

    def mark_unmatched(self, event_id: WebhookEventId, *, retry_count: int, result: str) -> None:
        rows = self._session.own_rows.webhook_events
        rows[event_id] = replace(rows[event_id], retry_count=retry_count, result=result)

    def lock_forgotten(
        self, published_before: Sequence[datetime], now: datetime, longest: timedelta, limit: int
    ) -> Sequence[WebhookEvent]:
        waits = dict(enumerate(published_before))
        rows = [row for row in self._session.own_rows.webhook_events.values() if not row.processed]
        found = [row for row in rows if row.retry_count in waits and self._last_sent(row) < waits[row.retry_count]]
        found = [row for row in found if not self._is_a_dead_letter(row) and self._has_had_its_time(row, now, longest)]
        return sorted(found, key=lambda row: row.created_at)[:limit]

    def _has_had_its_time(self, event: WebhookEvent, now: datetime, longest: timedelta) -> bool:
        sent = self._last_sent(event)
        return now - sent >= min(longest, sent - event.created_at)

    def _is_a_dead_letter(self, event: WebhookEvent) -> bool:
        letters = [each for each in self._session.rows.dead_letters.values() if each.subject_id == event.id]
        waiting = any(each.state is LetterState.WAITING and each.reason != INNOCENT for each in letters)
        return waiting or any(each.state is LetterState.DISCARDED for each in letters)

    def _last_sent(self, event: WebhookEvent) -> datetime:
        sent = [row for row in self._session.rows.outbox.values() if row.message.correlation_id == str(event.id)]
        never = datetime.max.replace(tzinfo=UTC)
        return max((row.published_at or never for row in sent), default=event.created_at)

    def of_transaction(self, transaction_id: TransactionId) -> Sequence[WebhookEvent]:
        found = [row for row in self._session.rows.webhook_events.values() if row.transaction_id == transaction_id]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    def unprocessed(self, after: UUID, limit: int) -> Sequence[WebhookEvent]:
        rows = self._session.rows.webhook_events.values()
        found = [row for row in rows if not row.processed and row.id > after]
        return sorted(found, key=lambda row: row.id)[:limit]
