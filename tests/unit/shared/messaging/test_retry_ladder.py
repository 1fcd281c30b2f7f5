"""How long a message waits before its next try."""

import pytest

from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS, RetryLadder

LADDER = RetryLadder((100, 200, 400))


@pytest.mark.parametrize(("tries_made", "delay_ms"), [(1, 100), (2, 200), (3, 400), (4, None), (99, None)])
def test_every_try_waits_longer_until_the_ladder_is_spent(tries_made: int, delay_ms: int | None) -> None:
    assert LADDER.delay_ms(tries_made) == delay_ms


@pytest.mark.parametrize(
    ("wanted", "planned", "level"),
    [(0, 100, 100), (100, 100, 100), (101, 100, 200), (0, 200, 200), (300, 100, 400), (401, 100, 400), (1, 400, 400)],
)
def test_a_wish_takes_the_shortest_level_that_is_long_enough(wanted: int, planned: int, level: int) -> None:
    assert LADDER.at_least(wanted, planned) == level


def test_the_usual_ladder_lasts_seven_hours_and_twenty_one_minutes() -> None:
    assert sum(DEFAULT_DELAYS_MS) == (7 * 60 + 21) * 60_000
