"""Keeps secrets, card numbers and whole phone numbers out of logs and stored answers."""

import re
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

HIDDEN = "[hidden]"

_SECRET_NAME = re.compile(
    r"secret|password|passwd|authorization|api_?key$|(^|_)(?:token|ticket)$|signature|credential|cookie|(^|_)pin$|cvc|cvv|passkey",
    re.IGNORECASE,
)
_PHONE_NAME = re.compile(r"phone|msisdn|party_?a$", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"\b(?:whsec_[A-Za-z0-9+/=]{8,}|cpk_(?:test|live)_\w{8,}|gw[st]_[\w-]{8,}|[sr]k_(?:test|live)_\w{8,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|Bearer\s+[\w.~+/-]{8,}=*)"
)
_URL_PASSWORD = re.compile(r"(?<=://)([^\s:/@]*):[^\s/@]+@")
_DIGITS = re.compile(r"(?<![\w-])\d(?:[ -]?\d){11,18}(?![\w-])")
_PHONE = re.compile(r"(?<!\w)\+\d{9,15}(?!\d)")


def redact(value: object, name: str = "") -> object:
    """A copy of ``value`` in which nothing is left that must not be kept; shapes and keys stay."""
    if isinstance(value, Mapping):
        return {str(key): redact(item, str(key)) for key, item in value.items()}
    if isinstance(value, str | bytes):
        return _redact_text(value if isinstance(value, str) else value.decode("utf-8", "replace"), name)
    if isinstance(value, Sequence):
        return [redact(item, name) for item in value]
    return HIDDEN if value is not None and _SECRET_NAME.search(name) and not isinstance(value, bool) else value


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor: every line goes through it, so that nobody has to remember."""
    return {key: redact(value, key) for key, value in event.items()}


def hide_secrets(value: object, name: str = "") -> object:
    """A copy of ``value`` without what is a secret by its name; everything else is as it was."""
    if isinstance(value, Mapping):
        return {key: hide_secrets(item, str(key)) for key, item in value.items()}
    if isinstance(value, list):
        return [hide_secrets(item, name) for item in value]
    return HIDDEN if isinstance(value, str) and value and _SECRET_NAME.search(name) else value


def mask_phone(phone: str) -> str:
    """``+254700000001`` becomes ``+254…001``: enough to recognise, too little to call."""
    return f"{phone[:4]}…{phone[-3:]}" if len(phone) > 7 else HIDDEN


def _redact_text(text: str, name: str) -> str:
    if _SECRET_NAME.search(name):
        return HIDDEN if text else text
    if _PHONE_NAME.search(name):
        return mask_phone(text) if text else text
    text = _SECRET_TEXT.sub(HIDDEN, text)
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = _PHONE.sub(lambda match: mask_phone(match.group()), text)
    return _DIGITS.sub(lambda match: HIDDEN if _passes_luhn(match.group()) else match.group(), text)


def _passes_luhn(text: str) -> bool:
    digits = [int(character) for character in text if character.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
