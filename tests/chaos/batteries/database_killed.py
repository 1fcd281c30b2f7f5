"""PostgreSQL is killed under load: 202, or 503 with Retry-After; whatever was answered, one payment for each key."""

import random
import time
from collections import Counter

from tests.chaos.batteries.books import Books
from tests.chaos.batteries.caller import Answer, Caller
from tests.chaos.batteries.load import SteadyLoad, longest_gap
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "PostgreSQL killed under load"


def run(system: System, *, rounds: int, seed: int, per_second: float = 20.0) -> Row:
    """``rounds`` kills, each followed by a start and some quiet; ``seed`` says how much."""
    chosen, books = random.Random(seed), Books(system)
    load = SteadyLoad(Caller(system.environment), per_second)
    with load.running():
        for _ in range(rounds):
            time.sleep(0.5 + 2 * chosen.random())
            system.local.stop("postgres", kill=True)
            system.local.start("postgres")
        time.sleep(2)
    verdict = books.examine(load.payments)
    p50, p95, p99 = latencies(answer.seconds for answer in load.answers)
    rows = books.rows("SELECT idempotency_key FROM transactions WHERE idempotency_key = ANY(%s)", load.keys)
    statuses = Counter(answer.status for answer in load.answers)
    return Row(
        name=NAME,
        seed=seed,
        repetitions=rounds,
        accepted=len(load.payments),
        captured=verdict.captured,
        double=verdict.double + max(len(rows) - len(load.keys), 0),
        lost=verdict.lost + max(len(load.keys) - len(rows), 0),
        stuck=verdict.stuck,
        longest_inconsistent_seconds=longest_gap(load.answers),
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        server_errors=sum(count for status, count in statuses.items() if status not in {200, 202, 503}),
        note=f"answers {dict(sorted(statuses.items()))}, repeated {sum(len(tries) > 1 for tries in load.tries)} keys",
        problems=(*verdict.problems, *_told_wrong(load)),
    )


def _told_wrong(load: SteadyLoad) -> list[str]:
    """Connections lost at the API, which was not killed; anything but 202 and 503; 503 without Retry-After."""
    told = Counter(_fault(answer) for answer in load.answers)
    problems = [f"{count} times {fault}" for fault, count in told.items() if fault]
    never = sum(tries[-1].status not in {200, 202} for tries in load.tries)
    return [*problems, f"{never} keys were never accepted"] if never else problems


def _fault(answer: Answer) -> str:
    if answer.status == 0:
        return "the API did not answer"
    if answer.status == 503:
        return "" if answer.retry_after else "503 without Retry-After"
    return "" if answer.status == 202 else f"{answer.status} {answer.code}"
