"""A steady load of payments, each repeated with its key until it is accepted."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from uuid import uuid4

from tests.chaos.batteries.caller import INITIALIZE, ORDER, Answer, Caller

CALLERS = 8


@dataclass
class SteadyLoad:
    """``tries`` has one list of answers for each key; ``keys`` the keys, in the same order."""

    caller: Caller
    per_second: float
    keys: list[str] = field(default_factory=list)
    tries: list[list[Answer]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Until the end of the block; what was begun by then is still brought to its end."""
        threads = [threading.Thread(target=self._pay_on, args=(number,)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    @property
    def answers(self) -> list[Answer]:
        return [answer for tries in self.tries for answer in tries]

    @property
    def payments(self) -> list[str]:
        """Those that were accepted."""
        return [str(tries[-1].json["id"]) for tries in self.tries if tries[-1].status in {200, 202}]

    def _pay_on(self, number: int) -> None:
        interval = CALLERS / self.per_second
        next_at = time.monotonic() + interval * number / CALLERS
        while not self._stop.wait(max(next_at - time.monotonic(), 0)):
            key = str(uuid4())
            tries = self.caller.insist(INITIALIZE, ORDER, key)
            with self._lock:
                self.keys.append(key)
                self.tries.append(tries)
            next_at = max(next_at + interval, time.monotonic())


def within(answers: Sequence[Answer], began: float, ended: float) -> list[Answer]:
    """Those whose request was made, and answered, between the two."""
    return [each for each in answers if began <= each.at - each.seconds and each.at <= ended]


def longest_gap(answers: Sequence[Answer]) -> float:
    """The longest time without any payment accepted."""
    accepted = sorted(answer.at for answer in answers if answer.status == 202)
    return max((later - earlier for earlier, later in pairwise(accepted)), default=0.0)
