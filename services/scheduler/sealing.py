"""Seals the audit trail, a batch of rows at a time, and notes each seal outside the database."""

from pathlib import Path

import structlog

from shared.application.audit_head import note_seal
from shared.application.audit_sealing import Sealed, seal_next
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import Clock
from shared.runtime.metrics import AUDIT_SUSPECTS, SWEPT

BATCH = 2000

# What is left over is sealed at the next tick.
BATCHES_A_TICK = 20

log = structlog.get_logger()


class AuditSealing:
    """Two at once do no harm: the second finds the lock taken, and leaves it to the first."""

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, keys: AuditKeys, clock: Clock, head_file: Path, *, batch: int = BATCH
    ) -> None:
        self._unit_of_work, self._keys, self._clock = unit_of_work, keys, clock
        self._head_file, self._batch = head_file, batch

    def __call__(self) -> int:
        """Seal what waits; how many rows it was."""
        rows = 0
        for _ in range(BATCHES_A_TICK):
            sealed = self._seal_one_batch()
            if sealed is None:
                break
            self._tell(sealed)
            rows += sealed.seal.row_count
            if sealed.seal.row_count < self._batch:
                break
        return rows

    def _seal_one_batch(self) -> Sealed | None:
        with self._unit_of_work() as work:
            sealed = seal_next(work, self._keys, self._clock.now(), self._batch)
            work.commit()
        return sealed

    def _tell(self, sealed: Sealed) -> None:
        seal = sealed.seal
        SWEPT.labels(sweep="audit_sealing").inc(seal.row_count)
        log.info("audit.sealed", number=seal.number, rows=seal.row_count, seal_hash=seal.seal_hash.hex())
        if sealed.suspects:
            AUDIT_SUSPECTS.inc(len(sealed.suspects))
            log.error("audit.wrong_mac", rows=len(sealed.suspects), first=str(sealed.suspects[0]), seal=seal.number)
        try:
            note_seal(self._head_file, seal)
        except OSError as error:
            # The seal is true all the same; the next one's line covers it.
            log.warning("audit.head_not_noted", number=seal.number, reason=type(error).__name__)
