"""What every provider's configuration has."""

import pytest
from pydantic import SecretStr, ValidationError

from shared.provider_kit.plugin import ProviderConfig

KEY = SecretStr("k")


class WithMore(ProviderConfig):
    passphrase: SecretStr | None = None
    nickname: str = ""


@pytest.mark.parametrize("base_url", ["https://api.test/v1", "https://api.test/v1/", "https://api.test/v1//"])
def test_an_address_is_kept_without_a_slash_at_its_end(base_url: str) -> None:
    assert ProviderConfig(base_url=base_url, api_key=KEY).base_url == "https://api.test/v1"


@pytest.mark.parametrize("base_url", ["", "api.test", "ftp://api.test", "//api.test"])
def test_what_is_no_http_address_is_refused_with_what_would_be_right(base_url: str) -> None:
    with pytest.raises(ValidationError, match="must start with https:// "):
        ProviderConfig(base_url=base_url, api_key=KEY)


def test_the_secret_fields_of_a_configuration_are_told_by_their_types() -> None:
    assert WithMore.secret_fields() == {"api_key", "webhook_secrets", "passphrase"}
