"""A provider that can be asked whether it takes our credentials tells a refusal from a silence."""

import httpx2
import pytest

from shared.provider_kit.provider import ChecksCredentials, CredentialCheck
from tests.contract.providers.stage import Stage, secrets_in


def _check(stage: Stage) -> CredentialCheck:
    if not isinstance(stage.adapter, ChecksCredentials):
        pytest.skip(f"{stage.plugin.name} cannot be asked about credentials")
    return stage.adapter.check_credentials()


def test_good_credentials_are_accepted(stage: Stage) -> None:
    assert _check(stage).accepted is True


def test_wrong_credentials_are_refused(stage: Stage) -> None:
    assert _check(stage.misconfigured()).accepted is False


def test_a_provider_that_cannot_be_reached_has_said_nothing_about_them(stage: Stage) -> None:
    assert _check(stage.unreachable()).accepted is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_provider_in_trouble_has_said_nothing_about_them(stage: Stage, status: int) -> None:
    assert _check(stage.answered_by(lambda _request: httpx2.Response(status))).accepted is None


def test_what_is_told_about_them_has_no_secret_in_it(stage: Stage) -> None:
    told = repr([_check(each) for each in (stage, stage.misconfigured(), stage.unreachable())])

    known = {*secrets_in(stage), *secrets_in(stage, stage.contract.wrong_config)}
    assert [secret for secret in known if secret in told] == []
