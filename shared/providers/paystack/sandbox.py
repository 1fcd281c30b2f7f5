"""Paystack in a sandbox."""

from shared.provider_kit.sandbox import SandboxProvider, SandboxSite


def paystack_sandbox(site: SandboxSite) -> SandboxProvider:
    api_key = f"sk_test_{site.key('paystack', 'api key').hex()[:40]}"
    return SandboxProvider(
        simulator={
            "api_key": api_key,
            "callback_url": f"{site.callbacks_url}/paystack",
            "checkout_url": f"{site.simulator_url}/paystack/checkout",
            "admin": "1",
            "delay_ms": str(site.delay_ms),
            "time_scale": str(site.time_scale),
        },
        config={"base_url": f"{site.simulator_url}/paystack", "api_key": api_key},
    )
