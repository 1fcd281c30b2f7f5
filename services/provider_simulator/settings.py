"""What the process is told by its environment; the only place here that reads it."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from shared.runtime.settings import ProcessSettings


class SimulatorSettings(ProcessSettings):
    """Refuses production: what it plays is not money."""

    simulator_host: str = "127.0.0.1"
    simulator_port: int

    @model_validator(mode="after")
    def is_not_production(self) -> Self:
        if self.is_production:
            raise ValueError("ENVIRONMENT: the simulator does not run in production; set ENVIRONMENT=sandbox")
        return self


def settings_of_provider(name: str) -> Mapping[str, str]:
    """A provider's own settings: every ``<NAME>_*`` variable, such as ``CPAY_API_KEY`` as ``api_key``."""
    prefix = f"{name.upper()}_"
    return {
        variable.removeprefix(prefix).lower(): value
        for variable, value in os.environ.items()
        if variable.startswith(prefix)
    }
