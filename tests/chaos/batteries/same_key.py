"""One key used again: the same meaning replays in any form, another meaning is refused, another merchant is free."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from tests.chaos.batteries.books import Books
from tests.chaos.batteries.caller import INITIALIZE, ORDER, Answer, Caller, Json, side_by_side
from tests.chaos.neighbour import another_merchant
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "one key, another request"

ANOTHER: dict[str, Json] = {
    "amount + 1": {"amount": "1001.00"},
    "amount + 0.01": {"amount": "1000.01"},
    "currency": {"currency": "USD"},
    "metadata": {"metadata": {"order": "7"}},
    "customer": {"customer": {"phone": "+254700000001"}},
    "customer_id": {"customer_id": "c1"},
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``problem`` is empty where the answer was the right one."""

    answer: Answer
    problem: str = ""


def run(system: System, *, rounds: int, seed: int) -> Row:
    """All variants on each of ``rounds`` keys; nothing is left to chance, so ``seed`` is only reported."""
    theirs = another_merchant(system.environment)
    caller, books = Caller(system.environment), Books(system)
    stranger = Caller(system.environment, theirs["API_KEY_ID"], theirs["API_KEY_SECRET"])
    found = side_by_side([partial(_round, caller, stranger)] * rounds, callers=4)
    verdicts = [verdict for _, each in found for verdict in each]
    payments = [payment_id for pair, _ in found for payment_id in pair]
    seen = books.examine(payments)
    known = books.rows("SELECT count(*) FROM transactions WHERE id = ANY(%s::uuid[])", payments)[0][0]
    p50, p95, p99 = latencies(verdict.answer.seconds for verdict in verdicts)
    wrong = [verdict.problem for verdict in verdicts if verdict.problem]
    return Row(
        name=NAME,
        seed=seed,
        repetitions=len(verdicts),
        accepted=2 * rounds,
        captured=seen.captured,
        double=seen.double,
        lost=seen.lost + 2 * rounds - int(known),
        stuck=seen.stuck,
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        server_errors=sum(verdict.answer.status == 0 or verdict.answer.status >= 500 for verdict in verdicts),
        note=f"wrong verdicts {len(wrong)} of {len(verdicts)}",
        problems=(*seen.problems, *wrong),
    )


def _round(caller: Caller, stranger: Caller) -> tuple[list[str], list[Verdict]]:
    """The payments of both merchants, and what was said to each variant."""
    key = str(uuid4())
    first = caller.insist(INITIALIZE, ORDER, key)[-1]
    payment_id = str(first.json["id"])
    verdicts = [_same(caller, first, key, body) for body in _forms()]
    verdicts += [_refused(name, caller.post(INITIALIZE, ORDER | changed, key)) for name, changed in ANOTHER.items()]
    refund = {"amount": "1.00", "reason": "x"}
    verdicts.append(_refused("another endpoint", caller.post(f"/payments/{payment_id}/refund", refund, key)))
    theirs = stranger.insist(INITIALIZE, ORDER, key)[-1]
    verdicts.append(_independent(first, theirs))
    return [payment_id, str(theirs.json.get("id"))], verdicts


def _forms() -> Iterator[bytes]:
    """The same order, written otherwise."""
    backwards = dict(reversed(ORDER.items()))
    yield json.dumps(backwards).encode()
    yield json.dumps(ORDER, indent=2).encode()
    yield json.dumps(ORDER | {"customer_id": None, "customer": {"phone": "0700 000 000", "email": None}}).encode()
    for amount in (b"1000", b"1000.0", b"1000.00", b"1e3", b'"1000"', b'"1000.0"'):
        yield json.dumps(ORDER).encode().replace(b'"1000.00"', amount)


def _same(caller: Caller, first: Answer, key: str, body: bytes) -> Verdict:
    answer = caller.post(INITIALIZE, body, key)
    replayed = (answer.status, answer.body, answer.is_replay) == (202, first.body, True)
    return Verdict(answer, "" if replayed else f"the same in another form got {answer.status} {answer.code}: {body!r}")


def _refused(name: str, answer: Answer) -> Verdict:
    reused = (answer.status, answer.code) == (422, "idempotency_key_reused")
    return Verdict(answer, "" if reused else f"{name} got {answer.status} {answer.code}")


def _independent(ours: Answer, theirs: Answer) -> Verdict:
    is_own = theirs.status == 202 and not theirs.is_replay and theirs.json["id"] != ours.json["id"]
    return Verdict(theirs, "" if is_own else f"another merchant with the same key got {theirs.status} {theirs.code}")
