"""Limits per merchant (or address, before sign-in), shared through Redis; without Redis, per process."""

from flask import Flask, g, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from services.api.settings import ApiSettings
from shared.coordination.redis_client import redis_timeouts


def install_rate_limit(app: Flask, settings: ApiSettings) -> None:
    """Count every request that got this far. Register after authentication, which names whom to count.

    Redis being away loosens the limits; it never refuses a payment.
    """
    app.config["RATELIMIT_HEADER_LIMIT"] = "RateLimit-Limit"
    app.config["RATELIMIT_HEADER_REMAINING"] = "RateLimit-Remaining"
    # Seconds, as the IETF draft has it; under its usual name Retry-After it would stand on every answer.
    app.config["RATELIMIT_HEADER_RESET"] = app.config["RATELIMIT_HEADER_RETRY_AFTER"] = "RateLimit-Reset"
    Limiter(
        _who,
        app=app,
        default_limits=[lambda: _limit(settings)],
        default_limits_per_method=True,
        storage_uri=settings.redis_url.get_secret_value(),
        storage_options=redis_timeouts(),
        strategy="sliding-window-counter",
        headers_enabled=True,
        in_memory_fallback_enabled=True,
        # Of several requests that see Redis fail at once, only the first falls back: the others are let through.
        swallow_errors=True,
        key_prefix="gw:limit",
    )


def _who() -> str:
    principal = g.get("principal")
    return f"merchant:{principal.merchant_id}" if principal else f"address:{get_remote_address()}"


def _limit(settings: ApiSettings) -> str:
    if request.endpoint == "auth.issue_token":
        return settings.rate_limit_sign_in
    return settings.rate_limit_reads if request.method in {"GET", "HEAD"} else settings.rate_limit_writes
