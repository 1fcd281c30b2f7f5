"""The event log in memory."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.ids import EventId, MerchantId, PayoutId, TransactionId, UserId
from shared.domain.webhook_delivery import DeliveryState
from shared.persistence.event_log import EventLog, LoggedEvent
from tests.fakes.persistence.columns import check, stored
from tests.fakes.persistence.session import Session
from tests.fakes.persistence.tables import EventRow


class InMemoryEventLog(EventLog):
    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, event: LoggedEvent) -> None:
        rows = self._session.own_rows
        check(event.id not in rows.events, "pk_events")
        check((event.transaction_id is None) != (event.payout_id is None), "ck_events_one_owner")
        known = event.transaction_id is None or event.transaction_id in rows.transactions
        check(known, "fk_events_transaction_id_transactions")
        check(event.payout_id is None or event.payout_id in rows.payouts, "fk_events_payout_id_payouts")
        places = [(row.event.transaction_id, row.event.payout_id, row.event.sequence) for row in rows.events.values()]
        of = "transaction_id" if event.payout_id is None else "payout_id"
        place = (event.transaction_id, event.payout_id, event.sequence)
        check(place not in places, f"uq_events_{of}_sequence")
        kept = replace(stored(event), cursor=f"{self._session.number}.{event.id}")
        rows.events[event.id] = EventRow(event=kept, written_by=self._session.number)
        rows.event_places[event.id] = (self._session.number, event.id)

    def of_transaction(
        self, transaction_id: TransactionId, *, after: int = 0, limit: int = 500
    ) -> Sequence[LoggedEvent]:
        events = [row.event for row in self._session.rows.events.values()]
        found = [each for each in events if each.transaction_id == transaction_id and each.sequence > after]
        return sorted(found, key=lambda each: each.sequence)[:limit]

    def of_payout(self, payout_id: PayoutId, *, after: int = 0, limit: int = 500) -> Sequence[LoggedEvent]:
        events = [row.event for row in self._session.rows.events.values()]
        found = [each for each in events if each.payout_id == payout_id and each.sequence > after]
        return sorted(found, key=lambda each: each.sequence)[:limit]

    def of_user(self, user_id: UserId, *, after: str, limit: int = 500) -> Sequence[LoggedEvent]:
        return self._feed_of(lambda event: event.user_id == user_id, after, limit)

    def of_merchant(
        self,
        merchant_id: MerchantId,
        *,
        after: str,
        types: Collection[str] | None = None,
        transaction_id: TransactionId | None = None,
        delivery_state: DeliveryState | None = None,
        limit: int = 500,
    ) -> Sequence[LoggedEvent]:
        return self._feed_of(
            lambda event: (
                event.merchant_id == merchant_id
                and (types is None or event.event_type in types)
                and (transaction_id is None or event.transaction_id == transaction_id)
                and (delivery_state is None or delivery_state in self._delivery_states(event))
            ),
            after,
            limit,
        )

    def _delivery_states(self, event: LoggedEvent) -> set[DeliveryState]:
        return {row.state for row in self._session.rows.webhook_deliveries.values() if row.event_id == event.id}

    def _feed_of(self, is_meant: Callable[[LoggedEvent], bool], after: str, limit: int) -> Sequence[LoggedEvent]:
        edge = _place(after)
        # Behind the horizon is what is committed: there is one writer at a time.
        rows = self._session.database.committed.events.values()
        found = [
            (row.written_by, row.event.id, row.event)
            for row in rows
            if is_meant(row.event) and (row.written_by, row.event.id) > edge
        ]
        return [event for *_, event in sorted(found, key=lambda each: each[:2])][:limit]

    def find(self, event_id: EventId) -> LoggedEvent | None:
        row = self._session.rows.events.get(event_id)
        return None if row is None else row.event

    def feed(self, *, after: str, limit: int = 500) -> Sequence[LoggedEvent]:
        return self._feed_of(lambda _event: True, after, limit)

    def of_merchant_since(self, merchant_id: MerchantId, since: datetime, limit: int) -> Sequence[LoggedEvent]:
        events = [row.event for row in self._session.rows.events.values()]
        found = [each for each in events if each.merchant_id == merchant_id and each.occurred_at >= since]
        return sorted(found, key=lambda each: (each.occurred_at, each.id))[:limit]

    def end(self) -> str:
        last = [row.event.cursor for row in self._session.database.committed.events.values()]
        return max([self.beginning(), *last], key=_place)

    def beginning(self) -> str:
        rows = self._session.rows
        gone = [place for event_id, place in rows.event_places.items() if event_id not in rows.events]
        written_by, event_id = max(gone, default=(0, UUID(int=0)))
        return f"{written_by}.{event_id}"

    def is_forgotten(self, cursor: str) -> bool:
        return _place(cursor) < _place(self.beginning())

    def is_ahead(self, cursor: str) -> bool:
        return int(cursor.partition(".")[0]) > self._session.database.next_number

    def history(self) -> str:
        return self._session.database.history


def _place(cursor: str) -> tuple[int, UUID]:
    written_by, _, event_id = cursor.partition(".")
    return int(written_by), UUID(event_id)
