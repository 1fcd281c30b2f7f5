"""When a webhook is sent again: the ladder, and on for more than three days, with jitter, to the longest there is."""

from datetime import timedelta

import pytest

from shared.messaging.delivery_schedule import DeliverySchedule, jittered

SCHEDULE = DeliverySchedule()
HOUR = 3_600_000


def test_it_goes_on_from_the_ladder_for_more_than_three_days_however_the_dice_fall() -> None:
    assert SCHEDULE.steps_ms == (
        60_000,
        300_000,
        900_000,
        HOUR,
        6 * HOUR,
        *(12 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR),
    )
    assert sum(jittered(step)[0] for step in SCHEDULE.steps_ms) >= 72 * HOUR


def test_one_setting_scales_all_of_it() -> None:
    scaled = DeliverySchedule((60, 300, 900, 3_600, 21_600))

    assert [step * 1000 for step in scaled.steps_ms] == list(SCHEDULE.steps_ms)


def test_each_step_has_three_delays_within_twenty_percent() -> None:
    for step in SCHEDULE.steps_ms:
        assert [delay / step for delay in jittered(step)] == pytest.approx([0.85, 1, 1.15])
        assert set(jittered(step)) <= set(SCHEDULE.delays_ms)


@pytest.mark.parametrize("tries", range(1, 10))
def test_a_try_waits_for_one_of_the_delays_of_its_step(tries: int) -> None:
    offered: list[int] = []

    def choose(delays: object) -> int:
        assert isinstance(delays, tuple)
        offered.extend(delays)
        return offered[0]

    assert SCHEDULE.delay_ms(tries, choose) == offered[0]
    assert tuple(offered) == jittered(SCHEDULE.steps_ms[tries - 1])


def test_after_the_last_step_nothing_is_planned() -> None:
    assert SCHEDULE.delay_ms(len(SCHEDULE.steps_ms) + 1, max) is None


@pytest.mark.parametrize(
    ("wanted", "planned", "delay"), [(0, 60_000, 60_000), (61_000, 60_000, 69_000), (10**12, 1, 99_360_000)]
)
def test_a_wish_is_met_by_the_shortest_delay_that_is_long_enough_or_the_longest(
    wanted: int, planned: int, delay: int
) -> None:
    assert SCHEDULE.at_least(wanted, planned) == delay


@pytest.mark.parametrize("failures", range(1, 20))
def test_an_endpoint_never_rests_for_longer_than_its_next_delivery_waits(failures: int) -> None:
    # It is in trouble with the third failure; a delivery alone is then at its third step.
    next_step = SCHEDULE.steps_ms[min(failures + 2, len(SCHEDULE.steps_ms)) - 1]

    assert SCHEDULE.rest(failures) <= timedelta(milliseconds=jittered(next_step)[0])
    assert SCHEDULE.rest(failures) <= timedelta(hours=1)
