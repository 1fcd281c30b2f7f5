"""Opens a provider and its stored configuration: decrypted, and validated against the provider's own schema."""

from pydantic import ValidationError

from shared.domain.errors import Misconfigured
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.plugin import ProviderConfig, ProviderPlugin, ProviderTools
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.crypto import CredentialCipher


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
    given = {name: value for name, value in secrets.items() if value} | dict(stored.config)
    try:
        return plugin.config_model.model_validate(given)
    except ValidationError as error:
        fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)})
        raise Misconfigured(f"{plugin.name}: not acceptable: {', '.join(fields)}") from None


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


def _opened(stored: str | None, cipher: CredentialCipher) -> str | None:
    return None if stored is None else cipher.decrypt(stored)
