"""Turns a provider's configuration into what is stored of it, and back: secrets only ever encrypted."""

from collections.abc import Mapping
from dataclasses import replace

from pydantic import SecretStr

from shared.persistence.provider_configs import StoredProviderConfig
from shared.provider_kit.plugin import ProviderConfig
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable

# A secret that has no column of its own is stored as {"encrypted": "<ciphertext>"}.
ENCRYPTED = "encrypted"

# Each ciphertext of Fernet begins with its version, 0x80, and a time of this millennium.
_FERNET = "gAAAA"

_IN_COLUMNS = frozenset({"api_key", "api_secret", "webhook_secrets"})

# Of a shorter secret four characters would tell too much.
_LONG_ENOUGH_TO_SHOW = 12


def opened_fields(stored: StoredProviderConfig, cipher: CredentialCipher) -> dict[str, object]:
    """All fields by the names of the provider's schema, decrypted.

    Raises:
        CredentialUnreadable: one was encrypted with a key that is not here.
    """
    opened = {name: _opened(value, cipher) for name, value in _by_name(stored).items()}
    secrets = opened.get("webhook_secrets")
    if isinstance(secrets, str):
        opened["webhook_secrets"] = secrets.split()
    return {name: value for name, value in opened.items() if name not in _IN_COLUMNS or value}


def readable_fields(stored: StoredProviderConfig, cipher: CredentialCipher) -> dict[str, object]:
    """As ``opened_fields``, without those that no key opens: they can only be given anew."""
    lost = unreadable_fields(stored, cipher)
    return opened_fields(_without(stored, lost), cipher)


def unreadable_fields(stored: StoredProviderConfig, cipher: CredentialCipher) -> frozenset[str]:
    return frozenset(name for name, value in _by_name(stored).items() if not _can_be_opened(value, cipher))


def sealed(stored: StoredProviderConfig, config: ProviderConfig, cipher: CredentialCipher) -> StoredProviderConfig:
    """``stored`` with what ``config`` says."""
    fields, secrets = plain_fields(config), config.secret_fields()
    return replace(
        stored,
        api_key=_encrypted(fields.get("api_key"), cipher),
        api_secret=_encrypted(fields.get("api_secret"), cipher),
        webhook_secret=_encrypted(fields.get("webhook_secrets"), cipher),
        config={
            name: _sealed(value, cipher) if name in secrets else value
            for name, value in fields.items()
            if name not in _IN_COLUMNS
        },
    )


def resealed(stored: StoredProviderConfig, cipher: CredentialCipher) -> StoredProviderConfig:
    """The same, with every secret encrypted by the first key; equal to ``stored`` where all are.

    Raises:
        CredentialUnreadable: as ``opened_fields``.
    """
    return replace(
        stored,
        api_key=_again(stored.api_key, cipher),
        api_secret=_again(stored.api_secret, cipher),
        webhook_secret=_again(stored.webhook_secret, cipher),
        config={name: _resealed(value, cipher) for name, value in stored.config.items()},
    )


def plain_fields(config: ProviderConfig) -> dict[str, object]:
    """What was set of ``config``, as JSON has it, secrets in clear."""
    given, secrets = config.model_fields_set, config.secret_fields()
    told: dict[str, object] = config.model_dump(mode="json", include=set(given - secrets))
    return told | {name: _plain(getattr(config, name)) for name in given & secrets if getattr(config, name)}


def masked_fields(stored: StoredProviderConfig, secrets: frozenset[str], cipher: CredentialCipher) -> dict[str, object]:
    """All fields; of ``secrets``, and of whatever is stored encrypted, only that they are set, and how they end."""
    hidden = secrets | {name for name, value in _by_name(stored).items() if _is_sealed(value)}
    readable = readable_fields(stored, cipher)
    told = {name: _masked(value) if name in hidden else value for name, value in readable.items()}
    return dict(sorted((told | dict.fromkeys(unreadable_fields(stored, cipher), "unreadable")).items()))


def _masked(secret: object) -> object:
    if isinstance(secret, list):
        return [_masked(each) for each in secret]
    text = str(secret)
    return f"…{text[-4:]}" if len(text) >= _LONG_ENOUGH_TO_SHOW else "set"


def _by_name(stored: StoredProviderConfig) -> dict[str, object]:
    columns = {"api_key": stored.api_key, "api_secret": stored.api_secret, "webhook_secrets": stored.webhook_secret}
    return {name: {ENCRYPTED: value} for name, value in columns.items() if value is not None} | dict(stored.config)


def _without(stored: StoredProviderConfig, names: frozenset[str]) -> StoredProviderConfig:
    return replace(
        stored,
        api_key=None if "api_key" in names else stored.api_key,
        api_secret=None if "api_secret" in names else stored.api_secret,
        webhook_secret=None if "webhook_secrets" in names else stored.webhook_secret,
        config={name: value for name, value in stored.config.items() if name not in names},
    )


def _plain(secret: object) -> object:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else [_plain(each) for each in _several(secret)]


def _several(secret: object) -> tuple[object, ...]:
    assert isinstance(secret, tuple), "a secret is a SecretStr, or a tuple of them"
    return secret


def _encrypted(secret: object, cipher: CredentialCipher) -> str | None:
    """Several become one text; none of them has a space in it."""
    text = " ".join(secret) if isinstance(secret, list) else secret
    return cipher.encrypt(str(text)) if text else None


def _sealed(secret: object, cipher: CredentialCipher) -> object:
    if isinstance(secret, list):
        return [_sealed(each, cipher) for each in secret]
    return {ENCRYPTED: cipher.encrypt(str(secret))}


def _ciphertext(value: object) -> str | None:
    """The ciphertext, if ``value`` is a sealed secret."""
    text = value.get(ENCRYPTED) if isinstance(value, Mapping) and len(value) == 1 else None
    return text if isinstance(text, str) and text.startswith(_FERNET) else None


def _is_sealed(value: object) -> bool:
    return any(map(_is_sealed, value)) if isinstance(value, list) else _ciphertext(value) is not None


def _opened(value: object, cipher: CredentialCipher) -> object:
    if isinstance(value, list):
        return [_opened(each, cipher) for each in value]
    ciphertext = _ciphertext(value)
    return value if ciphertext is None else cipher.decrypt(ciphertext)


def _can_be_opened(value: object, cipher: CredentialCipher) -> bool:
    try:
        _opened(value, cipher)
    except CredentialUnreadable:
        return False
    return True


def _resealed(value: object, cipher: CredentialCipher) -> object:
    if isinstance(value, list):
        return [_resealed(each, cipher) for each in value]
    ciphertext = _ciphertext(value)
    return value if ciphertext is None else {ENCRYPTED: _again(ciphertext, cipher)}


def _again(ciphertext: str | None, cipher: CredentialCipher) -> str | None:
    return None if ciphertext is None else cipher.renewed(ciphertext)
