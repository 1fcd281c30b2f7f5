"""The judge of the program that kills notifiers: what it calls a fault."""

import pytest

from tests.load.notifier_resume import Faults, faults_of

LOG = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("seen", "faults"),
    [
        ("abcd", Faults()),
        ("abd", Faults(missing=1)),
        ("", Faults(missing=4)),
        ("abbcd", Faults(repeated=1)),
        ("abcdab", Faults(repeated=2)),
        ("acbd", Faults(disordered=2)),
        ("abcdx", Faults(foreign=1)),
        ("bbxa", Faults(missing=2, repeated=1, disordered=2, foreign=1)),
    ],
)
def test_each_event_is_seen_once_in_the_order_of_the_log(seen: str, faults: Faults) -> None:
    assert faults_of(list(seen), LOG, to_the_end=True) == faults


@pytest.mark.parametrize(
    ("seen", "faults"),
    [
        ("", Faults()),
        ("ab", Faults()),
        ("ac", Faults(missing=1)),
        ("b", Faults(missing=1)),
        ("ba", Faults(disordered=2)),
    ],
)
def test_who_went_away_early_has_seen_a_beginning_without_a_hole(seen: str, faults: Faults) -> None:
    assert faults_of(list(seen), LOG, to_the_end=False) == faults
