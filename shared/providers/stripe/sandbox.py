"""Stripe in a sandbox."""

from shared.provider_kit.sandbox import SandboxProvider, SandboxSite


def stripe_sandbox(site: SandboxSite) -> SandboxProvider:
    api_key = f"sk_test_{site.key('stripe', 'api key').hex()}"
    webhook_secret = f"whsec_{site.key('stripe', 'webhook secret').hex()}"
    return SandboxProvider(
        simulator={
            "api_key": api_key,
            "webhook_secrets": webhook_secret,
            "callback_url": f"{site.callbacks_url}/stripe",
            "admin": "1",
            "delay_ms": str(site.delay_ms),
            "time_scale": str(site.time_scale),
        },
        config={
            "base_url": f"{site.simulator_url}/stripe",
            "api_key": api_key,
            "publishable_key": f"pk_test_{site.key('stripe', 'publishable key').hex()}",
            "webhook_secrets": [webhook_secret],
        },
    )
