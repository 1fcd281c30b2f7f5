"""The time."""

from datetime import timedelta

from shared.runtime.clock import SystemClock


def test_the_systems_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
