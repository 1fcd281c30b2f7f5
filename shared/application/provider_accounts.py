"""The accounts at one provider: which one a payment is started with, and the adapter that speaks for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from shared.domain.errors import GatewayError, Misconfigured
from shared.domain.ids import MerchantId
from shared.persistence.errors import StorageUnavailable
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.crypto import CredentialUnreadable

# A changed configuration is noticed this much later.
REMEMBERED_SECONDS = 10.0

# Builds the adapter; raises ``Misconfigured`` or ``CredentialUnreadable``.
OpenAccount = Callable[[StoredProviderConfig], PaymentProvider]


class AccountUnusable(GatewayError):
    """Nobody can speak for the account now: nothing was sent to the provider. The message holds no secret."""


class Accounts(Protocol):
    """What started with an account stays with it, also when it takes nothing new any more."""

    def choose(self, work: UnitOfWork, merchant_id: MerchantId) -> UUID | None:
        """The account that what this merchant starts now goes to; ``None``: there is none yet."""

    def adapter(self, account_id: UUID | None) -> PaymentProvider:
        """The provider as this account sees it; ``None`` is the default account. To be called outside transactions.

        Raises:
            AccountUnusable: there is no such account, or it is configured wrong.
        """

    def adapter_within(self, work: UnitOfWork, account_id: UUID | None) -> PaymentProvider:
        """The same, read with ``work`` where it must be read."""


@dataclass(frozen=True, slots=True)
class _Opened:
    stored: StoredProviderConfig
    adapter: PaymentProvider
    good_until: float


class StoredAccounts:
    """The accounts in the database. An adapter lives for as long as its configuration stays as it is."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        provider_name: str,
        open_account: OpenAccount,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unit_of_work, self._provider_name, self._open_account = unit_of_work, provider_name, open_account
        self._monotonic = monotonic
        self._opened: dict[UUID | None, _Opened] = {}

    def choose(self, work: UnitOfWork, merchant_id: MerchantId) -> UUID | None:
        return work.provider_configs.account_for(self._provider_name, merchant_id)

    def adapter(self, account_id: UUID | None) -> PaymentProvider:
        known = self._opened.get(account_id)
        if known is not None and self._monotonic() < known.good_until:
            return known.adapter
        try:
            with self._unit_of_work() as work:
                stored = self._stored(work, account_id)
        except StorageUnavailable:
            if known is None:
                raise AccountUnusable("the database is away, which has the account") from None
            return known.adapter
        return self._open(account_id, stored)

    def adapter_within(self, work: UnitOfWork, account_id: UUID | None) -> PaymentProvider:
        known = self._opened.get(account_id)
        if known is not None and self._monotonic() < known.good_until:
            return known.adapter
        return self._open(account_id, self._stored(work, account_id))

    def _stored(self, work: UnitOfWork, account_id: UUID | None) -> StoredProviderConfig | None:
        if account_id is None:
            return work.provider_configs.find(self._provider_name)
        return work.provider_configs.find_by_id(account_id)

    def _open(self, account_id: UUID | None, stored: StoredProviderConfig | None) -> PaymentProvider:
        if stored is None:
            raise AccountUnusable("not configured")
        known = self._opened.get(account_id)
        adapter = known.adapter if known is not None and known.stored == stored else self._built(stored)
        self._opened[account_id] = _Opened(stored, adapter, self._monotonic() + REMEMBERED_SECONDS)
        return adapter

    def _built(self, stored: StoredProviderConfig) -> PaymentProvider:
        try:
            return self._open_account(stored)
        except (Misconfigured, CredentialUnreadable) as error:
            raise AccountUnusable(f"configured wrong: {error}") from None


def is_same_account(work: UnitOfWork, provider_name: str, one: UUID | None, other: UUID | None) -> bool:
    """Whether both are of one account; ``None`` is the default one."""
    if one == other or None not in {one, other}:
        return one == other
    default = work.provider_configs.find(provider_name)
    return default is not None and default.id in {one, other}
