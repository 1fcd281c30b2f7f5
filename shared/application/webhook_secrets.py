"""The secrets that webhooks are signed with: made, kept encrypted, rotated with an overlap (Standard Webhooks)."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.errors import EndpointConflict
from shared.domain.webhook_endpoint import EndpointSecret, WebhookEndpoint
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable

# The standard has 24 to 64 bytes.
SECRET_BYTES = 32
PREFIX = "whsec_"

# Every one of them signs: the header must stay short.
MOST_SECRETS = 5


def new_secret() -> str:
    """As a merchant gets it: ``whsec_`` and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def rotated(
    endpoint: WebhookEndpoint, secret: str, overlap: timedelta, cipher: CredentialCipher, now: datetime
) -> WebhookEndpoint:
    """With ``secret`` as the newest; those before it sign for ``overlap`` more, or as long as they would have.

    None is dropped earlier: a rotation that is repeated because its answer was lost never ends the one secret that the
    merchant has.

    Raises:
        EndpointConflict: so many sign already.
    """
    older = [replace(each, until=_earlier(each.until, now + overlap)) for each in endpoint.secrets]
    still_signing = [each for each in older if each.until is None or each.until > now]
    if len(still_signing) >= MOST_SECRETS:
        raise EndpointConflict(f"{MOST_SECRETS} secrets sign already; wait until one of them ends.")
    newest = EndpointSecret(cipher.encrypt(secret))
    return replace(endpoint, secrets=(newest, *still_signing), updated_at=now)


def signing_secrets(endpoint: WebhookEndpoint, cipher: CredentialCipher, now: datetime) -> Sequence[str]:
    """Those that are valid now, the newest first. Raises ``CredentialUnreadable``."""
    return [cipher.decrypt(each) for each in endpoint.valid_secrets(now)]


def resealed(endpoint: WebhookEndpoint, cipher: CredentialCipher) -> WebhookEndpoint:
    """The same secrets, encrypted by the first key. Raises ``CredentialUnreadable`` if no key fits."""
    renewed = tuple(replace(each, ciphertext=cipher.renewed(each.ciphertext)) for each in endpoint.secrets)
    return replace(endpoint, secrets=renewed)


def unreadable(endpoint: WebhookEndpoint, cipher: CredentialCipher) -> bool:
    """Whether no key opens one of its secrets."""
    try:
        resealed(endpoint, cipher)
    except CredentialUnreadable:
        return True
    return False


def signed_headers(event_id: UUID, body: bytes, signing: Sequence[str], sent_at: datetime) -> Mapping[str, str]:
    """The three headers of a delivery: its id, when it was sent, and a signature by each of the secrets."""
    timestamp = str(int(sent_at.timestamp()))
    return {
        "webhook-id": str(event_id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(each, str(event_id), timestamp, body) for each in signing),
    }


def _signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _earlier(until: datetime | None, limit: datetime) -> datetime:
    return limit if until is None else min(until, limit)
