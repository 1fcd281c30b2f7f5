"""The crash points of webhook_ingest that are reached only while the database is away, or just back."""

import time
from collections.abc import Iterator, Sequence

from tests.chaos.crash_rows import AT_ONCE, INGEST, CrashRow
from tests.chaos.crew import counts
from tests.chaos.load import EVERYTHING
from tests.chaos.report import Row
from tests.chaos.stage import Stage

# A callback is on the disk, the database away; what was on the disk is stored, and still stands there.
SPOOLED = CrashRow(INGEST, "ingest.after_spool", "outage")
DRAINED = CrashRow(INGEST, "ingest.after_drain", "outage")
ROWS = (SPOOLED, DRAINED)

LONGEST_SECONDS = 30.0
# An outage in which no callback came leaves nothing to drain, and is tried again.
TRIES_PER_CRASH = 3


def play(stage: Stage, rows: Sequence[CrashRow], outages: int) -> Iterator[Row]:
    """Kill the database under load, ``outages`` times: ingest dies once while it is away, and once when it is back."""
    made = dict.fromkeys(ROWS, 0)
    with stage.load("outage", EVERYTHING) as load:
        for _ in range(outages * TRIES_PER_CRASH):
            if all(count >= outages for count in made.values()):
                break
            for row, count in _one_outage(stage).items():
                made[row] += count
        stage.crew.change(INGEST)
    note = "" if stage.settle() else "did not come to rest"
    survey = stage.look(load.requests)
    for row in rows:
        yield stage.judge(row.name, load.requests, survey, repetitions=made[row], wanted=outages, note=note)


def _one_outage(stage: Stage) -> dict[CrashRow, int]:
    """How often it died at each. The second time it starts without the database, and takes callbacks all the same."""
    _arm(stage, SPOOLED)
    time.sleep(1)  # callbacks are on their way
    stage.local.stop("postgres", kill=True)
    spooled = _deaths(stage, SPOOLED)
    _arm(stage, DRAINED)
    stage.local.start("postgres")
    return {SPOOLED: spooled, DRAINED: _deaths(stage, DRAINED) if spooled else 0}


def _arm(stage: Stage, row: CrashRow) -> None:
    stage.crew.change(row.process, crash_at=counts(stage.seed, row.point, *AT_ONCE))
    stage.crew.wait_ready(row.process)


def _deaths(stage: Stage, row: CrashRow) -> int:
    """Once it has died there; 0 if it does not in time."""
    give_up_at = time.monotonic() + LONGEST_SECONDS
    while not (died := stage.crew.crashes(row.process, row.point)) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return died
