"""RabbitMQ is killed and stays away under steady load: every payment is accepted meanwhile, and completed after."""

import time

from tests.chaos.batteries.books import Books
from tests.chaos.batteries.caller import Caller
from tests.chaos.batteries.load import SteadyLoad, within
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "RabbitMQ away under load"


def run(system: System, *, rounds: int, seed: int, seconds: float = 60.0, per_second: float = 10.0) -> Row:
    """``rounds`` outages of ``seconds`` each. Nothing is left to chance, so ``seed`` is only reported.

    The latencies are of what was asked and answered while the broker was away.
    """
    books, load = Books(system), SteadyLoad(Caller(system.environment), per_second)
    with load.running():
        outages = [_outage(system, seconds) for _ in range(rounds)]
    healed = time.monotonic()
    meanwhile = [answer for began, ended in outages for answer in within(load.answers, began, ended)]
    verdict = books.examine(load.payments, within_seconds=180)
    p50, p95, p99 = latencies(answer.seconds for answer in meanwhile)
    accepted = sum(answer.status == 202 for answer in meanwhile)
    return Row(
        name=NAME,
        seed=seed,
        repetitions=rounds,
        accepted=len(load.payments),
        captured=verdict.captured,
        double=verdict.double,
        lost=verdict.lost,
        stuck=verdict.stuck,
        longest_inconsistent_seconds=time.monotonic() - healed,
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        server_errors=sum(answer.status == 0 or answer.status >= 500 for answer in load.answers),
        note=f"{accepted} of {len(meanwhile)} accepted in {rounds} outages of {seconds:.0f} s, p95 {p95 * 1000:.0f} ms",
        problems=(*verdict.problems, *_refused(accepted, len(meanwhile))),
    )


def _outage(system: System, seconds: float) -> tuple[float, float]:
    """When it began and ended, on the clock of ``time.monotonic``."""
    began = time.monotonic()
    system.local.stop("rabbitmq", kill=True)
    try:
        time.sleep(seconds)
    finally:
        ended = time.monotonic()
        system.local.start("rabbitmq")
    return began, ended


def _refused(accepted: int, asked: int) -> list[str]:
    if asked == 0:
        return ["nothing was asked while the broker was away"]
    return [] if accepted == asked else [f"{asked - accepted} of {asked} were not accepted while the broker was away"]
