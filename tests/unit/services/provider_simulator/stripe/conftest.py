"""The simulator behind a real server, for Stripe's own SDK."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.unit.services.provider_simulator.stripe.served import Served


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    one = Served(tmp_path)
    yield one
    one.stop()
