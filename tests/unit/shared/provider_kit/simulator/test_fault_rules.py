"""Rules that are armed by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.provider_kit.simulator import KIT_SCHEMA, LedgerFile
from shared.provider_kit.simulator.fault_rules import ArmedRule, FaultAsked, FaultRules

EVERY = frozenset({"hang", "html"})


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerFile]:
    opened = LedgerFile(tmp_path / "ledger.sqlite", KIT_SCHEMA)
    yield opened
    opened.close()


@pytest.fixture
def rules(ledger: LedgerFile) -> FaultRules:
    return FaultRules(ledger)


def armed(rule: str, remaining: int = 1, target: str = "POST") -> ArmedRule:
    return ArmedRule(target=target, rule=rule, remaining=remaining)


def test_a_rule_is_spent_use_by_use(rules: FaultRules) -> None:
    rules.arm(armed("hang", 2))

    assert [rules.spend({"POST"}, EVERY) for _ in range(3)] == ["hang", "hang", None]
    assert rules.armed() == []


def test_the_oldest_rule_is_spent_first(rules: FaultRules) -> None:
    rules.arm(armed("html"))
    rules.arm(armed("hang"))

    assert [rules.spend({"POST"}, EVERY) for _ in range(3)] == ["html", "hang", None]


def test_a_rule_is_only_for_its_target(rules: FaultRules) -> None:
    rules.arm(armed("hang", target="GET"))

    assert rules.spend({"POST"}, EVERY) is None
    assert rules.spend({"POST", "GET"}, EVERY) == "hang"


def test_a_rule_of_another_kind_is_left_for_those_who_want_it(rules: FaultRules) -> None:
    rules.arm(armed("hang"))
    rules.arm(armed("told_twice"))

    assert rules.spend({"POST"}, {"told_twice"}) == "told_twice"
    assert rules.armed() == [armed("hang")]


def test_a_rule_that_is_armed_again_begins_anew_and_is_the_youngest(rules: FaultRules) -> None:
    rules.arm(armed("hang", 5))
    rules.arm(armed("html"))
    rules.arm(armed("hang", 2))

    assert rules.armed() == [armed("html"), armed("hang", 2)]


def test_a_rule_armed_for_no_request_is_disarmed(rules: FaultRules) -> None:
    rules.arm(armed("hang", 5))
    rules.arm(armed("hang", 0))

    assert rules.armed() == []


def test_what_is_armed_survives_a_restart(tmp_path: Path) -> None:
    first = LedgerFile(tmp_path / "kept.sqlite", KIT_SCHEMA)
    FaultRules(first).arm(armed("hang"))
    first.close()
    again = LedgerFile(tmp_path / "kept.sqlite", KIT_SCHEMA)

    assert FaultRules(again).armed() == [armed("hang")]
    again.close()


@pytest.mark.parametrize("wrong", [{"times": -1}, {"times": 1_000_001}, {"times": True}, {"method": "PUT"}, {"api": 1}])
def test_a_fault_that_nobody_can_play_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FaultAsked.model_validate({"rule": "hang", **wrong})
