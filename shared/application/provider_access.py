"""Opens a provider and its stored configuration: decrypted, and validated against the provider's own schema."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr, ValidationError

from shared.domain.errors import Misconfigured
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.plugin import ProviderConfig, ProviderPlugin, ProviderTools
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.crypto import CredentialCipher

# Secrets that have columns of their own; another one stands, encrypted, among the other fields.
_OWN_COLUMNS = {"api_key", "api_secret", "webhook_secrets"}
_ENCRYPTED = "encrypted"


def open_provider_config(work: UnitOfWork, plugin: ProviderPlugin, cipher: CredentialCipher) -> ProviderConfig:
    """The active configuration of ``plugin``.

    Raises:
        Misconfigured: there is none, it is switched off, or its fields are not what the provider needs.
    """
    stored = work.provider_configs.find(plugin.name)
    if stored is None or not stored.is_active:
        raise Misconfigured(f"{plugin.name} has no active configuration")
    secrets = {
        "api_key": _opened(stored.api_key, cipher),
        "api_secret": _opened(stored.api_secret, cipher),
        "webhook_secrets": tuple((_opened(stored.webhook_secret, cipher) or "").split()),
    }
    others = {name: _unsealed(value, cipher) for name, value in stored.config.items()}
    given = {name: value for name, value in secrets.items() if value} | others
    return _validated(plugin, given)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedConfig:
    """A configuration as it is stored: nothing in it that is secret can be read."""

    api_key: str | None
    api_secret: str | None
    webhook_secret: str | None
    config: Mapping[str, object]


def seal(plugin: ProviderPlugin, values: Mapping[str, object], cipher: CredentialCipher) -> SealedConfig:
    """Encrypt what the provider's schema calls secret.

    Raises:
        Misconfigured: the values are not what the provider needs.
    """
    config = _validated(plugin, values)
    others = config.model_dump(mode="json", exclude=_OWN_COLUMNS, exclude_unset=True)
    secrets = {name: getattr(config, name) for name in others if isinstance(getattr(config, name), SecretStr)}
    hidden = {name: {_ENCRYPTED: cipher.encrypt(secret.get_secret_value())} for name, secret in secrets.items()}
    api_secret: SecretStr | None = getattr(config, "api_secret", None)
    webhook_secrets = " ".join(secret.get_secret_value() for secret in config.webhook_secrets)
    return SealedConfig(
        api_key=cipher.encrypt(config.api_key.get_secret_value()),
        api_secret=cipher.encrypt(api_secret.get_secret_value()) if api_secret else None,
        webhook_secret=cipher.encrypt(webhook_secrets) if webhook_secrets else None,
        config={**others, **hidden},
    )


def open_provider(
    unit_of_work: UnitOfWorkFactory,
    plugin: ProviderPlugin,
    cipher: CredentialCipher,
    tools: ProviderTools,
    *,
    is_production: bool,
) -> PaymentProvider:
    """The provider, ready to be called with ``tools``.

    Raises:
        Misconfigured: as ``open_provider_config``, or it would be called in the open in production.
    """
    with unit_of_work() as work:
        config = open_provider_config(work, plugin, cipher)
    if is_production and not config.base_url.startswith("https://"):
        raise Misconfigured(f"{plugin.name}: base_url must start with https:// in production")
    return plugin.build(config, tools)


def _validated(plugin: ProviderPlugin, values: Mapping[str, object]) -> ProviderConfig:
    try:
        return plugin.config_model.model_validate(values)
    except ValidationError as error:
        fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)})
        raise Misconfigured(f"{plugin.name}: not acceptable: {', '.join(fields)}") from None


def _unsealed(value: object, cipher: CredentialCipher) -> object:
    if isinstance(value, dict) and set(value) == {_ENCRYPTED}:
        return cipher.decrypt(value[_ENCRYPTED])
    return value


def _opened(stored: str | None, cipher: CredentialCipher) -> str | None:
    return None if stored is None else cipher.decrypt(stored)
