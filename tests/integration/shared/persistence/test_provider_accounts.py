"""Accounts at providers in the real database: one default and one of each merchant's, rotated while others read."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet

from shared.application.actor import process_actor
from shared.application.key_rotation import KeyRotation
from shared.application.provider_secrets import opened_fields
from shared.domain.ids import MerchantId, WebhookEventId
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_events import Arrival, WebhookEvent
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id
from tests.fakes.clock import FakeClock
from tests.fakes.makers import an_account
from tests.fakes.persistence.session import Database as InMemory
from tests.fakes.persistence.unit_of_work import in_memory
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment

ResultT = TypeVar("ResultT")
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def real(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.fixture(params=["postgresql", "memory"])
def unit_of_work(request: pytest.FixtureRequest, real: UnitOfWorkFactory) -> UnitOfWorkFactory:
    """Both, so that the fake stays honest."""
    return real if request.param == "postgresql" else in_memory(InMemory())


def _do(unit_of_work: UnitOfWorkFactory, step: Callable[[UnitOfWork], ResultT]) -> ResultT:
    with unit_of_work() as work:
        result = step(work)
        work.commit()
    return result


def _add(unit_of_work: UnitOfWorkFactory, account: StoredProviderConfig) -> bool:
    return _do(unit_of_work, lambda work: work.provider_configs.add(account, NOW))


def _merchant(unit_of_work: UnitOfWorkFactory) -> MerchantId:
    merchant_id = MerchantId(new_id())
    _do(unit_of_work, lambda work: work.accounts.ensure_merchant(merchant_id, "Theirs", NOW))
    return merchant_id


def _account(provider: str, merchant_id: MerchantId | None = None, **facts: object) -> StoredProviderConfig:
    account = an_account(id=new_id(), provider_name=provider, merchant_id=merchant_id)
    return replace(account, **facts)  # type: ignore[arg-type] # by name


def test_there_is_one_default_account_and_one_of_each_merchant(unit_of_work: UnitOfWorkFactory) -> None:
    provider, merchant_id = f"p-{uuid4()}", _merchant(unit_of_work)

    added = [_add(unit_of_work, _account(provider, whose)) for whose in (None, merchant_id, None, merchant_id)]

    assert added == [True, True, False, False]
    with unit_of_work() as work:
        assert [each.merchant_id for each in work.provider_configs.of_provider(provider)] == [None, merchant_id]


def test_saving_replaces_the_account_of_just_this_merchant(unit_of_work: UnitOfWorkFactory) -> None:
    provider, merchant_id = f"p-{uuid4()}", _merchant(unit_of_work)
    first = _account(provider, merchant_id)
    for each in (first, _account(provider), _account(provider, merchant_id, config={"changed": 1})):
        with unit_of_work() as work:
            work.provider_configs.save(each, NOW)
            work.commit()

    with unit_of_work() as work:
        own, default = work.provider_configs.find(provider, merchant_id), work.provider_configs.find(provider)

    assert own is not None
    assert default is not None
    assert (own.id, own.config, default.config) == (first.id, {"changed": 1}, {})


@pytest.mark.parametrize("own_active", [True, False])
@pytest.mark.parametrize("default_active", [True, False])
def test_the_merchants_own_active_account_comes_before_the_default_one(
    unit_of_work: UnitOfWorkFactory, own_active: bool, default_active: bool
) -> None:
    provider, merchant_id, other = f"p-{uuid4()}", _merchant(unit_of_work), _merchant(unit_of_work)
    default = _account(provider, is_active=default_active)
    own = _account(provider, merchant_id, is_active=own_active)
    foreign = _account(provider, other)
    for each in (foreign, default, own):
        assert _add(unit_of_work, each)

    with unit_of_work() as work:
        chosen = work.provider_configs.account_for(provider, merchant_id)
        active = {pair for pair in work.provider_configs.active_accounts() if pair[0] == provider}

    assert chosen == (own.id if own_active else default.id if default_active else None)
    expected = {(provider, other)}
    expected |= {(provider, merchant_id)} if own_active else set()
    assert active == (expected | {(provider, None)} if default_active else expected)


@pytest.mark.parametrize("account", [None, UUID(int=5)])
def test_an_event_is_stored_once_for_each_account(unit_of_work: UnitOfWorkFactory, account: UUID | None) -> None:
    theirs = f"evt-{uuid4()}"
    added: list[Arrival] = []

    for each in (account, account, UUID(int=6)):
        event = WebhookEvent(
            id=WebhookEventId(new_id()),
            provider="cpay",
            provider_config_id=each,
            provider_event_id=theirs,
            event_type="x",
            signature="v1",
            created_at=NOW,
        )
        with unit_of_work() as work:
            added.append(work.webhook_events.add(event)[0])
            work.commit()

    assert added == [Arrival.FIRST, Arrival.REPEATED, Arrival.FIRST]


def test_only_what_went_to_the_default_account_is_looked_for_in_its_statement(real: UnitOfWorkFactory) -> None:
    merchant_id, user_id = a_merchant(real)
    provider, default = f"p-{uuid4()}", new_id()
    assert _add(real, _account(provider, id=default))
    accounts = (None, default, new_id())
    payments = [
        replace(a_payment(merchant_id, user_id), provider=provider, provider_config_id=each) for each in accounts
    ]
    for payment in payments:
        with real() as work:
            work.transactions.add(payment)
            work.commit()

    with real() as work:
        window = (NOW - timedelta(days=1), NOW + timedelta(days=30))
        found = work.book_entries.page(provider, "payment", window, None, 10)
        for kind in ("capture", "refund", "payout"):
            assert work.book_entries.page(provider, kind, window, None, 10) == []

    assert {entry.id for entry in found} == {payments[0].id, payments[1].id}


def test_keys_rotate_while_others_read_and_write(real: UnitOfWorkFactory) -> None:
    provider, old, both = f"p-{uuid4()}", CredentialCipher((OLD,)), CredentialCipher((NEW, OLD))
    merchants = [None, *(_merchant(real) for _ in range(9))]
    for whose in merchants:
        account = _account(provider, whose, api_key=old.encrypt("k"), webhook_secret=old.encrypt("a b"))
        assert _add(real, account)
    is_over = threading.Event()

    def read() -> int:
        looks = 0
        while not is_over.is_set() or looks == 0:
            with real() as work:
                for each in work.provider_configs.of_provider(provider):
                    assert opened_fields(each, both)["api_key"] in {"k", "written meanwhile"}
            looks += 1
        return looks

    def write() -> None:
        with real() as work:
            account = work.provider_configs.lock(provider)
            assert account is not None
            work.provider_configs.save(replace(account, api_key=old.encrypt("written meanwhile")), NOW)
            work.commit()

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        writer = pool.submit(write)
        KeyRotation(real, both, FakeClock(NOW)).run(process_actor("operator:amina"))
        writer.result()
        is_over.set()
        assert all(reader.result() > 0 for reader in readers)
    KeyRotation(real, both, FakeClock(NOW)).run(process_actor("operator:amina"))

    with real() as work:
        stored = work.provider_configs.of_provider(provider)
    assert {opened_fields(each, CredentialCipher((NEW,)))["api_key"] for each in stored} == {"k", "written meanwhile"}
