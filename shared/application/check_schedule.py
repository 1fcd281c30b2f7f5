"""When an unfinished payment is asked about: soon at first, then ever less often."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT_CHECK_SECONDS = (5, 10, 20, 40, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, slots=True)
class CheckSchedule:
    """Seconds after each check; the last repeats until an answer comes, or the payment expires unknown: then somebody
    must look.
    """

    seconds: tuple[int, ...] = DEFAULT_CHECK_SECONDS

    def is_spent(self, checks_made: int) -> bool:
        """Whether every interval has been used."""
        return checks_made >= len(self.seconds)

    def after(self, checks_made: int, now: datetime) -> datetime:
        return now + timedelta(seconds=self.seconds[min(checks_made, len(self.seconds) - 1)])
