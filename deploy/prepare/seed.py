"""Seed data for a sandbox: one merchant, a user for each role, an API key, and CPay's simulator as provider."""

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from deploy.prepare.settings import SeedSettings
from shared.application.actor import process_actor
from shared.application.audit_configuration import record_configuration_change
from shared.domain.ids import MerchantId, UserId
from shared.persistence.accounts import Account
from shared.persistence.provider_configs import StoredProviderConfig
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable, PasswordHasher

ROLES = ("platform_admin", "merchant_admin", "operator", "developer", "viewer")

# The API key belongs to the merchant's developer.
KEY_OWNER = "developer"

# What customers pay here is the sandbox merchant's.
SANDBOX_TILL = "832909"


def seed(work: UnitOfWork, settings: SeedSettings, now: datetime) -> None:
    """Add what is missing, and bring passwords and credentials up to date. Repeating it is harmless."""
    hasher = PasswordHasher()
    merchant = MerchantId(_stable_id("merchant"))
    work.accounts.ensure_merchant(merchant, "Sandbox Merchant", now)
    password = hasher.hash(settings.seed_admin_password.get_secret_value())
    for role in ROLES:
        account = Account(user_id=UserId(_stable_id(role)), merchant_id=merchant, role=role, secret_hash=password)
        work.accounts.ensure_user(account, _email(role, settings), now)
    _seed_api_key(work, settings, hasher, merchant, now)
    _seed_cpay(work, settings, merchant, now)


def _seed_api_key(
    work: UnitOfWork, settings: SeedSettings, hasher: PasswordHasher, merchant: MerchantId, now: datetime
) -> None:
    secret = hasher.hash(settings.seed_api_key_secret.get_secret_value())
    owner = Account(user_id=UserId(_stable_id(KEY_OWNER)), merchant_id=merchant, role=KEY_OWNER, secret_hash=secret)
    work.accounts.ensure_api_key(settings.seed_api_key_id, owner, now)


def _seed_cpay(work: UnitOfWork, settings: SeedSettings, merchant: MerchantId, now: datetime) -> None:
    cipher = CredentialCipher(settings.fernet_keys)
    secrets = settings.cpay_webhook_secrets.get_secret_value().replace(",", " ")
    before = work.provider_configs.find("cpay")
    # What operators have made of the rest since is theirs.
    kept = {} if before is None else before.config
    config = StoredProviderConfig(
        id=_stable_id("cpay"),
        provider_name="cpay",
        is_active=True,
        api_key=cipher.encrypt(settings.cpay_api_key.get_secret_value()),
        api_secret=None,
        webhook_secret=cipher.encrypt(secrets),
        config={"tills": {SANDBOX_TILL: str(merchant)}, **kept, "base_url": settings.cpay_base_url},
    )
    changed = _changed_fields(before, config, cipher)
    work.provider_configs.save(config, now)
    record_configuration_change(work, "cpay", changed, process_actor("prepare"), now)


def _changed_fields(
    before: StoredProviderConfig | None, after: StoredProviderConfig, cipher: CredentialCipher
) -> list[str]:
    """By name. The same secret, encrypted again, reads differently; what it says is compared."""
    return [
        name
        for name in ("is_active", "api_key", "api_secret", "webhook_secret", "config")
        if before is None or _meaning(before, name, cipher) != _meaning(after, name, cipher)
    ]


def _meaning(config: StoredProviderConfig, name: str, cipher: CredentialCipher) -> object:
    stored = getattr(config, name)
    if name not in {"api_key", "api_secret", "webhook_secret"} or stored is None:
        return stored
    try:
        return cipher.decrypt(stored)
    except CredentialUnreadable:
        return stored


def _email(role: str, settings: SeedSettings) -> str:
    """The admin's own address; ``viewer@…`` of the same domain for the others."""
    domain = settings.seed_admin_email.partition("@")[2]
    return settings.seed_admin_email if role == "platform_admin" else f"{role}@{domain}"


def _stable_id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"https://gateway.example/seed/{name}")
