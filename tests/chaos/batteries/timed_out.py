"""Timed out, but charged: the provider took the money and never answered; it is found, and not taken again.

Half of the payments are found through their callback, half lose that too and are found by asking. How long the second
kind takes is decided by three settings: READ_SECONDS (when we give up waiting for the answer), the first of
STATUS_CHECK_SECONDS (when we ask) and RECOVERY_SECONDS (how often the clock looks for whom to ask about). A call that
hangs keeps its worker thread for READ_SECONDS, and callbacks and queries need threads too: where more hang at once than
WORKER_THREADS lets hang, they wait for one another. So only ``at_once`` hang here; a burst of 50 had medians of 23 s.
"""

import statistics
from functools import partial

import httpx2

from tests.chaos.batteries.books import Books, wait_until
from tests.chaos.batteries.caller import Caller, side_by_side
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "timed out but charged"

# The promise, for the unscaled schedules; scaled ones are faster.
MEDIAN_SECONDS = 15.0

_SPANS = """SELECT extract(epoch FROM max(occurred_at) FILTER (WHERE event_type = 'payment.completed')
                                    - min(occurred_at) FILTER (WHERE event_type = %s))::float
    FROM events WHERE transaction_id = ANY(%s::uuid[]) GROUP BY transaction_id"""
_SENT_TWICE = """SELECT count(*) FROM (SELECT transaction_id FROM attempts WHERE operation = 'payment.initialize'
    AND transaction_id = ANY(%s::uuid[]) GROUP BY transaction_id HAVING count(*) > 1) AS twice"""


def run(system: System, *, rounds: int, seed: int, at_once: int = 4) -> Row:
    """``rounds`` payments; nothing is left to chance, so ``seed`` is only reported."""
    caller, books = Caller(system.environment), Books(system)
    told = side_by_side([partial(_hang, caller, books, "hang_after_commit")] * (rounds // 2), at_once)
    _hang_next_calls(system, rounds - rounds // 2)
    asked = side_by_side([partial(_hang, caller, books, "webhook_lost")] * (rounds - rounds // 2), at_once)
    verdict = books.examine([*told, *asked], within_seconds=120 + rounds * 3)
    from_sending = _seconds(books, "payment.processing", told)
    in_doubt = _seconds(books, "payment.in_doubt", asked)
    p50, p95, p99 = latencies([*from_sending, *in_doubt])
    twice = books.rows(_SENT_TWICE, [*told, *asked])[0][0]
    return Row(
        name=NAME,
        seed=seed,
        repetitions=rounds,
        accepted=rounds,
        captured=verdict.captured,
        double=verdict.double + int(twice),
        lost=verdict.lost,
        stuck=verdict.stuck,
        longest_inconsistent_seconds=max([*from_sending, *in_doubt], default=0.0),
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        note=f"median {_median(from_sending):.1f} s from sending with its callback, "
        f"{_median(in_doubt):.1f} s in doubt without (asked), "
        f"{_median(_seconds(books, 'payment.processing', asked)):.1f} s from sending",
        problems=(*verdict.problems, *_slow(from_sending, in_doubt, rounds)),
    )


def _hang(caller: Caller, books: Books, scenario: str) -> str:
    """A payment whose call has hung, and been given up."""
    payment_id = caller.pay(metadata={"scenario": scenario})
    wait_until(lambda: _was_given_up(books, payment_id), 120)
    return payment_id


def _hang_next_calls(system: System, count: int) -> None:
    """Of payments whose callbacks the simulator does not send."""
    rule = {"rule": "hang_after_commit", "method": "POST", "times": count}
    simulator = system.environment["SIMULATOR_URL"]
    httpx2.post(f"{simulator}/_admin/faults", json=rule, trust_env=False).raise_for_status()


def _was_given_up(books: Books, payment_id: str) -> bool:
    statement = """SELECT 1 FROM attempts WHERE transaction_id = %s
        AND operation = 'payment.initialize' AND finished_at IS NOT NULL"""
    return bool(books.rows(statement, payment_id))


def _seconds(books: Books, since: str, payments: list[str]) -> list[float]:
    return [found[0] for found in books.rows(_SPANS, since, payments) if found[0] is not None]


def _median(seconds: list[float]) -> float:
    return statistics.median(seconds) if seconds else 0.0


def _slow(from_sending: list[float], in_doubt: list[float], rounds: int) -> list[str]:
    problems = [
        f"half of them took {_median(each):.1f} s or longer"
        for each in (from_sending, in_doubt)
        if _median(each) > MEDIAN_SECONDS
    ]
    measured = len(from_sending) + len(in_doubt)
    return problems if measured == rounds else [*problems, f"only {measured} of {rounds} times are known"]
