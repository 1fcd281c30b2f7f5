"""The simulators that the tests of this folder play with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.providers.stripe.tests.simulator.played import Played


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Played]:
    one = Played(tmp_path)
    yield one
    one.simulator.close()
