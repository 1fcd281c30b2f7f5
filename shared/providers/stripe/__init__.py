"""Stripe: cards, taken at once or by captures of what was authorized, over Stripe's own SDK."""

from pathlib import Path

from shared.provider_kit.plugin import ProviderPlugin
from shared.providers.stripe.adapter import build_stripe
from shared.providers.stripe.config import CAPABILITIES, StripeConfig
from shared.providers.stripe.sandbox import stripe_sandbox
from shared.providers.stripe.simulator import build_stripe_simulator
from shared.providers.stripe.simulator.control import CONTROL

PLUGIN = ProviderPlugin(
    name="stripe",
    title="Stripe",
    config_model=StripeConfig,
    capabilities=CAPABILITIES,
    build=build_stripe,
    build_simulator=build_stripe_simulator,
    sandbox=stripe_sandbox,
    folder=Path(__file__).parent,
    control=CONTROL,
    environment={
        "STRIPE_SECRET_KEY": "api_key",
        "STRIPE_WEBHOOK_SECRET": "webhook_secrets",
    },
)
