"""What the registry finds in this folder."""

from shared.provider_kit.registry import discover_providers
from shared.providers.mpesa import PLUGIN
from shared.providers.mpesa.adapter import Mpesa
from shared.providers.mpesa.config import FORBIDDEN_WORDS
from shared.providers.mpesa.tests.scripted import Script


def test_the_registry_finds_it_and_its_alias_may_stand_in_a_callback_address() -> None:
    assert discover_providers()["mpesa"] is PLUGIN
    assert PLUGIN.webhook_alias == "mm"
    assert not [word for word in FORBIDDEN_WORDS if word in PLUGIN.webhook_alias]


def test_it_builds_the_adapter_from_a_configuration() -> None:
    script = Script()

    assert isinstance(PLUGIN.build(script.config, script.tools), Mpesa)
