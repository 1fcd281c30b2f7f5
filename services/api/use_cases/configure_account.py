"""Changes and shows the configuration of an account at a provider."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import SecretStr, ValidationError

from services.api.auth import CONFIGURE_ALL
from shared.application.actor import Actor
from shared.application.audit_configuration import record_configuration_change
from shared.application.provider_secrets import masked_fields, plain_fields, readable_fields, sealed
from shared.application.views import View, time_view
from shared.domain.errors import (
    ConfigurationChanged,
    CredentialsRefused,
    FieldError,
    NotAuthorised,
    NotFound,
    ValidationFailed,
)
from shared.domain.ids import MerchantId
from shared.egress.policy import EgressPolicy
from shared.egress.urls import UrlRefused, check_url
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.plugin import ProviderConfig, ProviderPlugin, ProviderTools
from shared.provider_kit.provider import ChecksCredentials
from shared.runtime.access_tokens import Principal
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChange:
    """What is to become different. ``fields`` are of the provider's schema; ``None`` takes one away."""

    merchant_id: MerchantId | None
    is_active: bool | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    added_webhook_secret: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """What would be stored, made from what was ``found``; ``fields`` are the names of what changes."""

    found: StoredProviderConfig | None
    after: StoredProviderConfig
    config: ProviderConfig
    fields: frozenset[str]


class ConfigureAccount:
    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        known: Mapping[str, ProviderPlugin],
        cipher: CredentialCipher,
        tools: ProviderTools,
        *,
        egress: EgressPolicy,
    ) -> None:
        self._unit_of_work, self._known, self._cipher, self._tools = unit_of_work, known, cipher, tools
        self._egress = egress

    def read(self, provider: str, merchant_id: MerchantId | None, principal: Principal) -> View:
        """The account as it is stored, its secrets masked.

        Raises:
            NotAuthorised: it is another merchant's, or the default one.
            NotFound: there is no such provider, or it has no such account.
        """
        _check_may(principal, merchant_id)
        plugin = self._plugin(provider)
        with self._unit_of_work() as work:
            stored = work.provider_configs.find(plugin.name, merchant_id)
        if stored is None:
            raise NotFound("There is no such account.")
        return self._view(stored, plugin)

    def change(self, provider: str, change: AccountChange, principal: Principal, actor: Actor) -> View:
        """Store the change, once the provider has been asked whether it takes the credentials.

        Raises:
            NotAuthorised, NotFound: as ``read``.
            ValidationFailed: the provider's schema, or ours, does not allow it.
            CredentialsRefused: the provider does not take them.
            ConfigurationChanged: somebody else changed the account in the meantime.
        """
        _check_may(principal, change.merchant_id)
        plugin = self._plugin(provider)
        draft = self._draft(plugin, change, chooses_address=CONFIGURE_ALL in principal.scopes)
        verdict = self._checked(plugin, draft)
        stored = self._store(draft, actor)
        return self._view(stored, plugin) | {"credentials": verdict}

    def _plugin(self, provider: str) -> ProviderPlugin:
        plugin = self._known.get(provider)
        if plugin is None:
            raise NotFound("There is no such provider.")
        return plugin

    def _draft(self, plugin: ProviderPlugin, change: AccountChange, *, chooses_address: bool) -> _Draft:
        with self._unit_of_work() as work:
            found = work.provider_configs.find(plugin.name, change.merchant_id)
            default = work.provider_configs.find(plugin.name)
            is_known = change.merchant_id is None or work.accounts.has_merchant(change.merchant_id)
        if not is_known:
            raise _refused("/merchant_id", "there is no such merchant")
        before = {} if found is None else readable_fields(found, self._cipher)
        usual = _address(default)
        after = _merged({} if change.merchant_id is None else usual, before, change)
        _check_own(change, {usual.get("base_url"), before.get("base_url")}, chooses_address=chooses_address)
        config = self._validated(plugin, after)
        stored = sealed(_row(found, plugin.name, change), config, self._cipher)
        return _Draft(found, stored, config, _changed(found, stored, before, plain_fields(config)))

    def _validated(self, plugin: ProviderPlugin, fields: Mapping[str, object]) -> ProviderConfig:
        try:
            config = plugin.config_model.model_validate(fields)
        except ValidationError as error:
            raise ValidationFailed("Some fields are not acceptable.", *_wrong(error, plugin.config_model)) from None
        if any(part.isspace() for secret in config.webhook_secrets for part in secret.get_secret_value()):
            raise _refused("/config/webhook_secrets", "must have no spaces in them")
        self._check_address(config.base_url)
        return config

    def _check_address(self, base_url: str) -> None:
        """Whoever chose it: credentials are sent there as soon as it is stored, and sooner."""
        try:
            check_url(base_url, self._egress)
        except UrlRefused as error:
            raise _refused("/config/base_url", error.reason) from None

    def _checked(self, plugin: ProviderPlugin, draft: _Draft) -> str:
        """Asks the provider, outside any transaction. What is switched off need not be accepted."""
        adapter = plugin.build(draft.config, self._tools)
        if not draft.after.is_active or not isinstance(adapter, ChecksCredentials):
            return "not_checked"
        check = adapter.check_credentials()
        if check.accepted is False:
            raise CredentialsRefused(f"{plugin.title} does not take these credentials. {check.detail}".strip())
        return "accepted" if check.accepted else "unknown"

    def _store(self, draft: _Draft, actor: Actor) -> StoredProviderConfig:
        now = self._tools.clock.now()
        after = draft.after
        with self._unit_of_work() as work:
            self._replace(work, draft)
            record_configuration_change(work, after.provider_name, draft.fields, actor, now, after.merchant_id)
            work.commit()
        return replace(after, created_at=after.created_at or now, updated_at=now)

    def _replace(self, work: UnitOfWork, draft: _Draft) -> None:
        """Only what was looked at is replaced: of two at once, nobody's half is mixed with the other's."""
        after, now = draft.after, self._tools.clock.now()
        if draft.found is None:
            is_ours = work.provider_configs.add(after, now)
        else:
            is_ours = work.provider_configs.lock(after.provider_name, after.merchant_id) == draft.found
            work.provider_configs.save(after, now)
        if not is_ours:
            raise ConfigurationChanged("Somebody else has just changed this account. Look at it, and send it again.")

    def _view(self, stored: StoredProviderConfig, plugin: ProviderPlugin) -> View:
        return {
            "provider": stored.provider_name,
            "merchant_id": None if stored.merchant_id is None else str(stored.merchant_id),
            "is_active": stored.is_active,
            "config": masked_fields(stored, plugin.config_model.secret_fields(), self._cipher),
            "created_at": time_view(stored.created_at),
            "updated_at": time_view(stored.updated_at),
        }


def _check_may(principal: Principal, merchant_id: MerchantId | None) -> None:
    is_own = merchant_id is not None and merchant_id == principal.merchant_id
    if not is_own and CONFIGURE_ALL not in principal.scopes:
        raise NotAuthorised(f"The role {principal.role} may configure the accounts of its own merchant_id only.")


def _check_own(change: AccountChange, usual: set[object], *, chooses_address: bool) -> None:
    """What an account of a merchant's may not say for itself."""
    if change.merchant_id is None:
        return
    if change.fields.get("tills"):
        raise _refused("/config/tills", "is for the default account; every till of this one is its merchant's")
    address = change.fields.get("base_url")
    # Otherwise a merchant could have us call, and sign in to, any server that we can reach.
    if not chooses_address and address is not None and address not in usual:
        raise _refused("/config/base_url", "is chosen by the platform; leave it out")


def _address(default: StoredProviderConfig | None) -> dict[str, object]:
    """Where the default account finds the provider: a merchant's own account finds it there too."""
    return {} if default is None or "base_url" not in default.config else {"base_url": default.config["base_url"]}


def _merged(usual: Mapping[str, object], before: Mapping[str, object], change: AccountChange) -> dict[str, object]:
    after = {**usual, **before, **change.fields}
    if change.added_webhook_secret is not None:
        known = after.get("webhook_secrets") or []
        others = known if isinstance(known, list) else [known]
        after["webhook_secrets"] = [change.added_webhook_secret.get_secret_value(), *others]
    return {name: value for name, value in after.items() if value is not None}


def _row(found: StoredProviderConfig | None, provider: str, change: AccountChange) -> StoredProviderConfig:
    if found is None:
        return StoredProviderConfig(
            id=new_id(),
            provider_name=provider,
            merchant_id=change.merchant_id,
            is_active=change.is_active is not False,
            api_key=None,
            api_secret=None,
            webhook_secret=None,
        )
    return found if change.is_active is None else replace(found, is_active=change.is_active)


def _changed(
    found: StoredProviderConfig | None,
    stored: StoredProviderConfig,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> frozenset[str]:
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return frozenset(names | ({"is_active"} if found is None or found.is_active != stored.is_active else set()))


def _wrong(error: ValidationError, model: type[ProviderConfig]) -> Iterator[FieldError]:
    """Each field with what would be right for it; never with what was given."""
    secrets = model.secret_fields()
    for each in error.errors(include_input=False, include_url=False):
        name = str(each["loc"][0]) if each["loc"] else ""
        pointer = "/".join(["/config", *map(str, each["loc"])])
        told = "is not a field of this provider" if each["type"] == "extra_forbidden" else each["msg"]
        # What a library says of a wrong value may quote it; what our own validators say does not.
        is_quoting = name in secrets and each["type"] not in {"value_error", "missing", "extra_forbidden"}
        yield FieldError(pointer, "must be text" if is_quoting else told.removeprefix("Value error, "))


def _refused(pointer: str, detail: str) -> ValidationFailed:
    return ValidationFailed("Some fields are not acceptable.", FieldError(pointer, detail))
