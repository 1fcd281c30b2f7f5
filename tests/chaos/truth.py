"""What the three witnesses say about the payments of one row: the provider, the database, the merchant with its API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tests.chaos.merchant import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A row of ``transactions``; amounts in minor units."""

    id: str
    status: str
    capture_method: str
    amount: int
    authorized: int
    capture_pending: int
    captured: int
    refunded: int
    refund_pending: int
    currency: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A row of ``refunds`` or ``captures``: what moves money of a payment. ``is_final`` is of captures."""

    kind: str
    id: str
    payment_id: str
    status: str
    amount: int
    is_final: bool = False
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of the event log: ``kind`` and ``status`` are the movement's where there is one, else the payment's."""

    id: str
    payment_id: str
    movement_id: str | None
    kind: str
    sequence: int
    type: str
    status: str
    at: datetime

    @property
    def subject(self) -> str:
        """The id of the movement or payment that it is about."""
        return self.movement_id or self.payment_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the provider did for one reference of ours: how often it acted, the sums, and how many keys came.

    ``captured`` and ``refunded`` are a payment's; ``moved`` is what a movement itself has moved.
    """

    times: int = 0
    captured: int = 0
    refunded: int = 0
    moved: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a merchant's endpoint got of one event: ``payload`` stands for what it said the first time.

    ``taken``: how many of the ``times`` were answered with 2xx, in time. ``complaints``: what was wrong with them.
    """

    payload: str
    times: int
    taken: int
    complaints: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One endpoint. ``wanted``: the events that it asks for, with what stands for each in the log that the API gives.

    ``strange`` are those that came and are not for it: another merchant's, of a type that it did not ask for, or
    nobody's; ``unbelievable`` is what was wrong with those that had no right signature.
    """

    endpoint: str
    wanted: Mapping[str, str]
    came: Mapping[str, Arrived]
    strange: Sequence[str] = ()
    unbelievable: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What has not come to rest: committed but unpublished messages, unprocessed callbacks, messages in queues.

    ``untold``: events that an endpoint of a merchant's asks for and has not taken. ``parked`` messages were refused;
    ``bystanders`` were set aside because they were in hand at ten deaths.
    """

    unpublished: int = 0
    unprocessed: int = 0
    unfinished: int = 0
    untold: int = 0
    queued: Mapping[str, int] = field(default_factory=dict)
    parked: int = 0
    bystanders: int = 0

    def less(self, debts: "Backlog") -> "Backlog":
        """What is left when that is not counted; what is parked is counted all the same."""
        return Backlog(
            unpublished=max(0, self.unpublished - debts.unpublished),
            unprocessed=max(0, self.unprocessed - debts.unprocessed),
            unfinished=max(0, self.unfinished - debts.unfinished),
            untold=max(0, self.untold - debts.untold),
            queued={name: max(0, count - debts.queued.get(name, 0)) for name, count in self.queued.items()},
            parked=self.parked,
            bystanders=self.bystanders,
        )

    @property
    def total(self) -> int:
        return self.unpublished + self.unprocessed + self.unfinished + self.untold + sum(self.queued.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """``provider`` is by reference (our ids); ``shown`` is the status of each payment as the API tells it.

    ``heard`` are the events that came by WebSocket, ``logged`` those of the log that the API gives, by their ids.
    """

    requests: Sequence[Request] = ()
    payments: Mapping[str, Payment] = field(default_factory=dict)
    movements: Mapping[str, Movement] = field(default_factory=dict)
    events: Sequence[Event] = ()
    audited: Mapping[tuple[str, str], int] = field(default_factory=dict)
    provider: Mapping[str, Taken] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    heard: frozenset[str] = frozenset()
    logged: frozenset[str] = frozenset()
    told: Sequence[Told] = ()
    backlog: Backlog = Backlog()
