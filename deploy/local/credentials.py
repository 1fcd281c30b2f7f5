"""The passwords and keys of a local system: made once, kept in ``secrets.json``."""

import base64
import secrets
from collections.abc import Callable, Mapping

from deploy.local.state_folder import StateFolder, read_json, write_json

ADMIN_EMAIL = "admin@gateway.example"

_GENERATORS: Mapping[str, Callable[[], str]] = {
    "postgres_superuser_password": lambda: secrets.token_hex(24),
    "postgres_owner_password": lambda: secrets.token_hex(24),
    "postgres_app_password": lambda: secrets.token_hex(24),
    "redis_password": lambda: secrets.token_hex(24),
    "rabbitmq_user": lambda: f"gateway_{secrets.token_hex(4)}",
    "rabbitmq_password": lambda: secrets.token_hex(24),
    "jwt_secret_key": lambda: secrets.token_urlsafe(48),
    "credential_encryption_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "audit_key": lambda: secrets.token_urlsafe(48),
    "sandbox_secret": lambda: secrets.token_urlsafe(48),
    "api_key_id": lambda: f"gwk_{secrets.token_hex(12)}",
    "api_key_secret": lambda: f"gws_{secrets.token_urlsafe(32)}",
    "admin_password": lambda: secrets.token_urlsafe(18),
}


def load_secrets(folder: StateFolder) -> Mapping[str, str]:
    """Every secret by name, making the ones that are missing; call it while holding the folder's lock."""
    kept = read_json(folder.secrets)
    complete = {name: kept.get(name) or generate() for name, generate in _GENERATORS.items()}
    if complete != kept:
        write_json(folder.secrets, complete)
    return complete
