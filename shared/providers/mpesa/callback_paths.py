"""Where callbacks come to: each at an address that nobody can guess, and that says what it is about.

``<base>/<purpose>/<our id>/<what was asked for>.<token>``. Nothing of M-Pesa is signed, so the token is the proof:
whoever knows it was told it by us. What was asked for stands in the path too, because a failure repeats none of it.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import WebhookRejected
from shared.provider_kit.webhooks import is_any_signature

TOKEN_BYTES = 16
MARK_BYTES = 8

# Only hexadecimal digits and fixed words: base32 would sometimes spell a word that Safaricom refuses.
SUBJECT = re.compile(r"[0-9a-f-]{36}|[0-9]{5,7}")
PROOF = re.compile(r"(?:(?P<amount>[0-9]{1,12})\.(?:(?P<note>[0-9a-f]{1,200})\.)?)?(?P<token>[0-9a-f]{32})")


class Purpose(StrEnum):
    """What a callback is about. ``refund`` is money sent out to a payer, ``reversal`` a payment undone."""

    STK = "stk"
    REVERSAL = "reversal"
    REFUND = "refund"
    PAYOUT = "payout"
    REVERSAL_STATUS = "reversal-status"
    REFUND_STATUS = "refund-status"
    PAYOUT_STATUS = "payout-status"
    REVERSAL_TIMEOUT = "reversal-timeout"
    REFUND_TIMEOUT = "refund-timeout"
    PAYOUT_TIMEOUT = "payout-timeout"
    STATUS_TIMEOUT = "status-timeout"
    C2B_CONFIRM = "c2b-confirm"
    C2B_CHECK = "c2b-check"
    BALANCE = "balance"
    PULL = "pull"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """``subject`` is our id, or a shortcode; ``amount_minor`` what was asked for. ``note``, hexadecimal digits: the
    mark of what must come back, or the other side's reference.
    """

    purpose: Purpose
    subject: str
    amount_minor: int | None = None
    note: str = ""

    def asked(self) -> str:
        """What stands in front of the token."""
        if self.amount_minor is None:
            return ""
        return f"{self.amount_minor}.{self.note}." if self.note else f"{self.amount_minor}."


class CallbackPaths:
    """Makes the addresses with the first key, and believes those that any key has made."""

    def __init__(self, base_url: str, keys: Sequence[bytes]) -> None:
        self._base_url, self._keys = base_url, tuple(keys)

    def url(self, about: About) -> str:
        return f"{self._base_url}/{about.purpose}/{about.subject}/{about.asked()}{_token(self._keys[0], about)}"

    def read(self, path: str) -> About:
        """What a callback at ``path`` is about.

        Raises:
            WebhookRejected: we have given this address to nobody.
        """
        about, token = _parts(path)
        if not is_any_signature([token.encode()], (_token(key, about).encode() for key in self._keys)):
            raise WebhookRejected("token")
        return about

    def mark(self, text: str) -> str:
        """Tells whether ``text`` comes back, without saying it: a path stands in other people's logs."""
        return _digest(self._keys[0], f"mark:{text}", MARK_BYTES)

    def is_marked(self, note: str, text: str) -> bool:
        marks = (_digest(key, f"mark:{text}", MARK_BYTES).encode() for key in self._keys)
        return is_any_signature([note.encode()], marks)


def _parts(path: str) -> tuple[About, str]:
    segments = path.split("/", 3)
    if len(segments) != 3 or segments[0] not in set(Purpose):
        raise WebhookRejected("path")
    purpose, subject, proof = segments
    found = PROOF.fullmatch(proof)
    if found is None or not SUBJECT.fullmatch(subject):
        raise WebhookRejected("path")
    amount, token = found["amount"], found["token"]
    about = About(
        purpose=Purpose(purpose),
        subject=subject,
        amount_minor=None if amount is None else int(amount),
        note=found["note"] or "",
    )
    # One address, one way to write it: 0100 is not 100.
    if about.asked() + token != proof:
        raise WebhookRejected("path")
    return about, token


def _token(key: bytes, about: About) -> str:
    return _digest(key, f"{about.purpose}:{about.subject}:{about.asked()}", TOKEN_BYTES)


def _digest(key: bytes, text: str, size: int) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()[:size].hex()
