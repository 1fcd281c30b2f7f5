"""The form in which a merchant's server reads an event: the same bytes however often it is sent."""

import json
from collections.abc import Mapping
from uuid import UUID

from shared.application.views import View, event_view, time_view
from shared.domain.webhook_delivery import Delivery
from shared.persistence.event_log import LoggedEvent


def event_body(event: LoggedEvent) -> bytes:
    """Of one event of the log: as it can be read there."""
    return _encoded(event_view(event))


def notice_body(delivery: Delivery) -> bytes:
    """Of what is told without being in the log; it is the first and last of its sequence."""
    return notice(
        delivery.event_id, delivery.event_type, time_view(delivery.created_at), delivery.notice or {}, sequence=1
    )


def notice(
    event_id: UUID, event_type: str, occurred_at: str | None, data: Mapping[str, object], *, sequence: int
) -> bytes:
    return _encoded(
        {
            "id": str(event_id),
            "type": event_type,
            "sequence": sequence,
            "occurred_at": occurred_at,
            "data": dict(data),
        }
    )


def _encoded(frame: View) -> bytes:
    # As PostgreSQL gives ``data`` back: its JSONB keeps keys in an order of its own, always the same.
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False).encode()
