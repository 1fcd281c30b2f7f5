"""So many a second and no more."""

from shared.runtime.allowance import Allowance


class Watch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_a_burst_is_allowed_and_then_as_many_as_time_brings() -> None:
    watch = Watch()
    allowance = Allowance(per_second=2, burst=3, monotonic=watch)

    assert [allowance.take() for _ in range(5)] == [True, True, True, False, False]
    watch.seconds += 0.5
    assert [allowance.take() for _ in range(2)] == [True, False]


def test_what_was_not_taken_is_kept_up_to_the_burst() -> None:
    watch = Watch()
    allowance = Allowance(per_second=10, burst=3, monotonic=watch)

    watch.seconds += 3600

    assert [allowance.take() for _ in range(4)] == [True, True, True, False]


def test_asking_takes_nothing() -> None:
    watch = Watch()
    allowance = Allowance(per_second=1, burst=2, monotonic=watch)

    assert [allowance.is_spent() for _ in range(5)] == [False] * 5
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    assert allowance.is_spent()
    watch.seconds += 1
    assert not allowance.is_spent()
