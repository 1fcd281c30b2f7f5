"""When a merchant's webhook that was not taken is sent again: the retry ladder, and on for more than three days."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS

# After the ladder, in multiples of its last delay: 12 h, and 24 h three times.
_BEYOND = (2, 4, 4, 4)

# Each delay has three queues, so that what failed together does not all come back together.
_JITTER_PERCENT = (85, 100, 115)

# Of an endpoint in trouble: it is asked at least this often whether it is back, in steps of the schedule (here 1 h).
_LONGEST_REST = 4

Choose = Callable[[Sequence[int]], int]


@dataclass(frozen=True, slots=True)
class DeliverySchedule:
    """1 min, 5 min, 15 min, 1 h, 6 h, 12 h and three times 24 h: 91 h, and 77 h where each is shortened by chance.

    Without the last of them it would be 67 h. It follows the ladder, so one setting scales both.
    """

    ladder_ms: tuple[int, ...] = DEFAULT_DELAYS_MS

    @property
    def steps_ms(self) -> tuple[int, ...]:
        return (*self.ladder_ms, *(self.ladder_ms[-1] * times for times in _BEYOND))

    @property
    def delays_ms(self) -> tuple[int, ...]:
        """Every delay that there is a queue for, rising."""
        return tuple(sorted({delay for step in self.steps_ms for delay in jittered(step)}))

    def delay_ms(self, tries_made: int, choose: Choose) -> int | None:
        """How long to wait after ``tries_made`` failed tries (1 or more); ``None`` when the schedule is spent."""
        return choose(jittered(self.steps_ms[tries_made - 1])) if tries_made <= len(self.steps_ms) else None

    def at_least(self, wanted_ms: int, planned_ms: int) -> int:
        """The shortest delay that is not shorter than either; the longest, where none is that long."""
        fitting = (delay for delay in self.delays_ms if delay >= max(wanted_ms, planned_ms))
        return next(fitting, self.delays_ms[-1])

    def rest(self, failures_in_trouble: int) -> timedelta:
        """How long an endpoint is left alone after so many failures (1 or more) since it is in trouble.

        Never longer than its next delivery waits: the schedule of one delivery alone is kept to the tick.
        """
        step = self.steps_ms[min(failures_in_trouble, _LONGEST_REST, len(self.steps_ms)) - 1]
        return timedelta(milliseconds=jittered(step)[0])


def jittered(step_ms: int) -> tuple[int, ...]:
    return tuple(step_ms * percent // 100 for percent in _JITTER_PERCENT)
