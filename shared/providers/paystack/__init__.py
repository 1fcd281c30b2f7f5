"""Paystack: checkout pages, M-PESA on the customer's phone, and refunds; callbacks signed with the API key itself."""

from pathlib import Path

from shared.provider_kit.plugin import ProviderPlugin
from shared.providers.paystack.adapter import build_paystack
from shared.providers.paystack.config import CAPABILITIES, PaystackConfig
from shared.providers.paystack.sandbox import paystack_sandbox
from shared.providers.paystack.simulator import build_paystack_simulator
from shared.providers.paystack.simulator.control import CONTROL

PLUGIN = ProviderPlugin(
    name="paystack",
    title="Paystack",
    config_model=PaystackConfig,
    capabilities=CAPABILITIES,
    build=build_paystack,
    build_simulator=build_paystack_simulator,
    sandbox=paystack_sandbox,
    folder=Path(__file__).parent,
    environment={"PAYSTACK_SECRET_KEY": "api_key"},
    control=CONTROL,
)
