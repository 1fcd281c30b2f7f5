"""The backoff schedule: how long a message waits before its next try."""

from dataclasses import dataclass

DEFAULT_DELAYS_MS = (60_000, 300_000, 900_000, 3_600_000, 21_600_000)


@dataclass(frozen=True, slots=True)
class RetryLadder:
    """1 min, 5 min, 15 min, 1 h, 6 h unless scaled down for tests."""

    delays_ms: tuple[int, ...] = DEFAULT_DELAYS_MS

    def delay_ms(self, tries_made: int) -> int | None:
        """How long to wait after ``tries_made`` tries (1 or more); ``None`` when the ladder is spent."""
        return self.delays_ms[tries_made - 1] if tries_made <= len(self.delays_ms) else None

    def at_least(self, wanted_ms: int, planned_ms: int) -> int:
        """The shortest level that is not shorter than either; the longest, where none is that long."""
        fitting = (delay for delay in self.delays_ms if delay >= max(wanted_ms, planned_ms))
        return next(fitting, self.delays_ms[-1])
