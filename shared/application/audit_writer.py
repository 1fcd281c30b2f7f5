"""Writes audit entries that are part of no transaction (calls, sign-ins, refusals) behind whoever made them.

What changes a payment is audited in the payment's own transaction, never here.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence

import structlog

from shared.persistence.audit_entry import AuditEntry
from shared.persistence.errors import StorageUnavailable
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.metrics import AUDIT_DROPPED

# Takes an entry; never blocks, never raises.
Offer = Callable[[AuditEntry], None]

BATCH = 500

# How long a batch may fill: so long at most an entry is in memory only, while the database is there.
GATHER_SECONDS = 0.5
PAUSE_SECONDS = 0.5

log = structlog.get_logger()


class AuditWriter:
    """A thread with a bounded queue. While the database is away it keeps what it has; what finds the queue full is
    dropped, and counted.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, *, capacity: int = 10_000) -> None:
        self._unit_of_work = unit_of_work
        self._waiting: queue.Queue[AuditEntry | None] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)
        self._started = threading.Lock()
        self._give_up_at: float | None = None

    def offer(self, entry: AuditEntry) -> None:
        self._start_once()
        try:
            self._waiting.put_nowait(entry)
        except queue.Full:
            AUDIT_DROPPED.labels(reason="queue_full").inc()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Write what waits, then end."""
        if not self._thread.is_alive():
            return
        self._give_up_at = time.monotonic() + timeout_seconds
        try:
            self._waiting.put(None, timeout=timeout_seconds)
        except queue.Full:
            log.warning("audit.not_drained", entries=self._waiting.qsize())
        self._thread.join(timeout_seconds)

    def _start_once(self) -> None:
        # Not before the first entry: a server that forks after building would leave the thread behind.
        with self._started:
            if self._thread.ident is None:
                self._thread.start()

    def _run(self) -> None:
        is_over = False
        while not is_over:
            batch, is_over = self._batch()
            self._write(batch)

    def _batch(self) -> tuple[list[AuditEntry], bool]:
        """What comes together in a moment, and whether it is the last."""
        batch: list[AuditEntry] = []
        wait: float | None = None
        full_at = 0.0
        while len(batch) < BATCH:
            try:
                entry = self._waiting.get(timeout=wait)
            except queue.Empty:
                break
            if entry is None:
                return batch, True
            if not batch:
                full_at = time.monotonic() + GATHER_SECONDS
            batch.append(entry)
            wait = max(0.0, full_at - time.monotonic())
        return batch, False

    def _write(self, batch: Sequence[AuditEntry]) -> None:
        while batch:
            try:
                self._commit(batch)
            except StorageUnavailable:
                if self._is_time_up():
                    AUDIT_DROPPED.labels(reason="shutdown").inc(len(batch))
                    return
                time.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the edge of this thread: one bad entry must not stop the others
                self._write_singly(batch, error)
                return
            else:
                return

    def _commit(self, batch: Sequence[AuditEntry]) -> None:
        with self._unit_of_work() as work:
            work.audit_log.append_all(batch)
            work.commit()

    def _write_singly(self, batch: Sequence[AuditEntry], error: Exception) -> None:
        if len(batch) > 1:
            for entry in batch:
                self._write([entry])
            return
        AUDIT_DROPPED.labels(reason="refused").inc()
        log.error("audit.entry_refused", event_type=batch[0].event_type, reason=type(error).__name__)

    def _is_time_up(self) -> bool:
        return self._give_up_at is not None and time.monotonic() > self._give_up_at
