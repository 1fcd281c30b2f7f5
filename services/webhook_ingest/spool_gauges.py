"""Shows in the metrics what waits on the disk."""

from pathlib import Path

from shared.runtime.clock import Clock
from shared.runtime.metrics import SPOOL_BYTES, SPOOL_OLDEST_SECONDS, SPOOL_RECORDS, SPOOL_SET_ASIDE
from shared.runtime.spool_files import state_of


def show_spool(folder: Path, clock: Clock) -> None:
    state = state_of(folder)
    SPOOL_BYTES.set(state.bytes)
    SPOOL_RECORDS.set(state.records)
    SPOOL_OLDEST_SECONDS.set((clock.now() - state.since).total_seconds() if state.since else 0)
    SPOOL_SET_ASIDE.set(state.set_aside)
