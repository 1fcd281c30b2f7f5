"""The keys that the audit trail is authenticated with: processes know them, the database does not."""

import hashlib
import hmac

# What one kind of MAC covers can never pass for the other.
_ROW, _SEAL = b"gateway.audit.row.v1\x00", b"gateway.audit.seal.v1\x00"


class AuditKeys:
    """HMAC-SHA256. The first key signs, all of them verify: so keys rotate without a stop."""

    def __init__(self, keys: str) -> None:
        """``keys``: as in the setting ``AUDIT_KEY``, separated by commas."""
        self._keys = tuple(key.strip().encode() for key in keys.split(",") if key.strip())
        if not self._keys:
            raise ValueError("AUDIT_KEY is empty")

    def sign_row(self, content: str) -> bytes:
        return _mac(self._keys[0], _ROW, content.encode())

    def is_row_genuine(self, content: str, mac: bytes | None) -> bool:
        return self._verifies(_ROW, content.encode("utf-8", "surrogatepass"), mac)

    def sign_seal(self, seal_hash: bytes) -> bytes:
        return _mac(self._keys[0], _SEAL, seal_hash)

    def is_seal_genuine(self, seal_hash: bytes, mac: bytes) -> bool:
        return self._verifies(_SEAL, seal_hash, mac)

    def _verifies(self, kind: bytes, content: bytes, mac: bytes | None) -> bool:
        if mac is None:
            return False
        return any(hmac.compare_digest(_mac(key, kind, content), mac) for key in self._keys)


def _mac(key: bytes, kind: bytes, content: bytes) -> bytes:
    return hmac.digest(key, kind + content, hashlib.sha256)
