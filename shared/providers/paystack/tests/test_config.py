"""What Paystack may be configured with, and what a sandbox tells it."""

import pytest
from pydantic import ValidationError

from shared.provider_kit.sandbox import SandboxSite
from shared.providers.paystack import PLUGIN
from shared.providers.paystack.config import PaystackConfig
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings

GOOD = {"base_url": "https://api.paystack.co/", "api_key": "sk_live_abc123"}
SITE = SandboxSite(secret="a secret", simulator_url="http://simulator:8090", callbacks_url="http://ingest/webhooks")  # noqa: S106


def test_the_address_is_theirs_unless_told_otherwise() -> None:
    assert PaystackConfig.model_validate({"api_key": "sk_live_abc123"}).base_url == "https://api.paystack.co"
    assert PaystackConfig.model_validate(GOOD).base_url == "https://api.paystack.co"


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "api.paystack.co"},
        {"api_key": ""},
        {"api_key": "pk_live_abc123"},
        {"api_key": "sk_live_"},
        {"api_key": "sk_live_abc 123"},
        {"webhook_secrets": ["whsec_abc"]},
        {"callback_senders": ["somewhere"]},
        {"another": "field"},
    ],
    ids=repr,
)
def test_a_configuration_that_cannot_be_right_is_refused_without_repeating_the_key(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        PaystackConfig.model_validate({**GOOD, **change})

    assert "abc123" not in str([problem["msg"] for problem in refused.value.errors()])


def test_a_key_is_not_shown() -> None:
    assert "abc123" not in repr(PaystackConfig.model_validate({**GOOD, "webhook_secrets": ["sk_live_abc123old"]}))


def test_a_simulator_takes_no_live_key() -> None:
    with pytest.raises(ValidationError):
        PaystackSimulatorSettings.model_validate({"api_key": "sk_live_abc123"})


def test_a_sandbox_tells_both_sides_the_same() -> None:
    told = PLUGIN.sandbox(SITE)

    settings = PaystackSimulatorSettings.model_validate(dict(told.simulator))
    config = PaystackConfig.model_validate(dict(told.config))

    assert config.api_key.get_secret_value() == settings.api_key
    assert config.base_url == "http://simulator:8090/paystack"
    assert settings.checkout_url == "http://simulator:8090/paystack/checkout"
    assert settings.callback_url == "http://ingest/webhooks/paystack"
    assert settings.auto_pay


def test_two_sandboxes_have_two_keys() -> None:
    other = SandboxSite(secret="another", simulator_url="http://a", callbacks_url="http://b")  # noqa: S106

    assert PLUGIN.sandbox(SITE).config["api_key"] != PLUGIN.sandbox(other).config["api_key"]
