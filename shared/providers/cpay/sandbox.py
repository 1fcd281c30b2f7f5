"""CPay in a sandbox."""

import base64

from shared.provider_kit.sandbox import SandboxProvider, SandboxSite


def cpay_sandbox(site: SandboxSite) -> SandboxProvider:
    api_key = f"cpk_test_{site.key('cpay', 'api key').hex()[:32]}"
    webhook_secret = f"whsec_{base64.b64encode(site.key('cpay', 'webhook secret')).decode()}"
    return SandboxProvider(
        simulator={
            "api_key": api_key,
            "webhook_secrets": webhook_secret,
            "callback_url": f"{site.callbacks_url}/cpay",
            "admin": "1",
            "delay_ms": str(site.delay_ms),
            "time_scale": str(site.time_scale),
        },
        tills=("832909",),
        config={"base_url": f"{site.simulator_url}/v1", "api_key": api_key, "webhook_secrets": [webhook_secret]},
    )
