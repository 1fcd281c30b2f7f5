"""Where a merchant wants to be told of events, and how well telling it goes."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.event_types import matches
from shared.domain.ids import EndpointId, MerchantId

# An endpoint that answers within this is quick; every other one has its calls made apart from those.
QUICK_MS = 2_000

# So many failed attempts in a row, and the endpoint is in trouble: it is called again only to see whether it is back.
TROUBLE = 3

# A streak of failures in which nothing was tried for so long is over: nobody knows what was in between.
STREAK_GAP = timedelta(days=5)


class Lane(StrEnum):
    """Which threads call an endpoint."""

    FAST = "fast"
    SLOW = "slow"


# The most attempts at one endpoint that are under way at once, in all processes together; and at all of a merchant's.
MOST_IN_FLIGHT = {Lane.FAST: 4, Lane.SLOW: 2}
MOST_OF_MERCHANT = {Lane.FAST: 8, Lane.SLOW: 4}


class DisabledReason(StrEnum):
    """Why an endpoint was switched off, other than by its merchant."""

    GONE = "gone"
    FAILING = "failing"
    OPERATOR = "operator"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class EndpointSecret:
    """``ciphertext`` of a signing secret. It signs until ``until``; the newest one for as long as there is no newer."""

    ciphertext: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """``event_types``: exact types or patterns such as ``payment.*``; empty: all. ``secrets``: the newest first.

    It is told of what happens from ``listens_since`` on. ``failures`` counts failed attempts in a row, since
    ``failing_since``; ``is_quick``: it answered within ``QUICK_MS`` the last time. In trouble, it is not called before
    ``rests_until``.
    """

    id: EndpointId
    merchant_id: MerchantId
    url: str
    secrets: tuple[EndpointSecret, ...]
    listens_since: datetime
    created_at: datetime
    updated_at: datetime
    description: str = ""
    event_types: tuple[str, ...] = ()
    is_active: bool = True
    is_quick: bool = False
    failures: int = 0
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    rests_until: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None
    deleted_at: datetime | None = None

    def wants(self, event_type: str, occurred_at: datetime) -> bool:
        """Whether it is told of an event of this type that happened then."""
        return self.is_active and self.asks_for(event_type) and occurred_at >= self.listens_since

    def asks_for(self, event_type: str) -> bool:
        return not self.event_types or any(matches(each, event_type) for each in self.event_types)

    @property
    def is_in_trouble(self) -> bool:
        return self.failures >= TROUBLE

    @property
    def lane(self) -> Lane:
        """A new endpoint has to show first that it is quick."""
        return Lane.FAST if self.is_quick and not self.is_in_trouble else Lane.SLOW

    @property
    def most_in_flight(self) -> int:
        return 1 if self.is_in_trouble else MOST_IN_FLIGHT[self.lane]

    def may_be_called(self, now: datetime) -> bool:
        return self.is_active and (self.rests_until is None or self.rests_until <= now)

    def is_still(self, called: "WebhookEndpoint") -> bool:
        """Whether what ``called`` answered says anything of this one: same address, and no pause since."""
        return (self.url, self.listens_since) == (called.url, called.listens_since)

    def left_alone(self, until: datetime) -> "WebhookEndpoint":
        """Not called until then, through no fault of its own."""
        return replace(self, rests_until=until)

    def valid_secrets(self, now: datetime) -> tuple[str, ...]:
        """The ciphertexts of those that sign now, the newest first."""
        return tuple(each.ciphertext for each in self.secrets if each.until is None or each.until > now)

    def answered(self, elapsed_ms: int) -> "WebhookEndpoint":
        """It has taken a delivery: every streak of failures is over."""
        return replace(
            self,
            is_quick=elapsed_ms <= QUICK_MS,
            failures=0,
            failing_since=None,
            failed_at=None,
            rests_until=None,
        )

    def failed(self, now: datetime, elapsed_ms: int, rest: timedelta | None) -> "WebhookEndpoint":
        """It has not taken a delivery; ``rest``: leave it alone for so long."""
        goes_on = self.failing_since is not None and self.failed_at is not None and now - self.failed_at < STREAK_GAP
        return replace(
            self,
            is_quick=self.is_quick and elapsed_ms <= QUICK_MS,
            failures=self.failures + 1,
            failing_since=self.failing_since if goes_on else now,
            failed_at=now,
            rests_until=self.rests_until if rest is None else now + rest,
        )

    def has_only_failed_for(self, period: timedelta, now: datetime) -> bool:
        return self.failing_since is not None and now - self.failing_since >= period

    def moved_to(self, url: str) -> "WebhookEndpoint":
        """At another address nothing is known of how well it goes."""
        return self if url == self.url else replace(self._unknown(), url=url)

    def switched_off(self, reason: DisabledReason, now: datetime) -> "WebhookEndpoint":
        return replace(self, is_active=False, disabled_at=now, disabled_reason=reason, updated_at=now)

    def switched_on(self, now: datetime) -> "WebhookEndpoint":
        """With a clean sheet; what happened while it was off is not told by itself."""
        return replace(
            self._unknown(), is_active=True, disabled_at=None, disabled_reason=None, listens_since=now, updated_at=now
        )

    def _unknown(self) -> "WebhookEndpoint":
        return replace(self, is_quick=False, failures=0, failing_since=None, failed_at=None, rests_until=None)
