"""What one row of the proof says: the same columns for every crash point, fault and battery."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``double``, ``lost`` and ``stuck`` count payments and movements; all three must be 0.

    ``repetitions`` is how often the fault was injected (crashes, kills, rounds); ``parked`` is what waits for an
    operator by design, ``webhooks`` what merchants' endpoints have taken. ``problems`` names every broken invariant in
    a sentence; times are seconds.
    """

    name: str
    seed: int
    repetitions: int
    accepted: int
    captured: int
    double: int = 0
    lost: int = 0
    stuck: int = 0
    parked: int = 0
    webhooks: int = 0
    longest_inconsistent_seconds: float = 0.0
    p50_seconds: float = 0.0
    p95_seconds: float = 0.0
    p99_seconds: float = 0.0
    server_errors: int = 0
    note: str = ""
    problems: tuple[str, ...] = field(default=())

    @property
    def passed(self) -> bool:
        return not (self.double or self.lost or self.stuck or self.problems)


def percentile(sorted_values: list[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of them lie; 0 of nothing."""
    return sorted_values[min(int(len(sorted_values) * share), len(sorted_values) - 1)] if sorted_values else 0.0


def latencies(seconds: Iterable[float]) -> tuple[float, float, float]:
    """p50, p95 and p99."""
    ordered = sorted(seconds)
    return percentile(ordered, 0.5), percentile(ordered, 0.95), percentile(ordered, 0.99)
