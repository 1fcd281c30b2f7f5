"""The simulators that the tests of this folder play with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from shared.providers.stripe.simulator_tests.played import Played
from shared.providers.stripe.simulator_tests.served import Served


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    one = Played(tmp_path)
    yield one
    one.simulator.close()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    one = Served(tmp_path, hang_seconds="2")
    yield one
    one.stop()
