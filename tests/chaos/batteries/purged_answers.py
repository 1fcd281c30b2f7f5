"""The stored answers are gone, as after a day: a repetition finds what it made then, and makes nothing."""

from functools import partial
from uuid import uuid4

from redis import Redis

from tests.chaos.batteries.books import Books, Verdict, wait_until
from tests.chaos.batteries.caller import INITIALIZE, ORDER, Answer, Caller, Json, side_by_side
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "answers purged, requests repeated"

REFUND: Json = {"amount": "400.00", "reason": "Customer request"}

# What each payment has come to: taken, given back, and by how many refunds.
SETTLED = (100_000, 40_000, 1)


def run(system: System, *, rounds: int, seed: int) -> Row:
    """``rounds`` payments with one refund each, all repeated after the purge; ``seed`` is only reported."""
    caller, books = Caller(system.environment), Books(system)
    asked = [(INITIALIZE, ORDER, str(uuid4())) for _ in range(rounds)]
    payments = [each.json["id"] for each in _ask(caller, asked)]
    verdict = books.examine(payments)
    asked += [(f"/payments/{payment_id}/refund", REFUND, str(uuid4())) for payment_id in payments]
    refunds = [each.json["id"] for each in _ask(caller, asked[rounds:])]
    wait_until(lambda: _settled(books, payments) == rounds, 120)
    _purge(system, books, [key for _, _, key in asked])
    again = _ask(caller, asked)
    problems = [each for each in map(_judged, [*payments, *refunds], again) if each]
    return _row(verdict, again, seed, [*problems, *_sums(books, payments)])


def _row(verdict: Verdict, again: list[Answer], seed: int, problems: list[str]) -> Row:
    p50, p95, p99 = latencies(answer.seconds for answer in again)
    return Row(
        name=NAME,
        seed=seed,
        repetitions=len(again),
        accepted=len(again),
        captured=verdict.captured,
        double=verdict.double,
        lost=verdict.lost,
        stuck=verdict.stuck,
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        server_errors=sum(answer.status == 0 or answer.status >= 500 for answer in again),
        note=f"{len(again) - len(problems)} of {len(again)} found again",
        problems=(*verdict.problems, *problems),
    )


def _ask(caller: Caller, asked: list[tuple[str, Json, str]]) -> list[Answer]:
    return [tries[-1] for tries in side_by_side([partial(caller.insist, *each) for each in asked])]


def _purge(system: System, books: Books, keys: list[str]) -> None:
    """As retention does it, and the cache has forgotten too."""
    books.rows("UPDATE idempotency_keys SET status = NULL, body = NULL WHERE key = ANY(%s)", keys)
    with Redis.from_url(system.environment["REDIS_URL"]) as redis:
        redis.flushall()


def _judged(resource_id: str, answer: Answer) -> str:
    if answer.status != 200:
        return f"the repetition of {resource_id} got {answer.status} {answer.code}"
    found = answer.json["id"], answer.is_replay, answer.json["status"]
    finished = {"partially_refunded", "succeeded"}
    right = found[:2] == (resource_id, True) and found[2] in finished
    return "" if right else f"the repetition of {resource_id} found {found}"


def _settled(books: Books, payments: list[str]) -> int:
    statement = "SELECT count(*) FROM transactions WHERE id = ANY(%s::uuid[]) AND status = 'partially_refunded'"
    return int(books.rows(statement, payments)[0][0])


def _sums(books: Books, payments: list[str]) -> list[str]:
    """Whatever was taken or given back more than once, here or at the provider."""
    statement = """SELECT id::text, captured_minor, refunded_minor,
        (SELECT count(*) FROM refunds WHERE transaction_id = payment.id)
        FROM transactions AS payment WHERE id = ANY(%s::uuid[])"""
    taken, wrong = books.taken(), []
    for payment_id, *sums in books.rows(statement, payments):
        there = taken[payment_id]
        if tuple(sums) != SETTLED or (there.payments, there.captured, there.refunded) != (1, *SETTLED[:2]):
            wrong.append(f"payment {payment_id} has come to {sums} here, {there} there")
    return wrong
