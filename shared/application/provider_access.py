"""Opens a provider and its stored configuration: decrypted, and validated against the provider's own schema."""

from collections.abc import Mapping

from pydantic import ValidationError

from shared.application.provider_secrets import opened_fields
from shared.domain.errors import Misconfigured
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.provider_kit.plugin import ProviderConfig, ProviderPlugin, ProviderTools
from shared.provider_kit.provider import PaymentProvider
from shared.runtime.crypto import CredentialCipher

PRIVATE_ONLY = "must start with https:// in production"


def open_provider_config(work: UnitOfWork, plugin: ProviderPlugin, cipher: CredentialCipher) -> ProviderConfig:
    """What the default account of ``plugin`` is configured with, if it is active.

    Raises:
        Misconfigured: there is none, it is switched off, or its fields are not what the provider needs.
    """
    stored = work.provider_configs.find(plugin.name)
    if stored is None or not stored.is_active:
        raise Misconfigured(f"{plugin.name} has no active configuration")
    return config_of(stored, plugin, cipher)


def config_of(stored: StoredProviderConfig, plugin: ProviderPlugin, cipher: CredentialCipher) -> ProviderConfig:
    """What an account is configured with, active or not.

    Raises:
        Misconfigured: its fields are not what the provider needs.
        CredentialUnreadable: no key here opens a secret of it.
    """
    return validated(plugin, opened_fields(stored, cipher))


def validated(plugin: ProviderPlugin, fields: Mapping[str, object]) -> ProviderConfig:
    """The configuration that ``fields`` make, secrets in clear.

    Raises:
        Misconfigured: naming the fields that are not what the provider needs, without what they say.
    """
    try:
        return plugin.config_model.model_validate(fields)
    except ValidationError as error:
        wrong = sorted({".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False)})
        raise Misconfigured(f"{plugin.name}: not acceptable: {', '.join(wrong)}") from None


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
    return _built(config, plugin, tools, is_production=is_production)


def open_account(
    stored: StoredProviderConfig,
    plugin: ProviderPlugin,
    cipher: CredentialCipher,
    tools: ProviderTools,
    *,
    is_production: bool,
) -> PaymentProvider:
    """The provider as one account sees it, active or not.

    Raises:
        Misconfigured, CredentialUnreadable: as ``config_of`` and ``open_provider``.
    """
    return _built(config_of(stored, plugin, cipher), plugin, tools, is_production=is_production)


def _built(
    config: ProviderConfig, plugin: ProviderPlugin, tools: ProviderTools, *, is_production: bool
) -> PaymentProvider:
    if is_production and not is_private(config):
        raise Misconfigured(f"{plugin.name}: base_url {PRIVATE_ONLY}")
    return plugin.build(config, tools)


def is_private(config: ProviderConfig) -> bool:
    """Whether nobody on the way reads what is sent with it: production demands that."""
    return config.base_url.startswith("https://")
