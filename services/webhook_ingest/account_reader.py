"""Reads the accounts of all providers, ready to verify callbacks: from the database, or as it last told them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from services.webhook_ingest.kept_accounts import KeptAccounts
from services.webhook_ingest.known_accounts import OpenAccount, OpenProvider, Reading
from shared.application.provider_access import config_of
from shared.domain.errors import Misconfigured
from shared.persistence.errors import StorageUnavailable
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable

# So many accounts may have to look at a callback before it is refused.
MOST_ACCOUNTS = 500

log = structlog.get_logger()


class AccountReader:
    """For one thread. An account that has not changed keeps its adapter."""

    def __init__(
        self,
        plugins: Mapping[str, ProviderPlugin],
        unit_of_work: UnitOfWorkFactory,
        cipher: CredentialCipher,
        tools: ProviderTools,
        kept: KeptAccounts,
    ) -> None:
        self._plugins, self._unit_of_work, self._cipher, self._tools = plugins, unit_of_work, cipher, tools
        self._kept, self._has_read = kept, False
        self._built: dict[UUID, tuple[StoredProviderConfig, PaymentProvider]] = {}

    def __call__(self) -> Reading:
        """The providers that are switched on, by each name that callbacks may call them.

        Raises:
            StorageUnavailable: the database is away, and this process has read it before, or nobody has.
        """
        try:
            active = self._from_database()
        except StorageUnavailable:
            kept = None if self._has_read else self._kept.read()
            if kept is None:
                raise
            return Reading(kept.read_at, self._providers(kept.accounts))
        return Reading(self._tools.clock.now(), self._providers(active))

    def _from_database(self) -> Sequence[StoredProviderConfig]:
        with self._unit_of_work() as work:
            active = [account for account in work.provider_configs.all() if account.is_active]
        self._has_read = True
        self._kept.write(active)
        return active

    def _providers(self, active: Sequence[StoredProviderConfig]) -> Mapping[str, OpenProvider]:
        found: dict[str, OpenProvider] = {}
        for plugin in self._plugins.values():
            accounts = self._opened(plugin, [each for each in active if each.provider_name == plugin.name])
            if accounts:
                names = {plugin.name, plugin.webhook_alias or plugin.name}
                found |= dict.fromkeys(names, OpenProvider(plugin.name, accounts))
        return found

    def _opened(self, plugin: ProviderPlugin, stored: list[StoredProviderConfig]) -> list[OpenAccount]:
        if len(stored) > MOST_ACCOUNTS:
            log.error("webhook.too_many_accounts", provider=plugin.name, left_out=len(stored) - MOST_ACCOUNTS)
        built = ((each.id, self._adapter(plugin, each)) for each in stored[:MOST_ACCOUNTS])
        return [OpenAccount(account, adapter) for account, adapter in built if adapter is not None]

    def _adapter(self, plugin: ProviderPlugin, account: StoredProviderConfig) -> PaymentProvider | None:
        known = self._built.get(account.id)
        if known is not None and known[0] == account:
            return known[1]
        try:
            adapter = plugin.build(config_of(account, plugin, self._cipher), self._tools)
        except (Misconfigured, CredentialUnreadable) as error:
            log.warning("webhook.account_unusable", provider=plugin.name, account=str(account.id), reason=str(error))
            return None
        self._built[account.id] = (account, adapter)
        return adapter
