"""A payment's record, as the demo tells it: every line says what happened."""

from typing import Any

import pytest

from deploy.demo.hops import hops_of

AT = "2026-03-01T12:00:00+00:00"


def _told(event_type: str, **event_data: Any) -> str:
    entry = {"timestamp": AT, "event_type": event_type, "event_data": event_data}
    (hop,) = hops_of({"messages": [], "attempts": [], "audit_trail": [entry]})
    return hop.text


@pytest.mark.parametrize(
    ("event_type", "event_data", "told"),
    [
        (
            "payment.completed",
            {"before": "processing", "after": "completed"},
            "payment.completed: processing → completed",
        ),
        ("payment.initiated", {"after": "pending"}, "payment.initiated: pending"),
        ("webhook.received", {"type": "t", "provider_event_id": "e1"}, "callback t verified (e1)"),
        (
            "api.called",
            {"method": "POST", "route": "/api/v1/payments/initialize", "status": 202, "milliseconds": 31},
            "api.called: POST /api/v1/payments/initialize, 202",
        ),
        ("payment.cancel_requested", {}, "payment.cancel_requested"),
    ],
)
def test_an_entry_of_the_trail_is_told_without_an_empty_end(
    event_type: str, event_data: dict[str, Any], told: str
) -> None:
    assert _told(event_type, **event_data) == told
