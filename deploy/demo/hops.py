"""The hops of a payment, as its own record shows them: each happened, at a time that the server gives."""

from dataclasses import dataclass
from datetime import datetime

from deploy.demo.merchant import Json


@dataclass(frozen=True, slots=True, order=True)
class Hop:
    """``name`` is stable, for checks; ``text`` is for people, and tells hops of one kind apart."""

    at: datetime
    name: str
    text: str


def hops_of(payment: Json) -> list[Hop]:
    """Everything that has happened so far, oldest first."""
    found = [*_queued(payment), *_called(payment), *_recorded(payment)]
    return sorted(found)


def _queued(payment: Json) -> list[Hop]:
    return [
        Hop(
            _time(message["confirmed_at"]),
            f"queued {message['type']}",
            f"RabbitMQ has the command {message['type']} ({message['routing_key']})",
        )
        for message in payment["messages"]
        if message["confirmed_at"] is not None and not message["type"].startswith("payment.changed")
    ]


def _called(payment: Json) -> list[Hop]:
    return [
        Hop(
            _time(attempt["finished_at"]),
            f"called {attempt['operation']}",
            f"{payment['provider']} answered {attempt['operation']}: {attempt['outcome']} "
            f"(attempt {attempt['number']}, {_milliseconds(attempt):.0f} ms)",
        )
        for attempt in payment["attempts"]
        if attempt["finished_at"] is not None
    ]


def _recorded(payment: Json) -> list[Hop]:
    return [Hop(_time(entry["timestamp"]), _name(entry), _text(entry)) for entry in payment["audit_trail"]]


def _name(entry: Json) -> str:
    kind = entry["event_data"].get("type")
    return f"callback {kind}" if entry["event_type"] == "webhook.received" else str(entry["event_type"])


def _text(entry: Json) -> str:
    data = entry["event_data"]
    if entry["event_type"] == "webhook.received":
        return f"callback {data['type']} verified ({data['provider_event_id']})"
    told = f"{data['method']} {data['route']}, {data['status']}" if "route" in data else _edge(data)
    return f"{entry['event_type']}: {told}" if told else str(entry["event_type"])


def _edge(data: Json) -> str:
    """``processing → completed``; nothing, where it took none."""
    return " → ".join(str(data[name]) for name in ("before", "after") if name in data)


def _milliseconds(attempt: Json) -> float:
    return (_time(attempt["finished_at"]) - _time(attempt["started_at"])).total_seconds() * 1000


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
