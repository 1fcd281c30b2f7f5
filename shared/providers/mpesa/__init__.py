"""M-Pesa by Safaricom's Daraja API: prompts on phones, payments at tills, money out, and no signature anywhere."""

from pathlib import Path

from shared.provider_kit.plugin import ProviderPlugin
from shared.providers.mpesa.adapter import build_mpesa
from shared.providers.mpesa.config import CAPABILITIES, MpesaConfig
from shared.providers.mpesa.sandbox import mpesa_sandbox
from shared.providers.mpesa.simulator import build_mpesa_simulator
from shared.providers.mpesa.simulator.control import CONTROL

PLUGIN = ProviderPlugin(
    name="mpesa",
    title="M-Pesa",
    config_model=MpesaConfig,
    capabilities=CAPABILITIES,
    build=build_mpesa,
    build_simulator=build_mpesa_simulator,
    sandbox=mpesa_sandbox,
    folder=Path(__file__).parent,
    control=CONTROL,
    webhook_alias="mm",
    environment={
        "MPESA_CONSUMER_KEY": "api_key",
        "MPESA_CONSUMER_SECRET": "api_secret",
        "MPESA_CALLBACK_URL": "callback_base_url",
    },
)
