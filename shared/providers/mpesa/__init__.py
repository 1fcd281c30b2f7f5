"""M-Pesa (Safaricom Daraja): prompts on phones, reversals, payments out, and what customers pay by themselves."""

from pathlib import Path

from shared.provider_kit.plugin import ProviderPlugin
from shared.providers.mpesa.adapter import build_mpesa
from shared.providers.mpesa.config import CAPABILITIES, MpesaConfig
from shared.providers.mpesa.simulator import build_mpesa_simulator

PLUGIN = ProviderPlugin(
    name="mpesa",
    title="M-Pesa",
    config_model=MpesaConfig,
    capabilities=CAPABILITIES,
    build=build_mpesa,
    build_simulator=build_mpesa_simulator,
    folder=Path(__file__).parent,
    # Safaricom refuses callback addresses with its product's name in them.
    webhook_alias="mm",
)
