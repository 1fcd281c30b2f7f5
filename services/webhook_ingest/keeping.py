"""Keeps verified callbacks: in the database, or on this machine's disk until the database is there again."""

from collections.abc import Sequence

import structlog

from services.webhook_ingest.reprieve import Reprieve
from services.webhook_ingest.spooled import NotACallback, opened, sealed
from shared.application.addressing import provider_event_again, provider_event_rung
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.persistence.webhook_events import Arrival, WebhookEvent
from shared.runtime.crash_points import reach
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from shared.runtime.spool import Spool, SpoolUnavailable

log = structlog.get_logger()


class CallbackKeeper:
    """Safe for threads."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, spool: Spool, cipher: CredentialCipher, reprieve: Reprieve
    ) -> None:
        self._unit_of_work, self._spool, self._cipher, self._reprieve = unit_of_work, spool, cipher, reprieve

    def keep(self, event: WebhookEvent) -> Arrival | None:
        """Returns when it is kept for good; ``None``: on the disk, and whether it is a repetition is not known yet.

        Raises:
            StorageUnavailable: there is no room on the disk either; the provider must send it again.
        """
        if self._reprieve.may_try():
            try:
                arrival = self._stored(event)
            except StorageUnavailable as error:
                self._reprieve.failed()
                log.warning("webhook.database_away", reason=str(error))
            else:
                self._reprieve.succeeded()
                return arrival
        self._spooled(event)
        return None

    def drain(self) -> int:
        """Store what is on the disk; how many callbacks.

        Raises:
            StorageUnavailable: the database is away; all that is not stored stays.
        """
        drained = self._spool.drain(self._take)
        if drained:
            log.info("spool.drained", callbacks=drained)
        return drained

    def _stored(self, event: WebhookEvent) -> Arrival:
        with self._unit_of_work() as work:
            arrival = _store(work, event)
            reach("ingest.inside_transaction")
            work.commit()
        reach("ingest.after_insert")
        return arrival

    def _spooled(self, event: WebhookEvent) -> None:
        try:
            self._spool.append(sealed(event, self._cipher))
        except SpoolUnavailable as error:
            log.warning("spool.unavailable", reason=str(error))
            raise StorageUnavailable("neither the database nor the disk") from error
        reach("ingest.after_spool")

    def _take(self, records: Sequence[bytes]) -> Sequence[tuple[bytes, str]]:
        events, refused = self._opened(records)
        if self._refusal_of([event for _, event in events]):
            # What the database will never have must not keep out the rest.
            refused += [(record, reason) for record, event in events if (reason := self._refusal_of([event]))]
        reach("ingest.after_drain")
        return refused

    def _opened(self, records: Sequence[bytes]) -> tuple[list[tuple[bytes, WebhookEvent]], list[tuple[bytes, str]]]:
        events: list[tuple[bytes, WebhookEvent]] = []
        refused: list[tuple[bytes, str]] = []
        for record in records:
            try:
                events.append((record, opened(record, self._cipher)))
            except CredentialUnreadable:
                refused.append((record, "no-key"))
            except NotACallback:
                refused.append((record, "not-a-callback"))
        return events, refused

    def _refusal_of(self, events: Sequence[WebhookEvent]) -> str:
        """Store them in one transaction; why the database will not have them, in a word, or an empty text."""
        try:
            with self._unit_of_work() as work:
                for event in events:
                    _store(work, event)
                work.commit()
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one bad callback must not stop the others
            log.warning("spool.refused", callbacks=len(events), reason=type(error).__name__)
            return type(error).__name__
        return ""


def _store(work: UnitOfWork, event: WebhookEvent) -> Arrival:
    """Once, with its message. A repetition of what nobody has handled yet rings again: the first may be lost."""
    arrival, stored_id = work.webhook_events.add(event)
    if arrival is Arrival.FIRST:
        work.outbox.add(provider_event_again(event, event.created_at))
    elif arrival is Arrival.UNHANDLED:
        work.outbox.add(provider_event_rung(event, stored_id))
    return arrival
