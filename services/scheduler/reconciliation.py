"""Compares our books with every provider's once a day, and again every hour until that has worked."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from shared.application.actor import process_actor
from shared.application.reconciliation_run import Reconcile, Window
from shared.provider_kit.provider import GivesStatements, StatementUnavailable
from shared.runtime.clock import Clock

# The providers that give statements, by name; asked anew at each run, so that a changed configuration counts.
OpenBooks = Callable[[], Mapping[str, GivesStatements]]

log = structlog.get_logger()


class ReconciliationIncomplete(Exception):
    """Names the providers whose books could not be read; the others have been compared."""


class ReconciliationSweep:
    """The windows end at whole periods (midnight UTC), so that any number of ticks compares each of them once."""

    def __init__(
        self, reconcile: Reconcile, open_books: OpenBooks, clock: Clock, *, period: timedelta, lookback: timedelta
    ) -> None:
        self._reconcile, self._open_books, self._clock = reconcile, open_books, clock
        self._period, self._lookback = period, lookback

    def __call__(self) -> int:
        """Compare what has not been compared yet; with how many providers.

        Raises:
            ReconciliationIncomplete: some books could not be read; the next tick tries them again.
        """
        window, actor = self._window(), process_actor("scheduler")
        compared, unread = 0, []
        for name, books in self._open_books().items():
            try:
                compared += self._reconcile.run_once(name, books, window, actor) is not None
            except StatementUnavailable as error:
                log.warning("reconciliation.statement_unavailable", provider=name, reason=str(error))
                unread.append(name)
        if unread:
            raise ReconciliationIncomplete(", ".join(unread))
        return compared

    def _window(self) -> Window:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        until = epoch + (self._clock.now() - epoch) // self._period * self._period
        return Window(since=until - self._lookback, until=until)
