"""RFC 9457 problem details: the one form in which an HTTP service of ours says no."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

PROBLEM_JSON = "application/problem+json"

# The same request may succeed later; what these refuse, nobody has begun.
_RETRYABLE = frozenset(
    {"idempotency_in_flight", "payment_unfinished", "rate_limited", "unavailable", "too_many_connections"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """``code`` is what a program branches on; ``errors`` names each field and what would be right."""

    status: int
    code: str
    detail: str
    errors: Sequence[tuple[str, str]] = ()
    retry_after_seconds: int | None = None

    def body(self, request_id: str | None) -> dict[str, object]:
        return {
            "type": f"https://docs.gateway.example/problems/{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "retryable": self.code in _RETRYABLE,
            "request_id": request_id,
            "errors": [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors],
        }
