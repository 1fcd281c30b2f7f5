"""CPay: asynchronous mobile and card payments, with callbacks signed by Standard Webhooks."""

from pathlib import Path

from shared.provider_kit.plugin import ProviderPlugin
from shared.providers.cpay.adapter import build_cpay
from shared.providers.cpay.config import CAPABILITIES, CPayConfig
from shared.providers.cpay.sandbox import cpay_sandbox
from shared.providers.cpay.simulator import build_cpay_simulator
from shared.providers.cpay.simulator.control import CONTROL

PLUGIN = ProviderPlugin(
    name="cpay",
    title="CPay",
    config_model=CPayConfig,
    capabilities=CAPABILITIES,
    build=build_cpay,
    build_simulator=build_cpay_simulator,
    sandbox=cpay_sandbox,
    folder=Path(__file__).parent,
    control=CONTROL,
)
