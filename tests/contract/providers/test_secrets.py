"""What a provider's adapter is told in confidence appears in no outcome, no log and no text of its own."""

import logging

import pytest

from tests.contract.providers.stage import Stage, build_adapter, secrets_in


def test_no_secret_is_in_any_outcome_or_log(
    stage: Stage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        cases = {"succeeds", "declined", "error_before", "html", "reset", "throttled"}
        for case in sorted(cases & set(stage.contract.payments)):
            request = stage.request(case)
            stage.pay(request)
            stage.look_up(request)
        wrong = build_adapter(
            stage.plugin, stage.contract, stage.url, stage.client, changes=stage.contract.wrong_config
        )
        stage.outcomes.append(wrong.initialize_payment(stage.request("succeeds")))

    printed = capfd.readouterr()
    seen = repr(stage.outcomes) + repr(stage.adapter) + caplog.text + printed.out + printed.err
    secrets = {*secrets_in(stage), *secrets_in(stage, stage.contract.wrong_config)}
    assert secrets
    assert [secret for secret in secrets if secret in seen] == []


def test_no_secret_is_in_the_text_of_a_configuration(stage: Stage) -> None:
    config = stage.plugin.config_model.model_validate({**stage.contract.config, "base_url": stage.url})

    shown = repr(config) + str(config)

    assert [secret for secret in secrets_in(stage) if secret in shown] == []
