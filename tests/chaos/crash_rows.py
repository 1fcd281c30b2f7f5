"""Every crash point, for payments and for refunds: processes that die there again and again, under load."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from shared.runtime.crash_points import POINTS
from tests.chaos.crew import counts
from tests.chaos.load import PAYMENTS, REFUNDS, Mix
from tests.chaos.merchant import Request
from tests.chaos.report import Row
from tests.chaos.stage import Stage

RELAY, WORKER, INGEST = "outbox-relay", "provider-worker-cpay", "webhook-ingest"
SCHEDULER, NOTIFIER = "scheduler-worker", "notifier"

# Which process dies where. Those of one round are armed together: the relay has something to do only where another
# process died before its messages were marked, the scheduler only where a payment was left over.
ROUNDS: tuple[Mapping[str, str], ...] = (
    {"api": "api.before_claim", WORKER: "worker.after_delivery", NOTIFIER: "notifier.before_send"},
    {"api": "api.after_commit", RELAY: "relay.after_read", INGEST: "ingest.after_verify"},
    {"api": "api.inside_transaction", WORKER: "worker.after_claim", SCHEDULER: "scheduler.after_sweep"},
    {WORKER: "worker.after_call", INGEST: "ingest.after_insert", NOTIFIER: "notifier.after_send"},
    {WORKER: "worker.after_recording", RELAY: "relay.after_takeover"},
    {WORKER: "publisher.before_publish", RELAY: "publisher.after_publish"},
    {WORKER: "publisher.after_publish", RELAY: "relay.after_confirm"},
    {"api": "publisher.after_publish", WORKER: "publisher.after_confirm"},
)
MIXES: Mapping[str, Mix] = {"payment": PAYMENTS, "refund": REFUNDS}

# How many visits a process survives, at least and at most. Rare points are taken at once.
VISITS = {"api": (4, 12), WORKER: (3, 12), INGEST: (3, 10), NOTIFIER: (5, 25)}
AT_ONCE = (1, 1)

# A point that is not reached in this time will not be.
LONGEST_ROUND_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class CrashRow:
    process: str
    point: str
    operation: str

    @property
    def name(self) -> str:
        return f"crash {self.operation} {self.process} {self.point}"


def crash_rows() -> list[list[CrashRow]]:
    """The rows that are played together, one list for each round."""
    return [
        [CrashRow(process, point, operation) for process, point in armed.items()]
        for operation in MIXES
        for armed in ROUNDS
    ]


def never_played() -> set[str]:
    """Points that no round visits."""
    return set(POINTS) - {point for armed in ROUNDS for point in armed.values()}


def play(stage: Stage, together: Sequence[CrashRow], crashes: int) -> Iterator[Row]:
    """Have each die ``crashes`` times at its point, then judge; one row each, over the same payments."""
    operation = together[0].operation
    if operation == "refund":
        fill(stage, parts=crashes * 40)
    with stage.load(" + ".join(row.point for row in together) + f" {operation}", MIXES[operation]) as load:
        made = crash(stage, together, crashes)
    requests = load.requests
    settled = stage.settle()
    for row in together:
        yield stage.judge(row.name, requests, repetitions=made[row], note="" if settled else "did not come to rest")


def crash(stage: Stage, together: Sequence[CrashRow], crashes: int) -> dict[CrashRow, int]:
    """Arm, count the dead, disarm whoever has died often enough."""
    for row in together:
        least, most = VISITS.get(row.process, AT_ONCE) if "relay" not in row.point else AT_ONCE
        stage.crew.change(row.process, crash_at=counts(stage.seed, row.point, least, most))
    made: dict[CrashRow, int] = {}
    give_up_at = time.monotonic() + LONGEST_ROUND_SECONDS
    while len(made) < len(together) and time.monotonic() < give_up_at:
        time.sleep(0.1)
        for row in together:
            if row not in made and stage.crew.crashes(row.process, row.point) >= crashes:
                made[row] = 0  # counted when all have ended: some have to go on so that others are reached
    for row in together:
        made[row] = stage.crew.crashes(row.process, row.point)
        stage.crew.change(row.process)
    return made


def fill(stage: Stage, parts: int) -> list[Request]:
    """See to it that there is enough to refund, with nothing armed."""
    give_up_at = time.monotonic() + 60
    with stage.load(f"to refund {time.monotonic_ns()}", PAYMENTS, rate=60) as filling:
        while stage.account.parts < parts and time.monotonic() < give_up_at:
            time.sleep(0.1)
    return filling.requests
