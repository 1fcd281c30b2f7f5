"""M-Pesa in a sandbox."""

from pathlib import Path

from shared.provider_kit.sandbox import SandboxProvider, SandboxSite

FIXTURES = Path(__file__).parent / "fixtures"

# What Safaricom's own sandbox has.
SHORTCODE = "174379"
INITIATOR = "testapi"

# Safaricom takes no address of a private network: the simulator is given a public one, and told where it really leads.
PUBLIC_ADDRESS = "https://gateway.example.com/api/v1/webhooks/mm"
PRIVATE_NETWORKS = ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128"]


def mpesa_sandbox(site: SandboxSite) -> SandboxProvider:
    """The key of the certificate is public, and so is worth nothing outside of a sandbox."""
    certificate = (FIXTURES / "sandbox_only_certificate.pem").read_text(encoding="ascii")
    consumer = {"consumer_key": _derived(site, "consumer key"), "consumer_secret": _derived(site, "consumer secret")}
    shared = {
        "shortcode": SHORTCODE,
        "passkey": _derived(site, "passkey"),
        "initiator_name": INITIATOR,
        "initiator_password": _derived(site, "initiator password"),
        "certificate_pem": certificate,
    }
    return SandboxProvider(
        simulator={
            **shared,
            **consumer,
            "private_key_pem": (FIXTURES / "sandbox_only_key.pem").read_text(encoding="ascii"),
            "callback_url": f"{site.callbacks_url}/mm",
            "admin": "1",
            "delay_ms": str(site.delay_ms),
            "time_scale": str(site.time_scale),
        },
        tills=(SHORTCODE,),
        config={
            **shared,
            "base_url": site.simulator_url,
            "api_key": consumer["consumer_key"],
            "api_secret": consumer["consumer_secret"],
            "webhook_secrets": [site.key("mpesa", "callback paths").hex()],
            "callback_base_url": PUBLIC_ADDRESS,
            "callback_addresses": PRIVATE_NETWORKS,
            "pull_transactions": True,
        },
    )


def _derived(site: SandboxSite, name: str) -> str:
    return site.key("mpesa", name).hex()[:40]
