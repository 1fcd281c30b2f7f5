"""What the process is told by its environment; the only place here that reads it."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.provider_kit.sandbox import SandboxSite
from shared.runtime.settings import ProcessSettings


class SimulatorSettings(ProcessSettings):
    """Refuses production: what it plays is not money.

    ``sandbox_secret``: what all made-up credentials are derived from. ``simulator_url``: this process as others reach
    it; ``callbacks_url``: where callbacks go, a provider's name follows.
    """

    simulator_host: str = "127.0.0.1"
    simulator_port: int
    simulator_delay_ms: int = Field(default=300, ge=0, le=600_000)
    simulator_time_scale: float = Field(default=10, gt=0, le=100_000)
    sandbox_secret: SecretStr
    simulator_url: str
    callbacks_url: str

    @model_validator(mode="after")
    def is_not_production(self) -> Self:
        if self.is_production:
            raise ValueError("ENVIRONMENT: the simulator does not run in production; set ENVIRONMENT=sandbox")
        return self

    @property
    def site(self) -> SandboxSite:
        return SandboxSite(
            secret=self.sandbox_secret.get_secret_value(),
            simulator_url=self.simulator_url,
            callbacks_url=self.callbacks_url,
            delay_ms=self.simulator_delay_ms,
            time_scale=self.simulator_time_scale,
        )


def settings_of_provider(name: str) -> Mapping[str, str]:
    """What is said of one simulator, over its sandbox: every ``<NAME>_*`` variable, ``CPAY_ADMIN`` as ``admin``."""
    prefix = f"{name.upper()}_"
    return {
        variable.removeprefix(prefix).lower(): value
        for variable, value in os.environ.items()
        if variable.startswith(prefix)
    }
