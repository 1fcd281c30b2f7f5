"""The life of a process that consumes."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.messaging.consuming import ConsumingProcess


@dataclass
class Noted:
    """Notes what is asked of the parts, in order."""

    calls: list[str] = field(default_factory=list)

    def part(self, name: str) -> Any:
        noted = self

        class Part:
            def __getattr__(self, method: str) -> Any:
                return lambda *given: noted.calls.append(" ".join([name, method, *map(str, given)]))

        return Part()


def _process(noted: Noted) -> ConsumingProcess:
    return ConsumingProcess(noted.part("consumers"), noted.part("publisher"), noted.part("health"), 25.0)


def test_what_is_in_hand_is_finished_and_what_follows_from_it_is_published() -> None:
    noted = Noted()

    _process(noted).run(lambda: noted.calls.append("working"))

    assert noted.calls == [
        "health start",
        "consumers start",
        "working",
        "health drain",
        "consumers stop 25.0",
        "publisher stop",
        "health stop",
    ]


def test_an_error_leaves_the_process_as_a_crash_would() -> None:
    noted = Noted()

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        _process(noted).run(fail)

    assert noted.calls == ["health start", "consumers start"]
