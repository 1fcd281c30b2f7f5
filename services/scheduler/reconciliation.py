"""Compares our books with every provider's once a day, and again every hour until that has worked."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from shared.application.actor import Actor, process_actor
from shared.application.reconciliation_run import Reconcile
from shared.application.their_books import TheirBooks, Window
from shared.provider_kit.provider import StatementUnavailable
from shared.runtime.clock import Clock

# Of the providers that give statements; asked anew at each run, so that a changed configuration counts.
OpenBooks = Callable[[], Sequence[TheirBooks]]

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
        self._last_told: dict[tuple[str, str], datetime] = {}

    def __call__(self) -> int:
        """Compare what has not been compared yet; with how many providers.

        Raises:
            ReconciliationIncomplete: some books could not be read; the next tick tries them again.
        """
        window, actor = self._window(), process_actor("scheduler")
        compared, unread = 0, []
        for books in self._open_books():
            try:
                compared += self._compare(books, window, actor)
            except StatementUnavailable as error:
                log.warning("reconciliation.statement_unavailable", provider=books.provider, reason=str(error))
                unread.append(books.provider)
        if unread:
            raise ReconciliationIncomplete(", ".join(unread))
        return compared

    def _compare(self, books: TheirBooks, window: Window, actor: Actor) -> bool:
        """Whether there was something to compare: what is too old to be asked about is left out."""
        askable = books.askable(window, self._clock.now())
        if self._reconcile.is_done(books.provider, askable):
            return False
        if askable.is_empty:
            self._tell_once("reconciliation.window_missed", books.provider, window)
            return False
        if askable != window:
            self._tell_once("reconciliation.window_shortened", books.provider, askable)
        return self._reconcile.run_once(books, askable, actor) is not None

    def _tell_once(self, event: str, provider: str, window: Window) -> None:
        if self._last_told.get((event, provider)) == window.until:
            return
        self._last_told[event, provider] = window.until
        log.warning(event, provider=provider, since=window.since.isoformat(), until=window.until.isoformat())

    def _window(self) -> Window:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        until = epoch + (self._clock.now() - epoch) // self._period * self._period
        return Window(since=until - self._lookback, until=until)
