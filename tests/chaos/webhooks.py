"""What the merchants of the proof asked to be told by webhook, what their log says, and what came."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.event_types import matches
from tests.chaos.endpoint import MerchantEndpoint, fingerprint
from tests.chaos.merchant import Json, Merchant
from tests.chaos.truth import Told

PAGE = 500

# How things ended: what merchants wait for. All that they are not asked for is strange there, and what comes to two of
# them is strange at one.
ENDPOINTS: Mapping[str, Sequence[str]] = {
    "taken": (
        *(f"payment.{what}" for what in ("authorized", "partially_captured", "completed")),
        *(f"payment.{what}" for what in ("failed", "cancelled", "expired")),
        *("capture.completed", "capture.failed"),
    ),
    "given back": (
        *(f"payment.{what}" for what in ("partially_refunded", "refunded", "refund_returned")),
        *("refund.completed", "refund.failed"),
    ),
}
# Payments are all that it makes.
NEIGHBOURS: Mapping[str, Sequence[str]] = {"a neighbour's": ("payment.*",)}


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the log: ``payload`` stands for what it says; ``read_at`` is by the monotonic clock."""

    type: str
    payment_id: str
    occurred_at: datetime
    payload: str
    read_at: float


class Log:
    """A merchant's, as the API gives it: read on from where it was left."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant, self._place = merchant, ""
        self.events: dict[str, Logged] = {}

    def read(self) -> None:
        has_more = True
        while has_more:
            after = f"&after={self._place}" if self._place else ""
            page = self.merchant.get(f"/events?limit={PAGE}{after}")
            self.events |= {each["id"]: _logged(each) for each in page["data"]}
            has_more, self._place = page["has_more"], page["next_cursor"]


@dataclass(frozen=True, slots=True)
class Listening:
    """An endpoint and what it asked for; ``since`` then, and of the merchant with this log."""

    endpoint: MerchantEndpoint
    types: Sequence[str]
    since: datetime
    log: Log

    def asks_for(self, event: Logged) -> bool:
        return event.occurred_at >= self.since and any(matches(each, event.type) for each in self.types)


class Webhooks:
    """All endpoints: those of the merchant whose payments are judged, and one of a neighbour's."""

    def __init__(self, merchant: Merchant, neighbour: Merchant, seed: int) -> None:
        self._log, self._neighbours_log = Log(merchant), Log(neighbour)
        ours = [_listen(merchant, self._log, name, types, seed) for name, types in ENDPOINTS.items()]
        theirs = [_listen(neighbour, self._neighbours_log, name, types, seed) for name, types in NEIGHBOURS.items()]
        self.listening = [*ours, *theirs]
        self._since = self._turned_at = time.monotonic()

    def close(self) -> None:
        for each in self.listening:
            each.endpoint.behave()
            each.endpoint.close()

    def misbehave(self) -> None:
        for each in self.listening:
            each.endpoint.misbehave()

    def behave(self) -> None:
        for each in self.listening:
            each.endpoint.behave()

    def turn_page(self) -> None:
        """What came before the last time that a page was turned has been told of."""
        self._since, self._turned_at = self._turned_at, time.monotonic()

    def read(self) -> None:
        """Read on in the logs."""
        for log in (self._log, self._neighbours_log):
            log.read()

    @property
    def logged(self) -> frozenset[str]:
        """The events of the merchant's log, as far as it has been read."""
        return frozenset(self._log.events)

    def told(self, payment_ids: set[str]) -> list[Told]:
        """What each endpoint has got of these payments; the neighbour's, of all since the last page."""
        return [self._told(each, payment_ids) for each in self.listening]

    def _told(self, listening: Listening, payment_ids: set[str]) -> Told:
        endpoint, came = listening.endpoint, listening.endpoint.came()
        wanted = {
            event_id: event.payload
            for event_id, event in listening.log.events.items()
            if listening.asks_for(event) and self._is_of(event, listening.log, payment_ids)
        }
        return Told(
            endpoint=endpoint.name,
            wanted=wanted,
            came={event_id: came[event_id] for event_id in wanted if event_id in came},
            strange=sorted(self._strange(listening)),
            unbelievable=endpoint.unbelievable_since(self._since),
        )

    def _is_of(self, event: Logged, log: Log, payment_ids: set[str]) -> bool:
        return event.payment_id in payment_ids if log is self._log else event.read_at >= self._since

    def _strange(self, listening: Listening) -> Iterator[str]:
        """A provider may call back late: what is not in the log yet may be there by now."""
        came = listening.endpoint.first_came_since(self._since)
        if came - set(listening.log.events):
            listening.log.read()
        for event_id in came:
            event = listening.log.events.get(event_id)
            if event is None or not listening.asks_for(event):
                yield event_id


def _listen(merchant: Merchant, log: Log, name: str, types: Sequence[str], seed: int) -> Listening:
    endpoint = MerchantEndpoint(name, seed)
    endpoint.open()
    made = merchant.create("/webhook-endpoints", {"url": endpoint.url, "description": name, "event_types": list(types)})
    endpoint.secret = made["secret"]
    return Listening(endpoint, types, datetime.fromisoformat(made["created_at"]), log)


def _logged(event: Json) -> Logged:
    return Logged(
        type=event["type"],
        payment_id=event["transaction_id"],
        occurred_at=datetime.fromisoformat(event["occurred_at"]),
        payload=fingerprint(event),
        read_at=time.monotonic(),
    )
