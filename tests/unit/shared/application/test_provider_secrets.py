"""What is stored of a configuration: every secret encrypted, by its type in the provider's schema."""

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared.application.provider_secrets import (
    masked_fields,
    opened_fields,
    plain_fields,
    readable_fields,
    resealed,
    sealed,
    unreadable_fields,
)
from shared.provider_kit.plugin import ProviderConfig
from shared.runtime.crypto import CredentialCipher
from tests.fakes.makers import an_account

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
CIPHER = CredentialCipher((OLD,))


class Config(ProviderConfig):
    """With every kind of secret that a provider may have."""

    api_secret: SecretStr | None = None
    passkey: SecretStr | None = None
    recovery_codes: tuple[SecretStr, ...] = ()
    shortcode: str = "174379"
    attempts: int = 3


GIVEN = {
    "base_url": "https://p",
    "api_key": "canary-api-key",
    "api_secret": "canary-api-secret",
    "webhook_secrets": ["canary-hook-one", "canary-hook-two"],
    "passkey": "canary pass key",
    "recovery_codes": ["canary-1", "canary-2"],
    "shortcode": "600000",
}
CONFIG = Config.model_validate(GIVEN)
STORED = sealed(an_account(), CONFIG, CIPHER)


def test_whatever_is_secret_in_the_schema_is_a_secret_field() -> None:
    names = {"api_key", "api_secret", "webhook_secrets", "passkey", "recovery_codes"}

    assert Config.secret_fields() == names


def test_what_is_stored_opens_to_what_was_given_and_shows_none_of_it() -> None:
    assert opened_fields(STORED, CIPHER) == GIVEN
    assert plain_fields(CONFIG) == GIVEN
    assert "canary" not in repr(STORED)
    assert STORED.config["shortcode"] == "600000"
    assert "attempts" not in STORED.config


def test_a_mask_shows_the_end_of_long_secrets_only() -> None:
    masked = masked_fields(STORED, Config.secret_fields(), CIPHER)

    assert masked["api_key"] == "…-key"
    assert masked["webhook_secrets"] == ["…-one", "…-two"]
    assert masked["recovery_codes"] == ["set", "set"]
    assert masked["shortcode"] == "600000"


def test_what_is_stored_encrypted_is_masked_also_where_the_schema_does_not_know_it() -> None:
    assert "canary" not in repr(masked_fields(STORED, frozenset(), CIPHER))


def test_what_no_key_opens_is_told_apart_and_the_rest_still_reads() -> None:
    foreign = an_account(api_key=CredentialCipher((NEW,)).encrypt("x"), config=STORED.config)

    assert unreadable_fields(foreign, CIPHER) == {"api_key"}
    assert readable_fields(foreign, CIPHER)["passkey"] == "canary pass key"
    assert masked_fields(foreign, Config.secret_fields(), CIPHER)["api_key"] == "unreadable"


def test_resealing_brings_every_secret_under_the_first_key_and_leaves_what_is_there_already() -> None:
    both = CredentialCipher((NEW, OLD))

    moved = resealed(STORED, both)

    assert opened_fields(moved, CredentialCipher((NEW,))) == GIVEN
    assert resealed(moved, both) == moved


@pytest.mark.parametrize("till", ["encrypted", "1"])
def test_a_till_of_any_name_is_no_secret(till: str) -> None:
    tills = {till: "11111111-1111-4111-8111-111111111111"}

    assert opened_fields(an_account(config={"tills": tills}), CIPHER) == {"tills": tills}
