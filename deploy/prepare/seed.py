"""Seed data for a sandbox: one merchant, a user for each role, an API key, and the simulators as providers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.prepare.settings import SeedSettings
from shared.application.actor import process_actor
from shared.application.audit_configuration import record_configuration_change
from shared.application.provider_access import validated
from shared.application.provider_secrets import readable_fields, sealed
from shared.domain.ids import MerchantId, UserId
from shared.persistence.accounts import Account
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.plugin import ProviderPlugin
from shared.runtime.crypto import CredentialCipher, PasswordHasher

ROLES = ("platform_admin", "merchant_admin", "operator", "developer", "viewer")

# The API key belongs to the merchant's developer.
KEY_OWNER = "developer"


def seed(work: UnitOfWork, settings: SeedSettings, now: datetime) -> None:
    """Add what is missing, and bring passwords and credentials up to date. Repeating it is harmless."""
    hasher = PasswordHasher()
    merchant = sandbox_merchant()
    work.accounts.ensure_merchant(merchant, "Sandbox Merchant", now)
    password = hasher.hash(settings.seed_admin_password.get_secret_value())
    for role in ROLES:
        account = Account(user_id=UserId(_stable_id(role)), merchant_id=merchant, role=role, secret_hash=password)
        work.accounts.ensure_user(account, _email(role, settings), now)
    _seed_api_key(work, settings, hasher, merchant, now)


def _seed_api_key(
    work: UnitOfWork, settings: SeedSettings, hasher: PasswordHasher, merchant: MerchantId, now: datetime
) -> None:
    secret = hasher.hash(settings.seed_api_key_secret.get_secret_value())
    owner = Account(user_id=UserId(_stable_id(KEY_OWNER)), merchant_id=merchant, role=KEY_OWNER, secret_hash=secret)
    work.accounts.ensure_api_key(settings.seed_api_key_id, owner, now)


def seed_provider(
    work: UnitOfWork, plugin: ProviderPlugin, values: Mapping[str, object], cipher: CredentialCipher, now: datetime
) -> None:
    """Store these as the provider's default account. Other fields stay as operators have made them.

    Raises:
        Misconfigured: together they are not what the provider needs.
    """
    before = work.provider_configs.find(plugin.name)
    told_before = {} if before is None else readable_fields(before, cipher)
    config = validated(plugin, {**told_before, **values})
    empty = StoredProviderConfig(id=_stable_id(plugin.name), provider_name=plugin.name, is_active=True)
    after = sealed(replace(before or empty, is_active=True), config, cipher)
    work.provider_configs.save(after, now)
    told_after = {"is_active": True, **readable_fields(after, cipher)}
    if before is not None:
        told_before["is_active"] = before.is_active
    changed = sorted(name for name in {*told_before, *told_after} if told_before.get(name) != told_after.get(name))
    record_configuration_change(work, plugin.name, changed, process_actor("prepare"), now)


def sandbox_values(
    work: UnitOfWork, plugin: ProviderPlugin, settings: SeedSettings, told: Mapping[str, object]
) -> dict[str, object]:
    """What the sandbox makes up, below what the environment says. Tills only at first: then they are the operators'."""
    played = plugin.sandbox(settings.site)
    is_first = work.provider_configs.find(plugin.name) is None
    tills = {"tills": dict.fromkeys(played.tills, str(sandbox_merchant()))} if is_first and played.tills else {}
    return {**tills, **played.config, **told}


def sandbox_merchant() -> MerchantId:
    return MerchantId(_stable_id("merchant"))


def _email(role: str, settings: SeedSettings) -> str:
    """The admin's own address; ``viewer@…`` of the same domain for the others."""
    domain = settings.seed_admin_email.partition("@")[2]
    return settings.seed_admin_email if role == "platform_admin" else f"{role}@{domain}"


def _stable_id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"https://gateway.example/seed/{name}")
