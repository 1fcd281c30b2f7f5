"""Seed data for a sandbox: complete, and harmless to repeat."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from deploy.prepare.seed import ROLES, sandbox_values, seed, seed_provider
from deploy.prepare.settings import SeedSettings
from services.api.auth import ROLES as KNOWN_ROLES
from shared.application.provider_access import open_provider_config
from shared.domain.errors import Misconfigured
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.registry import discover_providers
from shared.runtime.crypto import CredentialCipher
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.hasher import CheapHasher

SOMEBODY = "01980000-0000-7000-8000-000000000009"
KEYS = Fernet.generate_key().decode()
SETTINGS = SeedSettings(
    seed_api_key_id="key_1",
    seed_api_key_secret=SecretStr("gws_canary"),
    seed_admin_email="Admin@gateway.example",
    seed_admin_password=SecretStr("canary-admin"),
    sandbox_secret=SecretStr("canary-sandbox"),
    simulator_url="http://127.0.0.1:8090",
    callbacks_url="http://127.0.0.1:8082/api/v1/webhooks",
    credential_encryption_keys=SecretStr(KEYS),
)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.prepare.seed.PasswordHasher", CheapHasher)


def _seeded(times: int = 1, settings: SeedSettings = SETTINGS) -> Books:
    books = Books()
    for _ in range(times):
        _seed(books, settings)
    return books


def _seed(books: Books, settings: SeedSettings = SETTINGS, told: Mapping[str, object] | None = None) -> None:
    cpay, cipher = discover_providers()["cpay"], CredentialCipher((KEYS,))

    def both(work: UnitOfWork) -> None:
        seed(work, settings, NOON)
        seed_provider(work, cpay, sandbox_values(work, cpay, settings, told or {}), cipher, NOON)

    books.do(both)


def test_there_is_a_user_for_every_role() -> None:
    rows = _seeded().database.committed.users.values()

    assert {row.account.role for row in rows} == set(ROLES) == set(KNOWN_ROLES)
    assert {row.email for row in rows} >= {"admin@gateway.example", "viewer@gateway.example"}
    assert {row.account.merchant_id for row in rows} == set(_seeded().database.committed.merchants)


def test_the_api_key_is_the_developers() -> None:
    books = _seeded()

    with books.unit_of_work() as work:
        account = work.accounts.find_by_api_key("key_1")

    assert account is not None
    assert (account.role, account.secret_hash) == ("developer", "cheap:gws_canary")


def test_the_provider_can_be_opened_and_its_secrets_are_stored_encrypted() -> None:
    books = _seeded()

    with books.unit_of_work() as work:
        config = open_provider_config(work, discover_providers()["cpay"], CredentialCipher((KEYS,)))

    assert len(config.webhook_secrets) == 1
    assert "cpk_test_" not in repr(books.database.committed.provider_configs)


def test_seeding_twice_adds_nothing() -> None:
    assert _seeded(3).database.committed.count() == _seeded(1).database.committed.count()


def test_seeding_again_leaves_the_tills_to_those_who_were_given_them() -> None:
    books = _seeded()

    def give(work: UnitOfWork) -> None:
        config = work.provider_configs.find("cpay")
        assert config is not None
        assert "832909" in str(config.config["tills"])
        theirs = {**config.config, "tills": {"555": SOMEBODY}}
        work.provider_configs.save(replace(config, config=theirs), NOON)

    books.do(give)
    _seed(books)

    (config,) = books.database.committed.provider_configs.values()
    assert config.config["tills"] == {"555": SOMEBODY}


def test_seeding_again_brings_a_changed_password_up_to_date() -> None:
    books = _seeded()
    changed = SETTINGS.model_copy(update={"seed_admin_password": SecretStr("new")})

    _seed(books, changed)

    assert {row.account.secret_hash for row in books.database.committed.users.values()} == {"cheap:new"}


def _configuration_changes(books: Books) -> list[object]:
    trail = books.database.committed.audit_log.values()
    return [entry.event_data["changed_fields"] for entry in trail if entry.event_type == "configuration.changed"]


def test_the_first_configuration_is_audited_without_what_it_says() -> None:
    books = _seeded()

    (entry,) = books.database.committed.audit_log.values()
    assert (entry.event_type, entry.user_id, entry.event_data["provider"]) == (
        "configuration.changed",
        "prepare",
        "cpay",
    )
    assert _configuration_changes(books) == [["api_key", "base_url", "is_active", "tills", "webhook_secrets"]]
    assert "canary" not in str(entry)
    assert "whsec_" not in str(entry)


def test_a_configuration_that_stays_is_not_audited_again() -> None:
    assert len(_configuration_changes(_seeded(3))) == 1


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({"api_key": "cpk_test_ffffffffffffffffffffffffffffffff"}, ["api_key"]),
        ({"base_url": "http://127.0.0.2/v1"}, ["base_url"]),
    ],
)
def test_a_change_is_audited_by_the_names_of_its_fields(changed: dict[str, object], fields: list[str]) -> None:
    books = _seeded()

    _seed(books, told=changed)

    assert _configuration_changes(books)[1:] == [fields]


def test_a_configuration_that_will_not_do_is_refused_without_saying_what_it_says() -> None:
    with pytest.raises(Misconfigured) as refused:
        _seed(Books(), told={"api_key": "canary"})

    assert "api_key" in str(refused.value)
    assert "canary" not in str(refused.value)
