"""Who may do what: one table from role to scopes, one from endpoint to the scope that it needs."""

from flask import Request

from shared.domain.errors import FieldError, NotAuthenticated, NotAuthorised
from shared.runtime.access_tokens import AccessTokens, Principal, TokenRejected

READ, PAY, REFUND = "payments:read", "payments:write", "refunds:write"
PAYOUT = "payouts:write"
PROVIDERS, METRICS = "providers:read", "metrics:read"
WEBHOOKS_READ, WEBHOOKS = "webhooks:read", "webhooks:write"
# The accounts at the providers: one's own merchant's, or also the default ones and those of all merchants.
CONFIGURE, CONFIGURE_ALL = "providers:configure", "providers:configure_all"

# Messages that nobody could handle, of all merchants.
LETTERS = "dead_letters:decide"

_SEE = frozenset({READ, PROVIDERS, METRICS, WEBHOOKS_READ})

ROLES: dict[str, frozenset[str]] = {
    "platform_admin": _SEE | {PAY, REFUND, PAYOUT, WEBHOOKS, CONFIGURE, CONFIGURE_ALL, LETTERS},
    "merchant_admin": _SEE | {PAY, REFUND, PAYOUT, WEBHOOKS, CONFIGURE},
    "operator": _SEE | {REFUND},
    "developer": _SEE | {PAY, REFUND, PAYOUT, WEBHOOKS},
    "viewer": _SEE,
}

# An endpoint that is not here is refused: a new route cannot be forgotten.
ENDPOINT_SCOPES: dict[str, str | None] = {
    "auth.issue_token": None,
    "operations.health": None,
    "operations.metrics": METRICS,
    "payments.initialize_payment": PAY,
    "payments.list_payments": READ,
    "payments.get_payment": READ,
    "captures.capture_payment": PAY,
    "cancellations.cancel_payment": PAY,
    "refunds.refund_payment": REFUND,
    "payouts.send_payout": PAYOUT,
    "payouts.list_payouts": READ,
    "payouts.get_payout": READ,
    "events.list_events": READ,
    "tickets.issue_ticket": READ,
    "providers.list_providers": PROVIDERS,
    "accounts.read_account": CONFIGURE,
    "accounts.configure_account": CONFIGURE,
    "dead_letters.list_letters": LETTERS,
    "dead_letters.read_letter": LETTERS,
    "dead_letters.replay_letters": LETTERS,
    "dead_letters.replay_letter": LETTERS,
    "dead_letters.discard_letter": LETTERS,
    "webhook_endpoints.create_endpoint": WEBHOOKS,
    "webhook_endpoints.list_endpoints": WEBHOOKS_READ,
    "webhook_endpoints.get_endpoint": WEBHOOKS_READ,
    "webhook_endpoints.change_endpoint": WEBHOOKS,
    "webhook_endpoints.delete_endpoint": WEBHOOKS,
    "webhook_endpoints.rotate_secret": WEBHOOKS,
    "webhook_tests.test_endpoint": WEBHOOKS,
    "webhook_tests.get_test": WEBHOOKS_READ,
    "webhook_deliveries.list_deliveries": WEBHOOKS_READ,
    "webhook_deliveries.get_delivery": WEBHOOKS_READ,
    "webhook_deliveries.resend_delivery": WEBHOOKS,
    "webhook_deliveries.recover_deliveries": WEBHOOKS,
}

# The documentation pages, which come with the library.
PUBLIC_BLUEPRINTS = frozenset({"openapi", "swagger"})

_WHAT_IS_RIGHT = FieldError("Authorization", "send: Authorization: Bearer <access_token of POST /api/v1/auth/token>")


def authenticate(request: Request, tokens: AccessTokens) -> Principal:
    """Raises ``NotAuthenticated``; the reason is not told, it would help only a stranger."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated("An access token is needed.", _WHAT_IS_RIGHT)
    try:
        return tokens.verify(token.strip())
    except TokenRejected:
        raise NotAuthenticated("The access token is not valid, or no longer.", _WHAT_IS_RIGHT) from None


def authorise(principal: Principal, scope: str) -> None:
    """Raises ``NotAuthorised``."""
    if scope not in principal.scopes or principal.merchant_id is None:
        raise NotAuthorised(f"The role {principal.role} may not do this; it needs {scope}.")
