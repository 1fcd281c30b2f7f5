"""``python -m services.provider_simulator``"""

from services.provider_simulator.bootstrap import run
from services.provider_simulator.settings import SimulatorSettings
from shared.runtime.settings import load_settings

if __name__ == "__main__":
    run(load_settings(SimulatorSettings))
