"""A callback as the spool keeps it: encrypted, and so that nobody can slip one in that was never verified."""

import json

from pydantic import TypeAdapter, ValidationError

from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.crypto import CredentialCipher

_EVENT = TypeAdapter(WebhookEvent)


class NotACallback(Exception):
    """What was decrypted is no callback of this version's."""


def sealed(event: WebhookEvent, cipher: CredentialCipher) -> bytes:
    # Not pydantic's own JSON: a provider may sign half a surrogate pair.
    return cipher.encrypt(json.dumps(_EVENT.dump_python(event, mode="json"), separators=(",", ":"))).encode()


def opened(record: bytes, cipher: CredentialCipher) -> WebhookEvent:
    """Raises ``CredentialUnreadable`` where no key fits, and ``NotACallback``."""
    try:
        return _EVENT.validate_python(json.loads(cipher.decrypt(record.decode())))
    except (ValidationError, ValueError) as error:
        raise NotACallback from error
