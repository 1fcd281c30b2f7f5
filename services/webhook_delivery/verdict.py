"""What an endpoint's answer means, and what of it is kept."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from shared.egress.client import Answer, Failed
from shared.runtime.redaction import redact

GONE = 410

# They say themselves when to come back.
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``is_taken``: 2xx. ``is_gone``: nothing must be sent there any more. ``wait_ms``: not before that, they say."""

    milliseconds: int
    is_taken: bool = False
    is_gone: bool = False
    wait_ms: int = 0
    status: int | None = None
    response: str | None = None
    reason: str | None = None
    detail: str | None = None

    @property
    def result(self) -> str:
        """For the metric: from a closed set."""
        return self.reason or ("delivered" if self.is_taken else "refused")


def verdict_of(answer: Answer | Failed, now: datetime) -> Verdict:
    """A redirect is a refusal: whoever moves an endpoint tells us its new address."""
    if isinstance(answer, Failed):
        return Verdict(
            milliseconds=answer.elapsed_ms, reason=answer.reason.value, detail=_storable(answer.detail) or None
        )
    return Verdict(
        milliseconds=answer.elapsed_ms,
        is_taken=200 <= answer.status < 300,
        is_gone=answer.status == GONE,
        wait_ms=_wait_ms(answer.headers.get("retry-after", ""), now) if answer.status in _BUSY else 0,
        status=answer.status,
        response=_storable(answer.first_bytes.decode("utf-8", "replace")),
    )


def _wait_ms(retry_after: str, now: datetime) -> int:
    """Seconds or a date (RFC 9110); 0 for anything else. Days of it at most: the caller has a limit of its own."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal() and len(text) < 8:
        return int(text) * 1000
    try:
        return max(0, round((parsedate_to_datetime(text) - now).total_seconds() * 1000))
    except (ValueError, TypeError, OverflowError):  # no date, or one without a zone
        return 0


def _storable(text: str) -> str:
    """What a merchant's server says may hold anything: no NUL, which PostgreSQL does not take, and no secret."""
    redacted = redact(text.replace("\x00", "\ufffd"))
    return redacted if isinstance(redacted, str) else ""
