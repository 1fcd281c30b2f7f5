"""A provider's books as they can be compared: what they cover, and how far back they can be asked about."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from shared.provider_kit.plugin import ProviderPlugin
from shared.provider_kit.provider import STATEMENT_KINDS, GivesStatements, PaymentProvider, StatementKind

# How far the provider's clock and ours may be apart.
SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which days are compared: what was started in ``since <= t < until``."""

    since: datetime
    until: datetime

    @property
    def is_empty(self) -> bool:
        return self.since >= self.until

    def not_before(self, moment: datetime) -> Self:
        return replace(self, since=max(self.since, moment))


@dataclass(frozen=True, slots=True, kw_only=True)
class TheirBooks:
    """What ``kinds`` lacks is in no statement of theirs. ``reach``: they forget what is older; ``None``: nothing."""

    provider: str
    statements: GivesStatements
    kinds: frozenset[StatementKind] = STATEMENT_KINDS
    reach: timedelta | None = None

    def askable(self, window: Window, now: datetime) -> Window:
        """What of ``window`` they can be asked about now, surely also by their clock; empty, where that is nothing."""
        return window if self.reach is None else window.not_before(now - self.reach + SKEW)


def their_books(plugin: ProviderPlugin, provider: PaymentProvider) -> TheirBooks | None:
    """``None``: the provider, as it is configured, gives no statements."""
    if not isinstance(provider, GivesStatements):
        return None
    hours = plugin.capabilities.statement_reach_hours
    return TheirBooks(
        provider=plugin.name,
        statements=provider,
        kinds=plugin.capabilities.statement_kinds,
        reach=None if hours is None else timedelta(hours=hours),
    )
