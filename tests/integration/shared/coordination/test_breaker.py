"""A breaker that all workers of a provider share: opens once, lets one call probe, closes for all."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from redis import Redis
from structlog.testing import capture_logs

from shared.coordination.breaker import Admission, BreakerRules, Breakers, BreakerState
from shared.coordination.redis_client import OptionalRedis, build_redis
from tests.servers import Servers

B = BreakerState
SLOW = BreakerRules(failures=3, open_seconds=60, probe_seconds=60)
# Open for no time at all: the next call is the probe.
QUICK = BreakerRules(failures=3, open_seconds=0, probe_seconds=60)


class Stage:
    """One provider's name, and breakers as any number of processes would have them."""

    def __init__(self, url: str) -> None:
        self.name = f"test-{uuid4().hex}"
        self._url = url

    def breakers(self, rules: BreakerRules = SLOW) -> Breakers:
        return Breakers(OptionalRedis(Redis.from_url(self._url)), rules)

    def open(self, rules: BreakerRules = SLOW) -> Breakers:
        breakers = self.breakers(rules)
        for _ in range(rules.failures):
            breakers.failed(self.name, breakers.admit(self.name))
        return breakers


@pytest.fixture
def stage(servers: Servers) -> Iterator[Stage]:
    found = Stage(servers.urls["redis"])
    yield found
    found.breakers().close(found.name)


def test_it_opens_for_all_after_so_many_failures_in_a_row(stage: Stage) -> None:
    ours, theirs = stage.breakers(), stage.breakers()

    ours.failed(stage.name, ours.admit(stage.name))
    theirs.failed(stage.name, theirs.admit(stage.name))
    assert ours.state(stage.name) is B.CLOSED
    ours.failed(stage.name, ours.admit(stage.name))

    refusal = theirs.admit(stage.name)
    assert (refusal.is_admitted, refusal.probe) == (False, "")
    assert 55 <= refusal.retry_after_seconds <= 60
    assert theirs.state(stage.name) is B.OPEN


def test_an_answer_in_between_starts_the_count_again(stage: Stage) -> None:
    breakers = stage.breakers()

    for heard in (breakers.failed, breakers.failed, breakers.succeeded, breakers.failed, breakers.failed):
        heard(stage.name, breakers.admit(stage.name))

    assert breakers.state(stage.name) is B.CLOSED


def test_another_providers_breaker_stays_closed(stage: Stage) -> None:
    breakers = stage.open()

    assert breakers.admit(f"{stage.name}-other").is_admitted
    assert breakers.state(f"{stage.name}-other") is B.CLOSED


def test_of_many_that_come_when_the_time_is_over_one_probes(stage: Stage) -> None:
    breakers = stage.open(QUICK)
    assert breakers.state(stage.name) is B.HALF_OPEN

    with ThreadPoolExecutor(20) as pool:
        admissions = list(pool.map(lambda _: breakers.admit(stage.name), range(20)))

    assert [each.probe != "" for each in admissions if each.is_admitted] == [True]
    assert breakers.state(stage.name) is B.HALF_OPEN


def test_a_probe_that_is_answered_closes_it(stage: Stage) -> None:
    breakers = stage.open(QUICK)

    breakers.succeeded(stage.name, breakers.admit(stage.name))

    assert breakers.state(stage.name) is B.CLOSED
    assert breakers.admit(stage.name) == Admission(is_admitted=True)


def test_a_probe_that_fails_opens_it_again(stage: Stage) -> None:
    probe = stage.open(QUICK).admit(stage.name)

    stage.breakers(SLOW).failed(stage.name, probe)

    assert stage.breakers().state(stage.name) is B.OPEN


def test_a_probe_that_never_reports_is_followed_by_another(stage: Stage) -> None:
    impatient = BreakerRules(failures=3, open_seconds=0, probe_seconds=0.1)
    breakers = stage.open(impatient)
    assert breakers.admit(stage.name).probe
    assert not breakers.admit(stage.name).is_admitted

    time.sleep(0.15)

    assert breakers.admit(stage.name).probe


def test_a_probe_that_was_not_made_leaves_its_place_to_the_next(stage: Stage) -> None:
    breakers = stage.open(QUICK)
    breakers.withdraw(stage.name, breakers.admit(stage.name))

    assert breakers.admit(stage.name).probe


@pytest.mark.parametrize("probe", ["", "of-another"])
def test_what_was_called_before_it_opened_says_nothing_afterwards(stage: Stage, probe: str) -> None:
    before = Admission(is_admitted=True, probe=probe)
    breakers = stage.open(QUICK)
    breakers.admit(stage.name)

    breakers.succeeded(stage.name, before)
    breakers.withdraw(stage.name, before)
    assert breakers.state(stage.name) is B.HALF_OPEN

    stage.breakers(SLOW).failed(stage.name, before)
    assert breakers.state(stage.name) is B.HALF_OPEN


def test_an_operator_closes_it_for_all(stage: Stage) -> None:
    breakers = stage.open()

    stage.breakers().close(stage.name)

    assert breakers.admit(stage.name) == Admission(is_admitted=True)


def test_each_change_is_logged_once(stage: Stage) -> None:
    with capture_logs() as lines:
        breakers = stage.open(QUICK)
        breakers.succeeded(stage.name, breakers.admit(stage.name))
        breakers.succeeded(stage.name, breakers.admit(stage.name))

    assert [line["event"] for line in lines] == ["breaker.opened", "breaker.closed"]


def test_while_redis_is_away_every_call_is_made() -> None:
    breakers = Breakers(OptionalRedis(build_redis("redis://127.0.0.1:1/0", connections=1)), SLOW)

    for _ in range(10):
        admission = breakers.admit("x")
        assert admission.is_admitted
        breakers.failed("x", admission)

    assert breakers.state("x") is B.UNKNOWN
