"""One key, many callers at once, whatever happens to Redis: one payment, one answer."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from redis import Redis

from tests.chaos.batteries.books import Books
from tests.chaos.batteries.caller import INITIALIZE, ORDER, Answer, Caller, together
from tests.chaos.report import Row, latencies
from tests.e2e.journey import System

NAME = "one key, 32 callers"

CALLERS = 32

# What happens to Redis while the callers are at it, in turn; most rounds are quiet.
FAULTS = ("quiet", "emptied", "quiet", "paused", "quiet", "emptied", "quiet", "killed")


@dataclass
class Seen:
    answers: list[Answer] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run(system: System, *, rounds: int, seed: int) -> Row:
    """``rounds`` keys, each initialized by 32 callers at once and then repeated by all of them."""
    chosen, caller, books, seen = random.Random(seed), Caller(system.environment), Books(system), Seen()
    for number in range(rounds):
        _round(system, caller, chosen, FAULTS[number % len(FAULTS)], seen)
    verdict = books.examine(seen.payments)
    found = books.rows("SELECT idempotency_key FROM transactions WHERE idempotency_key = ANY(%s)", seen.keys)
    p50, p95, p99 = latencies(each.seconds for each in seen.answers)
    return Row(
        name=NAME,
        seed=seed,
        repetitions=rounds,
        accepted=len(seen.payments),
        captured=verdict.captured,
        double=verdict.double + len(found) - len(seen.payments),
        lost=verdict.lost,
        stuck=verdict.stuck,
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        server_errors=sum(each.status == 0 or each.status >= 500 for each in seen.answers),
        note=f"{len(seen.answers)} calls; Redis {_counted(seen.faults)}",
        problems=(*verdict.problems, *seen.problems),
    )


def _round(system: System, caller: Caller, chosen: random.Random, fault: str, seen: Seen) -> None:
    # Not from the seed: on one system every run needs keys of its own.
    key = str(uuid4())
    meanwhile = threading.Thread(target=_FAULTS[fault], args=(system, chosen.random() / 20))
    meanwhile.start()
    first = together([partial(caller.insist, INITIALIZE, ORDER, key)] * CALLERS)
    again = together([partial(caller.insist, INITIALIZE, ORDER, key)] * CALLERS)
    meanwhile.join()
    final = [tries[-1] for tries in (*first, *again)]
    seen.answers += [answer for tries in (*first, *again) for answer in tries]
    seen.keys.append(key)
    seen.faults.append(fault)
    seen.payments += sorted({answer.json["id"] for answer in final if answer.status == 202})
    seen.problems += _judged(f"{fault} {key}", final, [answer for tries in (*first, *again) for answer in tries])


def _judged(name: str, final: list[Answer], answers: list[Answer]) -> list[str]:
    statuses = {answer.status for answer in answers}
    firsts = [answer.is_replay for answer in final].count(False)
    bodies = len({answer.body for answer in final})
    problems = [] if statuses <= {202, 409} else [f"{name}: statuses {sorted(statuses)}"]
    problems += [] if firsts == 1 else [f"{name}: {firsts} answers are no repetition"]
    return problems if bodies == 1 else [*problems, f"{name}: {bodies} different bodies"]


def _counted(faults: list[str]) -> str:
    return ", ".join(f"{name} {faults.count(name)} times" for name in sorted(set(faults)))


def _nothing(_system: System, _delay_seconds: float) -> None:
    """A quiet round."""


def _empty(system: System, delay_seconds: float) -> None:
    """Several times, so that it also hits between the answer and its repetitions."""
    with Redis.from_url(system.environment["REDIS_URL"]) as redis:
        for _ in range(5):
            time.sleep(delay_seconds)
            redis.flushall()


def _pause(system: System, delay_seconds: float) -> None:
    pid = system.local.pid("redis")
    assert pid is not None, "a Redis in Docker has no pid here"
    time.sleep(delay_seconds)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.6)
    os.kill(pid, signal.SIGCONT)


def _kill(system: System, delay_seconds: float) -> None:
    time.sleep(delay_seconds)
    system.local.stop("redis", kill=True)
    system.local.start("redis")


_FAULTS: dict[str, Callable[[System, float], None]] = {
    "quiet": _nothing,
    "emptied": _empty,
    "paused": _pause,
    "killed": _kill,
}
