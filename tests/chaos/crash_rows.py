"""Every crash point, for payments, refunds and captures: processes that die there again and again, under load."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.crew import counts
from tests.chaos.load import CAPTURES, PARTS_IN_A_PAYMENT, PAYMENTS, REFUNDS, RESERVATIONS, Account, Mix
from tests.chaos.merchant import Request
from tests.chaos.report import Row
from tests.chaos.stage import Stage

RELAY, WORKER, INGEST = "outbox-relay", "provider-worker-cpay", "webhook-ingest"
SCHEDULER, NOTIFIER, DELIVERY = "scheduler-worker", "notifier", "webhook-delivery"

# Which process dies where. Those of one round are armed together: the relay has something to do only where another
# process died before its messages were marked, the scheduler only where a payment was left over. What the delivery of
# webhooks had in hand keeps its place at its endpoint for 40 s, and an endpoint has four: it dies more seldom, in
# rounds that are far apart, and not in the last one of a smoke run.
ROUNDS: tuple[Mapping[str, str], ...] = (
    {
        "api": "api.before_claim",
        WORKER: "worker.after_delivery",
        NOTIFIER: "notifier.before_send",
        DELIVERY: "delivery.after_claim",
    },
    {"api": "api.after_commit", RELAY: "relay.after_read", INGEST: "ingest.after_verify"},
    {"api": "api.inside_transaction", WORKER: "worker.after_claim", SCHEDULER: "scheduler.after_sweep"},
    {
        WORKER: "worker.after_call",
        RELAY: "relay.after_takeover",
        INGEST: "ingest.after_insert",
        DELIVERY: "delivery.after_call",
    },
    {WORKER: "worker.after_recording", NOTIFIER: "notifier.after_send", INGEST: "ingest.inside_transaction"},
    {WORKER: "publisher.before_publish", RELAY: "publisher.after_publish"},
    {WORKER: "publisher.after_publish", RELAY: "relay.after_confirm"},
    {"api": "publisher.after_publish", WORKER: "publisher.after_confirm"},
)
MIXES: Mapping[str, Mix] = {"payment": PAYMENTS, "refund": REFUNDS, "capture": CAPTURES}


# How many visits a process survives, at least and at most. Rare points are taken at once.
VISITS = {"api": (4, 12), WORKER: (3, 12), INGEST: (3, 10), NOTIFIER: (5, 25), DELIVERY: (1, 6)}
AT_ONCE = (1, 1)
SHARE_OF_CRASHES = {DELIVERY: 0.4}

# Who leaves work over by dying, and who does it.
FEEDERS, FED = frozenset({"api", WORKER}), frozenset({RELAY, SCHEDULER})


@dataclass(frozen=True, slots=True)
class Stock:
    """What there must be before a round, so that it does not begin with making that: so much for each crash.

    ``of_a_payment``: how much each payment brings.
    """

    made_by: Mix
    count: Callable[[Account], int]
    of_a_payment: int
    per_crash: int


STOCKS: Mapping[str, Stock] = {
    "refund": Stock(PAYMENTS, lambda account: account.parts, PARTS_IN_A_PAYMENT, 30),
    "capture": Stock(RESERVATIONS, lambda account: account.reservations, 1, 2),
}

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

    def wanted(self, crashes: int) -> int:
        """How often it dies where the others die ``crashes`` times."""
        return int(crashes * SHARE_OF_CRASHES.get(self.process, 1))


@dataclass(frozen=True, slots=True)
class Played:
    """What was asked while these died so often."""

    requests: Sequence[Request]
    crashes: Mapping[CrashRow, int]


def crash_rows(operation: str) -> list[list[CrashRow]]:
    """The rows of one operation; those of one list are played together."""
    return [[CrashRow(process, point, operation) for process, point in armed.items()] for armed in ROUNDS]


def play(stage: Stage, operation: str, rounds: Sequence[Sequence[CrashRow]], crashes: int) -> Iterator[Row]:
    """Have each die ``crashes`` times at its point; then, when all has come to rest, judge: one row each."""
    played = [_round(stage, operation, together, crashes) for together in rounds]
    notes = [] if stage.settle() else ["did not come to rest"]
    survey = stage.look(request for each in played for request in each.requests)
    if survey.backlog.bystanders:
        notes.append(f"{survey.backlog.bystanders} messages set aside so far, in hand at ten deaths")
    note = ", ".join(notes)
    for each in played:
        for row, made in each.crashes.items():
            wanted = row.wanted(crashes)
            yield stage.judge(row.name, each.requests, survey, repetitions=made, wanted=wanted, note=note)


def _round(stage: Stage, operation: str, together: Sequence[CrashRow], crashes: int) -> Played:
    if operation in STOCKS:
        fill(stage, STOCKS[operation], crashes)
    with stage.load(f"{operation} " + " ".join(row.point for row in together), MIXES[operation]) as load:
        made = _crash(stage, together, crashes)
    return Played(load.requests, made)


def _crash(stage: Stage, together: Sequence[CrashRow], crashes: int) -> dict[CrashRow, int]:
    """Arm, count the dead, and let whoever has died often enough live, unless others depend on it."""
    for row in together:
        # Of two workers the innocent one would often die with the other, and start again in vain.
        alone = {"API_WORKERS": "1"} if row.process == "api" else {}
        stage.crew.change(row.process, extra=alone, crash_at=counts(stage.seed, row.point, *_visits(row)))
    made, armed = dict.fromkeys(together, 0), list(together)
    give_up_at = time.monotonic() + LONGEST_ROUND_SECONDS
    while (left := _left(made, crashes)) and time.monotonic() < give_up_at:
        time.sleep(0.1)
        for row in left:
            made[row] = stage.crew.crashes(row.process, row.point)
        for row in [each for each in armed if each not in (left := _left(made, crashes)) and not _feeds(each, left)]:
            armed.remove(row)
            stage.crew.change(row.process)
    for row in armed:
        made[row] = max(made[row], stage.crew.crashes(row.process, row.point))
        stage.crew.change(row.process)
    return made


def _left(made: Mapping[CrashRow, int], crashes: int) -> list[CrashRow]:
    """Those that still have to die."""
    return [row for row, count in made.items() if count < row.wanted(crashes)]


def _visits(row: CrashRow) -> tuple[int, int]:
    return VISITS.get(row.process, AT_ONCE)


def _feeds(row: CrashRow, left: Sequence[CrashRow]) -> bool:
    """Whether somebody who still has to die gets his work from this one's deaths."""
    return row.process in FEEDERS and any(each.process in FED for each in left)


def fill(stage: Stage, stock: Stock, crashes: int) -> None:
    """See to it that there is enough to refund or to capture, with nothing armed."""
    give_up_at = time.monotonic() + 60
    wanted = stock.per_crash * crashes
    missing = max(0, wanted - stock.count(stage.account))
    payments = -(-missing // stock.of_a_payment)
    if payments == 0:
        return
    with stage.load(f"stock {time.monotonic_ns()}", stock.made_by, rate=60) as load:
        while len(load.requests) < payments and time.monotonic() < give_up_at:
            time.sleep(0.01)
    while stock.count(stage.account) < wanted and time.monotonic() < give_up_at:
        time.sleep(0.1)
