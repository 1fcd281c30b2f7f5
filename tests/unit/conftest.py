"""What all unit tests share."""

import pytest
import structlog
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")


@pytest.fixture(scope="session", autouse=True)
def short_log_lines() -> None:
    """One plain line an event: the default draws every traceback as a picture, which takes longer than the test."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ]
    )
