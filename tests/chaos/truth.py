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
    amount: int
    captured: int
    refunded: int
    refund_pending: int
    currency: str
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: str
    payment_id: str
    status: str
    amount: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of the event log: ``status`` is that of the payment, or of the refund where there is one."""

    id: str
    payment_id: str
    refund_id: str | None
    sequence: int
    type: str
    status: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the provider did for one reference of ours: how often it took or gave, the sum, and the keys that came."""

    times: int = 0
    captured: int = 0
    refunded: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What has not come to rest: committed but unpublished messages, unprocessed callbacks, messages in queues."""

    unpublished: int = 0
    unprocessed: int = 0
    unfinished: int = 0
    queued: Mapping[str, int] = field(default_factory=dict)
    parked: int = 0

    def less(self, debts: "Backlog") -> "Backlog":
        """What is left when that is not counted; what is parked is counted all the same."""
        return Backlog(
            unpublished=max(0, self.unpublished - debts.unpublished),
            unprocessed=max(0, self.unprocessed - debts.unprocessed),
            unfinished=max(0, self.unfinished - debts.unfinished),
            queued={name: max(0, count - debts.queued.get(name, 0)) for name, count in self.queued.items()},
            parked=self.parked,
        )

    @property
    def total(self) -> int:
        return self.unpublished + self.unprocessed + self.unfinished + sum(self.queued.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """``provider`` is by reference (our ids); ``shown`` is the status of each payment as the API tells it."""

    requests: Sequence[Request] = ()
    payments: Mapping[str, Payment] = field(default_factory=dict)
    refunds: Mapping[str, Refund] = field(default_factory=dict)
    events: Sequence[Event] = ()
    audited: Mapping[tuple[str, str], int] = field(default_factory=dict)
    provider: Mapping[str, Taken] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    heard: frozenset[str] = frozenset()
    backlog: Backlog = Backlog()
