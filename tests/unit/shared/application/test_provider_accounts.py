"""Accounts at a provider: whose a new payment goes to, and how long an adapter is good for."""

from dataclasses import replace
from uuid import UUID

import pytest

from shared.application.provider_accounts import (
    REMEMBERED_SECONDS,
    AccountUnusable,
    StoredAccounts,
    is_same_account,
)
from shared.domain.errors import Misconfigured
from shared.persistence.provider_configs import StoredProviderConfig
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.crypto import CredentialUnreadable
from tests.fakes.books import Books
from tests.fakes.clock import NOON
from tests.fakes.makers import ACCOUNT, MERCHANT, OTHER_MERCHANT, an_account
from tests.fakes.provider import ScriptedProvider

OWN = UUID(int=1)


class Opening:
    """The accounts over a database in memory; remembers what was opened."""

    def __init__(self, *stored: StoredProviderConfig) -> None:
        self.books = Books()
        self.now = 0.0
        self.opened: list[UUID] = []
        self.error: Exception | None = None
        for each in stored:
            self.save(each)
        self.accounts = StoredAccounts(self.books.unit_of_work, "cpay", self._open, lambda: self.now)

    def save(self, account: StoredProviderConfig) -> None:
        self.books.do(lambda work: work.provider_configs.save(account, NOON))

    def _open(self, stored: StoredProviderConfig) -> PaymentProvider:
        if self.error is not None:
            raise self.error
        self.opened.append(stored.id)
        return ScriptedProvider()


BOTH = (an_account(), an_account(id=OWN, merchant_id=MERCHANT))


@pytest.mark.parametrize(
    ("own_active", "default_active", "chosen"),
    [(True, True, OWN), (True, False, OWN), (False, True, ACCOUNT), (False, False, None)],
)
def test_what_is_new_goes_to_the_merchants_own_active_account_else_to_the_default_one(
    own_active: bool, default_active: bool, chosen: UUID | None
) -> None:
    opening = Opening(replace(BOTH[0], is_active=default_active), replace(BOTH[1], is_active=own_active))

    with opening.books.unit_of_work() as work:
        assert opening.accounts.choose(work, MERCHANT) == chosen
        assert opening.accounts.choose(work, OTHER_MERCHANT) == (ACCOUNT if default_active else None)


def test_each_account_has_an_adapter_of_its_own_and_none_is_the_default_one() -> None:
    opening = Opening(*BOTH)

    assert opening.accounts.adapter(OWN) is not opening.accounts.adapter(ACCOUNT)
    opening.accounts.adapter(None)

    assert opening.opened == [OWN, ACCOUNT, ACCOUNT]


def test_an_account_that_is_switched_off_still_serves_what_started_with_it() -> None:
    opening = Opening(an_account(is_active=False))

    assert isinstance(opening.accounts.adapter(ACCOUNT), ScriptedProvider)


def test_a_changed_configuration_is_noticed_after_ten_seconds_and_an_unchanged_one_keeps_its_adapter() -> None:
    opening = Opening(an_account())
    first = opening.accounts.adapter(ACCOUNT)

    opening.now += REMEMBERED_SECONDS
    assert opening.accounts.adapter(ACCOUNT) is first
    opening.save(an_account(config={"changed": 1}))
    assert opening.accounts.adapter(ACCOUNT) is first
    opening.now += REMEMBERED_SECONDS

    assert opening.accounts.adapter(ACCOUNT) is not first


def test_while_the_database_is_away_what_was_known_is_good_enough() -> None:
    opening = Opening(an_account())
    first = opening.accounts.adapter(ACCOUNT)
    opening.books.database.is_away = True
    opening.now += 10 * REMEMBERED_SECONDS

    assert opening.accounts.adapter(ACCOUNT) is first
    with pytest.raises(AccountUnusable):
        opening.accounts.adapter(OWN)


@pytest.mark.parametrize("error", [Misconfigured("cpay: not acceptable: api_key"), CredentialUnreadable("lost")])
def test_an_account_that_is_configured_wrong_is_unusable_until_it_is_mended(error: Exception) -> None:
    opening = Opening(an_account())
    opening.error = error

    with pytest.raises(AccountUnusable):
        opening.accounts.adapter(ACCOUNT)
    opening.error = None

    assert isinstance(opening.accounts.adapter(ACCOUNT), ScriptedProvider)


def test_an_account_that_there_is_not_is_unusable() -> None:
    with pytest.raises(AccountUnusable, match="not configured"):
        Opening().accounts.adapter(None)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [(None, None, True), (ACCOUNT, None, True), (None, ACCOUNT, True), (OWN, None, False), (OWN, ACCOUNT, False)],
)
def test_older_rows_belong_to_the_default_account(one: UUID | None, other: UUID | None, is_same: bool) -> None:
    with Opening(*BOTH).books.unit_of_work() as work:
        assert is_same_account(work, "cpay", one, other) is is_same
