"""What CPay may be configured with."""

import pytest
from pydantic import ValidationError

from shared.providers.cpay.config import CPayConfig, webhook_key

GOOD = {
    "base_url": "https://api.cpay.example/v1/",
    "api_key": "cpk_test_000102030405060708090a0b0c0d0e0f",
    "webhook_secrets": ["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="],
}


def test_a_good_configuration_is_taken_and_its_address_has_no_slash_at_the_end() -> None:
    assert CPayConfig.model_validate(GOOD).base_url == "https://api.cpay.example/v1"


@pytest.mark.parametrize(
    "change",
    [
        {"base_url": "api.cpay.example"},
        {"base_url": "ftp://api.cpay.example"},
        {"api_key": ""},
        {"api_key": "cpk_test_short"},
        {"api_key": "sk_test_000102030405060708090a0b0c0d0e0f"},
        {"webhook_secrets": ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]},
        {"webhook_secrets": ["whsec_"]},
        {"webhook_secrets": ["whsec_AAEC"]},
        {"webhook_secrets": ["whsec_not base64 at all, not at all"]},
        {"webhook_secrets": ["whsec_" + "AAAA" * 22]},
        {"unknown": "field"},
    ],
    ids=repr,
)
def test_a_wrong_configuration_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CPayConfig.model_validate({**GOOD, **change})


def test_a_refused_webhook_secret_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="24 to 64") as caught:
        webhook_key("whsec_c2VjcmV0")

    assert "c2VjcmV0" not in str(caught.value)
