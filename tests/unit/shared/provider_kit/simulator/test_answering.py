"""How a simulator's answers go wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from shared.provider_kit.simulator import (
    KIT_SCHEMA,
    Delay,
    Fault,
    Hang,
    LedgerFile,
    ResetConnection,
    SimulatedResponse,
    TruncateBody,
)
from shared.provider_kit.simulator.answering import (
    Answerer,
    Spoil,
    Spoiling,
    cut_in_half,
    delayed,
    garbled,
    hanging,
    refused_afterwards,
    refusing,
    reset,
    silence,
    usual_spoiling,
)
from shared.provider_kit.simulator.fault_rules import ArmedRule

TRUE = SimulatedResponse(status=201, headers={"Content-Type": "application/json", "X-Id": "1"}, body=b'{"a": 1}')


class Way(StrEnum):
    PROPERLY = "properly"
    REFUSED = "refused"
    SILENT = "silent"
    HALF = "half"
    LOST = "lost"


class Refused(Exception):
    """The simulator says no."""


@dataclass(frozen=True)
class Scenario:
    answering: Way
    first_answers: int | None = None


SPOILING = Spoiling(
    instead={Way.REFUSED: refusing(Refused), Way.SILENT: silence(30)},
    afterwards={Way.HALF: cut_in_half, Way.LOST: refused_afterwards(Refused)},
)


@pytest.fixture
def answerer(tmp_path: Path) -> Iterator[Answerer[Way]]:
    ledger = LedgerFile(tmp_path / "ledger.sqlite", KIT_SCHEMA)
    yield Answerer(ledger, SPOILING, Way.PROPERLY)
    ledger.close()


def test_an_answer_that_is_to_go_well_does(answerer: Answerer[Way]) -> None:
    assert answerer.instead(Way.PROPERLY) is None
    assert answerer.spoilt(Way.PROPERLY, TRUE) is TRUE


def test_what_is_answered_in_place_of_the_work_keeps_it_from_being_done(answerer: Answerer[Way]) -> None:
    assert answerer.instead(Way.SILENT) == SimulatedResponse(status=504, fault=Hang(30))
    with pytest.raises(Refused):
        answerer.instead(Way.REFUSED)


def test_what_goes_wrong_afterwards_has_the_work_done_first(answerer: Answerer[Way]) -> None:
    assert answerer.instead(Way.LOST) is None
    with pytest.raises(Refused):
        answerer.spoilt(Way.LOST, TRUE)


def test_an_armed_rule_spoils_so_many_requests_to_its_target(answerer: Answerer[Way]) -> None:
    answerer.rules.arm(ArmedRule(target="POST", rule="half", remaining=1))

    assert [answerer.armed("GET"), answerer.armed("POST"), answerer.armed("POST")] == [
        Way.PROPERLY,
        Way.HALF,
        Way.PROPERLY,
    ]


def test_a_rule_that_is_about_no_answer_is_left_armed(answerer: Answerer[Way]) -> None:
    answerer.rules.arm(ArmedRule(target="POST", rule="told_twice", remaining=1))

    assert answerer.armed("POST") is Way.PROPERLY
    assert len(answerer.rules.armed()) == 1


def test_a_scenario_spoils_only_the_first_answers_to_each_question(answerer: Answerer[Way]) -> None:
    twice = Scenario(Way.HALF, first_answers=2)

    assert [answerer.wanted(twice, "one") for _ in range(3)] == [Way.HALF, Way.HALF, Way.PROPERLY]
    assert answerer.wanted(twice, "another") is Way.HALF


def test_a_scenario_without_a_limit_spoils_every_answer(answerer: Answerer[Way]) -> None:
    assert {answerer.wanted(Scenario(Way.HALF), "one") for _ in range(9)} == {Way.HALF}


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (hanging(30), Hang(30)),
        (delayed(1), Delay(1)),
        (reset, ResetConnection()),
        (cut_in_half, TruncateBody(kept_bytes=4)),
    ],
)
def test_a_true_answer_can_be_lost_on_its_way(spoil: Spoil, fault: Fault) -> None:
    spoilt = spoil(TRUE)

    assert (spoilt.status, spoilt.headers, spoilt.body, spoilt.fault) == (TRUE.status, TRUE.headers, TRUE.body, fault)


class UsualWay(StrEnum):
    PROPERLY = "properly"
    HANG = "hang"
    THROTTLED = "throttled"
    ERROR_500_AFTER_COMMIT = "error_500_after_commit"
    HANG_AFTER_COMMIT = "hang_after_commit"
    RESET_AFTER_COMMIT = "reset_after_commit"
    TRUNCATED = "truncated"
    SLOW = "slow"
    HTML = "html"
    EMPTY = "empty"


def test_the_usual_ways_are_all_spoilt_and_only_these() -> None:
    spoiling = usual_spoiling(UsualWay, {UsualWay.THROTTLED: Refused}, Refused, b"<html>", 30)

    assert {*spoiling.instead, *spoiling.afterwards} == set(UsualWay) - {UsualWay.PROPERLY}
    assert set(spoiling.instead) == {UsualWay.THROTTLED, UsualWay.HANG}
    assert spoiling.afterwards[UsualWay.HTML](TRUE).body == b"<html>"
    with pytest.raises(Refused):
        spoiling.afterwards[UsualWay.ERROR_500_AFTER_COMMIT](TRUE)


def test_a_true_answer_can_be_replaced_by_another_body() -> None:
    spoilt = garbled(b"<html>")(TRUE)

    assert spoilt == SimulatedResponse(status=200, headers={"Content-Type": "text/html", "X-Id": "1"}, body=b"<html>")
