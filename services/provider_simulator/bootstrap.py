"""Puts the process together: every discovered provider's simulator, one server, the health port."""

import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from services.provider_simulator.callbacks import HttpCallbackPost, callback_client
from services.provider_simulator.server import SimulatorServer
from services.provider_simulator.settings import SimulatorSettings, settings_of_provider
from shared.provider_kit.plugin import ProviderPlugin
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.simulator import CallbackPost, Simulator, SimulatorEnvironment
from shared.runtime.clock import SystemClock
from shared.runtime.health import HealthServer
from shared.runtime.lifecycle import stop_event
from shared.runtime.logs import configure_logging


def run(settings: SimulatorSettings) -> None:
    """Serve until SIGTERM, then finish what is at work."""
    configure_logging("provider_simulator", settings.log_level)
    stopping = stop_event()
    with callback_client() as client:
        simulators = [
            build_simulator(plugin, _settings(plugin, settings), settings.state_dir, HttpCallbackPost(client))
            for plugin in discover_providers().values()
        ]
        server = SimulatorServer(settings.simulator_host, settings.simulator_port, simulators)
        health = HealthServer(settings.health_host, settings.health_port, {"server": server.check})
        server.start()
        health.start()
        stopping.wait()
        health.drain()
        server.stop()
        health.stop()


def _settings(plugin: ProviderPlugin, settings: SimulatorSettings) -> Mapping[str, str]:
    return {**plugin.sandbox(settings.site).simulator, **settings_of_provider(plugin.name)}


def build_simulator(
    plugin: ProviderPlugin, settings: Mapping[str, str], state_dir: Path, post: CallbackPost
) -> Simulator:
    """The provider's simulator in its own folder, or the end of the process with one line per wrong setting."""
    environment = SimulatorEnvironment(
        folder=state_dir / "simulators" / plugin.name, settings=settings, clock=SystemClock(), post=post
    )
    try:
        return plugin.build_simulator(environment)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            name = "_".join([plugin.name, *map(str, problem["loc"])]).upper()
            sys.stderr.write(f"{name}: {problem['msg']}\n")
        raise SystemExit(78) from None  # EX_CONFIG
