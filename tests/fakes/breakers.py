"""Providers' breakers in memory."""

from typing import NoReturn

import pytest
from redis import Redis

from shared.coordination.breaker import Admission, BreakerRules, Breakers, BreakerState
from shared.coordination.redis_client import OptionalRedis


class BreakersInMemory(Breakers):
    """Open or closed as the test says; ``told`` is what it heard of calls, in order."""

    def __init__(self) -> None:
        super().__init__(OptionalRedis(Redis(port=1)), BreakerRules())
        self.open: set[str] = set()
        self.told: list[tuple[str, str]] = []

    def admit(self, name: str) -> Admission:
        if name in self.open:
            return Admission(is_admitted=False, retry_after_seconds=17)
        return Admission(is_admitted=True, probe="probe")

    def failed(self, name: str, admission: Admission) -> None:
        self._heard("failed", name, admission)

    def succeeded(self, name: str, admission: Admission) -> None:
        self._heard("succeeded", name, admission)

    def withdraw(self, name: str, admission: Admission) -> None:
        self._heard("withdrawn", name, admission)

    def state(self, name: str) -> BreakerState:
        return BreakerState.OPEN if name in self.open else BreakerState.CLOSED

    def close(self, name: str) -> None:
        self.open.discard(name)

    def _heard(self, what: str, name: str, admission: Admission) -> None:
        assert admission.probe == "probe"
        self.told.append((what, name))


def no_breakers(_name: str) -> NoReturn:
    pytest.fail("nobody expected a breaker to be looked at")
