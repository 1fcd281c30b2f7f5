"""What a provider says of itself, before anything is asked of it."""

from shared.provider_kit.sandbox import SandboxSite
from tests.contract.providers.stage import Stage

SITE = SandboxSite(
    secret="a sandbox's secret",
    simulator_url="http://127.0.0.1:8090",
    callbacks_url="http://127.0.0.1:8082/api/v1/webhooks",
)


def test_its_customary_variables_name_fields_of_its_configuration(stage: Stage) -> None:
    plugin = stage.plugin

    assert set(plugin.environment.values()) <= set(plugin.config_model.model_fields)
    assert all(name.isupper() and name.startswith(f"{plugin.name.upper()}_") for name in plugin.environment)


def test_its_sandbox_is_a_configuration_that_it_takes_and_the_same_each_time(stage: Stage) -> None:
    played = stage.plugin.sandbox(SITE)

    stage.plugin.config_model.model_validate(played.config)
    assert played == stage.plugin.sandbox(SITE)
