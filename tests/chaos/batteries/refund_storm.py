"""Eight refunds of 300 at once on a payment of 1,000: three are accepted, and no more than 900 ever given back."""

from functools import partial
from uuid import uuid4

from tests.chaos.batteries.books import Books, Taken, wait_until
from tests.chaos.batteries.caller import Answer, Caller, side_by_side, together
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "refund storm, 8 of 300 on 1,000"

REFUNDS = 8
BODY = {"amount": "300.00", "reason": "Customer request"}

# What is left after three of 300, in minor units: taken, given back, promised.
SETTLED = (100_000, 90_000, 0)


def run(system: System, *, rounds: int, seed: int) -> Row:
    """One storm on each of ``rounds`` completed payments; nothing is left to chance, so ``seed`` is only reported."""
    caller, books = Caller(system.environment), Books(system)
    payments = side_by_side([caller.pay] * rounds)
    verdict = books.examine(payments)
    storms = [_storm(caller, payment_id) for payment_id in payments]
    wait_until(lambda: _unfinished(books, payments) == 0, 120)
    problems = [each for each in map(_judged, payments, storms) if each]
    over, wrong = _sums(books, payments)
    shown = [caller.get(f"/payments/{each}") for each in payments]
    wrong += [f"payment {each['id']} shows {each['amount_refunded']}" for each in shown if not _shows_it(each)]
    p50, p95, p99 = latencies(answer.seconds for storm in storms for answer in storm)
    return Row(
        name=NAME,
        seed=seed,
        repetitions=rounds,
        accepted=rounds + sum(answer.status == 202 for storm in storms for answer in storm),
        captured=verdict.captured,
        double=verdict.double + over,
        lost=verdict.lost,
        stuck=verdict.stuck + _unfinished(books, payments),
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        server_errors=sum(answer.status == 0 or answer.status >= 500 for storm in storms for answer in storm),
        note=f"{rounds * REFUNDS} refunds; over-refunded {over}",
        problems=(*verdict.problems, *problems, *wrong),
    )


def _storm(caller: Caller, payment_id: str) -> list[Answer]:
    path = f"/payments/{payment_id}/refund"
    tries = together([partial(caller.insist, path, BODY, str(uuid4())) for _ in range(REFUNDS)])
    return [each[-1] for each in tries]


def _judged(payment_id: str, storm: list[Answer]) -> str:
    told = sorted((answer.status, answer.code) for answer in storm)
    expected = [(202, "")] * 3 + [(422, "refund_exceeds_payment")] * 5
    return "" if told == expected else f"the refunds of payment {payment_id} were answered {told}"


def _sums(books: Books, payments: list[str]) -> tuple[int, list[str]]:
    """How many payments gave back more than they took, here or there; and whose sums are not what they must be."""
    statement = """SELECT id::text, captured_minor, refunded_minor, refund_pending_minor, (
            SELECT coalesce(sum(amount_minor), 0)::bigint FROM refunds
            WHERE transaction_id = payment.id AND status = 'succeeded'
        ) FROM transactions AS payment WHERE id = ANY(%s::uuid[])"""
    taken, over, wrong = books.taken(), 0, []
    for payment_id, captured, refunded, promised, succeeded in books.rows(statement, payments):
        there = taken.get(payment_id, Taken())
        over += max(refunded, succeeded, there.refunded) > min(captured, there.captured)
        if (captured, refunded, promised) != SETTLED or {succeeded, there.refunded} != {refunded}:
            wrong.append(f"payment {payment_id}: {refunded} here, refunds {succeeded}, there {there.refunded}")
    return over, wrong


def _unfinished(books: Books, payments: list[str]) -> int:
    statement = """SELECT count(*) FROM refunds WHERE transaction_id = ANY(%s::uuid[])
        AND status NOT IN ('succeeded', 'failed')"""
    return int(books.rows(statement, payments)[0][0])


def _shows_it(payment: dict[str, object]) -> bool:
    shown = (payment["status"], payment["amount_refunded"], payment["amount_refundable"])
    return shown == ("partially_refunded", "900.00", "100.00")
