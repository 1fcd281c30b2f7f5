"""One event for one endpoint: THE table of its states, and what each attempt to deliver it was like."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.errors import IllegalTransition
from shared.domain.ids import DeliveryId, EndpointId, EventId, MerchantId


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class DeliveryTrigger(StrEnum):
    ACCEPT = "accept"
    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"
    SEND_AGAIN = "send_again"


S, T = DeliveryState, DeliveryTrigger

TRANSITIONS: Mapping[tuple[DeliveryState, DeliveryTrigger], DeliveryState] = {
    (S.WAITING, T.ACCEPT): S.DELIVERED,
    (S.WAITING, T.TRY_AGAIN): S.WAITING,
    (S.WAITING, T.GIVE_UP): S.FAILED,
    # somebody asks for it, whatever became of it
    (S.WAITING, T.SEND_AGAIN): S.WAITING,
    (S.DELIVERED, T.SEND_AGAIN): S.WAITING,
    (S.FAILED, T.SEND_AGAIN): S.WAITING,
    # two processes have sent it, the first of them too late to know: what was taken once is delivered
    (S.DELIVERED, T.ACCEPT): S.DELIVERED,
    (S.FAILED, T.ACCEPT): S.DELIVERED,
}


class AttemptKind(StrEnum):
    """Why an attempt was made."""

    SCHEDULE = "schedule"
    RESEND = "resend"
    RECOVER = "recover"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """``tries`` counts failed attempts of the schedule that is running, ``attempts`` those of its whole life.

    ``notice`` is what it says, where that is no event of the log. ``lease_until``: a process is sending it.
    """

    id: DeliveryId
    endpoint_id: EndpointId
    merchant_id: MerchantId
    event_id: EventId
    event_type: str
    next_try_at: datetime | None
    created_at: datetime
    updated_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    tries: int = 0
    attempts: int = 0
    next_kind: AttemptKind = AttemptKind.SCHEDULE
    lease_until: datetime | None = None
    notice: Mapping[str, object] | None = None

    @property
    def is_delivered(self) -> bool:
        return self.state is DeliveryState.DELIVERED

    def on(self, trigger: DeliveryTrigger, now: datetime, next_try_at: datetime | None = None) -> "Delivery":
        """Raises ``IllegalTransition`` where the table has no such edge."""
        state = TRANSITIONS.get((self.state, trigger))
        if state is None:
            raise IllegalTransition(self.state, trigger)
        return replace(self, state=state, next_try_at=next_try_at, lease_until=None, updated_at=now)

    def tried(self, trigger: DeliveryTrigger, now: datetime, next_try_at: datetime | None = None) -> "Delivery":
        """After one more attempt; one that failed after another was taken changes nothing but their number."""
        if (self.state, trigger) not in TRANSITIONS:
            return replace(self, attempts=self.attempts + 1, updated_at=now)
        after = self.on(trigger, now, next_try_at)
        return replace(after, tries=self.tries + 1, attempts=self.attempts + 1, next_kind=AttemptKind.SCHEDULE)

    def sent_again(self, kind: AttemptKind, now: datetime) -> "Delivery":
        """Due now, with the whole schedule before it; may be repeated."""
        again = self.on(DeliveryTrigger.SEND_AGAIN, now, now)
        # Whoever is sending it goes on alone: theirs may be the one that is taken.
        return replace(again, tries=0, next_kind=kind, lease_until=self.lease_until)

    def handed_back(self, claimed: "Delivery", now: datetime) -> "Delivery":
        """As if it had not been claimed, unless somebody else has claimed it since."""
        if self.lease_until != claimed.lease_until:
            return self
        return replace(self, lease_until=None, updated_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """What one POST came to: a ``status`` and how the ``response`` begins, or the ``reason`` there is none."""

    delivery_id: DeliveryId
    number: int
    kind: AttemptKind
    started_at: datetime
    milliseconds: int
    status: int | None = None
    response: str | None = None
    reason: str | None = None
    detail: str | None = None
