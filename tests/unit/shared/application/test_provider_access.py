"""Opening a provider's stored configuration."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

import pytest
from cryptography.fernet import Fernet

from shared.application.provider_access import open_provider_config
from shared.domain.errors import Misconfigured
from shared.persistence.provider_configs import StoredProviderConfig
from shared.provider_kit.plugin import ProviderConfig
from shared.provider_kit.registry import discover_providers
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from tests.fakes.books import Books
from tests.fakes.clock import NOON

CIPHER = CredentialCipher((Fernet.generate_key().decode(),))
FOREIGN = CredentialCipher((Fernet.generate_key().decode(),))
PLUGIN = discover_providers()["cpay"]
API_KEY = "cpk_test_0123456789abcdef0123456789abcdef"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def _opened(changes: Mapping[str, object] = MappingProxyType({}), cipher: CredentialCipher = CIPHER) -> ProviderConfig:
    facts: dict[str, object] = {
        "id": UUID(int=1),
        "provider_name": "cpay",
        "is_active": True,
        "api_key": CIPHER.encrypt(API_KEY),
        "api_secret": None,
        "webhook_secret": CIPHER.encrypt(SECRET),
        "config": {"base_url": "http://127.0.0.1/v1"},
    }
    books = Books()
    with books.unit_of_work() as work:
        work.provider_configs.save(StoredProviderConfig(**(facts | dict(changes))), NOON)  # type: ignore[arg-type] # by name
        return open_provider_config(work, PLUGIN, cipher)


def test_secrets_are_decrypted_and_the_providers_own_schema_is_applied() -> None:
    config = _opened()

    assert isinstance(config, PLUGIN.config_model)
    assert config.api_key.get_secret_value() == API_KEY
    assert [each.get_secret_value() for each in config.webhook_secrets] == [SECRET]


def test_several_webhook_secrets_are_valid_at_once() -> None:
    config = _opened({"webhook_secret": CIPHER.encrypt(f"{SECRET} {SECRET[:-1]}A")})

    assert len(config.webhook_secrets) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"is_active": False},
        {"provider_name": "other"},
        {"api_key": None},
        {"api_key": CIPHER.encrypt("canary")},
        {"webhook_secret": CIPHER.encrypt("canary")},
        {"config": {}},
        {"config": {"base_url": "ftp://canary"}},
        {"config": {"base_url": "http://127.0.0.1/v1", "canary": 1}},
        {"api_secret": CIPHER.encrypt("canary")},
    ],
    ids=["off", "missing", "no key", "bad key", "bad secret", "no url", "bad url", "unknown field", "unknown secret"],
)
def test_a_configuration_that_will_not_do_is_said_without_its_values(changes: dict[str, object]) -> None:
    with pytest.raises(Misconfigured) as refused:
        _opened(changes)

    said = str(refused.value).replace("not acceptable: canary", "")
    assert said.startswith("cpay")
    assert "canary" not in said


def test_a_credential_of_a_lost_key_is_unreadable() -> None:
    with pytest.raises(CredentialUnreadable):
        _opened(cipher=FOREIGN)
