"""Operators rotate the keys of stored credentials, and look at accounts without seeing a secret."""

from dataclasses import replace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.payctl.bootstrap import Tools
from services.payctl.commands.keys import keys
from services.payctl.commands.provider import provider
from services.payctl.settings import PayctlSettings
from shared.application.provider_secrets import opened_fields
from shared.persistence.provider_configs import StoredProviderConfig
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from tests.fakes.books import Books
from tests.fakes.breakers import no_breakers
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, an_account
from tests.fakes.provider import ScriptedProvider

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
KEY = "cpk_test_0123456789abcdef0123456789abcdef"
OWN = an_account().id.__class__(int=1)


def _account(**facts: Any) -> StoredProviderConfig:
    old = CredentialCipher((OLD,))
    return replace(
        an_account(
            api_key=old.encrypt(KEY),
            webhook_secret=old.encrypt("whsec_first0001 whsec_second002"),
            config={"base_url": "https://cpay", "passkey": {"encrypted": old.encrypt("short")}},
        ),
        **facts,
    )


@pytest.fixture
def books() -> Books:
    books = Books()
    books.do(lambda work: work.provider_configs.save(_account(), NOON))
    books.do(lambda work: work.provider_configs.save(_account(id=OWN, merchant_id=MERCHANT), NOON))
    return books


def _run(books: Books, command: click.Group, *arguments: object, given: str | None = f"{NEW},{OLD}") -> Result:
    secret = None if given is None else SecretStr(given)
    tools = Tools(
        settings=PayctlSettings.model_construct(credential_encryption_keys=secret),
        unit_of_work=books.unit_of_work,
        clock=FakeClock(),
        declare_queues=lambda: None,
        open_provider=lambda _name, _merchant: ScriptedProvider(),
        open_breakers=no_breakers,
    )
    return CliRunner().invoke(command, [str(each) for each in arguments], obj=tools)


def _stored(books: Books) -> list[StoredProviderConfig]:
    return list(books.database.committed.provider_configs.values())


def test_every_secret_of_every_account_is_under_the_first_key_afterwards(books: Books) -> None:
    shown = _run(books, keys, "rotate", "--operator", "amina")

    assert (shown.exit_code, shown.output.splitlines()[0]) == (0, "2 of 2 accounts encrypted anew")
    for account in _stored(books):
        assert opened_fields(account, CredentialCipher((NEW,))) == opened_fields(_account(), CredentialCipher((OLD,)))
        with pytest.raises(CredentialUnreadable):
            opened_fields(account, CredentialCipher((OLD,)))


def test_rotating_again_changes_nothing(books: Books) -> None:
    _run(books, keys, "rotate", "--operator", "amina")
    before = _stored(books)

    assert "0 of 2 accounts encrypted anew" in _run(books, keys, "rotate", "--operator", "amina").output
    assert _stored(books) == before


def test_a_rotation_is_audited_with_who_did_it_and_no_secret(books: Books) -> None:
    _run(books, keys, "rotate", "--operator", "amina")

    trail = list(books.database.committed.audit_log.values())
    assert {(each.event_type, each.user_id) for each in trail} == {("configuration.key_rotated", "operator:amina")}
    assert {each.event_data["account"] for each in trail} == {"default", str(MERCHANT)}
    assert KEY not in repr(trail)


def test_an_account_that_no_key_opens_is_named_and_the_others_are_rotated(books: Books) -> None:
    lost = CredentialCipher((Fernet.generate_key().decode(),)).encrypt("x")
    books.do(lambda work: work.provider_configs.save(_account(api_key=lost), NOON))

    shown = _run(books, keys, "rotate", "--operator", "amina")

    assert shown.exit_code == 1
    assert "no key here opens: cpay default" in shown.output
    assert "1 of 2 accounts encrypted anew" in shown.output


def test_without_keys_nothing_is_rotated(books: Books) -> None:
    before = _stored(books)

    shown = _run(books, keys, "rotate", "--operator", "amina", given=None)

    assert (shown.exit_code, _stored(books)) == (1, before)
    assert "CREDENTIAL_ENCRYPTION_KEYS" in shown.output


def test_the_list_names_each_account_the_default_one_first(books: Books) -> None:
    shown = _run(books, provider, "list").output.splitlines()

    assert [line.split()[:2] for line in shown] == [["cpay", "default"], ["cpay", str(MERCHANT)], ["2", "accounts"]]


def test_an_account_is_shown_with_how_its_secrets_end(books: Books) -> None:
    shown = _run(books, provider, "show", "cpay", "--merchant", MERCHANT)

    assert shown.exit_code == 0
    assert "…cdef" in shown.output
    assert "…0001, …d002" in shown.output
    assert KEY not in shown.output
    assert "short" not in shown.output
