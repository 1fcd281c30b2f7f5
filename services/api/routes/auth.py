"""POST /auth/token."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.call_audit import CallAudit
from services.api.routes.answers import answer
from services.api.routes.refusals import refusals
from services.api.schemas.sign_in import TokenBody, TokenView
from services.api.use_cases.sign_in import SignedIn, SignIn
from shared.domain.errors import NotAuthenticated


def build_auth_routes(sign_in: SignIn, audit: CallAudit) -> APIBlueprint:
    routes = APIBlueprint("auth", __name__, abp_tags=[Tag(name="Sign in")])

    @routes.post("/auth/token", responses={200: TokenView, **refusals(signed_in=False, body=True)})
    def issue_token(body: TokenBody) -> Response:
        """Get an access token.

        Send an API key or a user's e-mail and password. The token is a JWT, good for 15 minutes.
        """
        method, name = ("password", body.email or "") if body.api_key_id is None else ("api_key", body.api_key_id)
        try:
            signed_in = _signed_in(sign_in, body)
        except NotAuthenticated:
            audit.sign_in_refused(method, name)
            raise
        audit.signed_in(signed_in.principal, method)
        who = signed_in.principal
        return answer(
            {
                "access_token": signed_in.access_token,
                "token_type": "Bearer",
                "expires_in": signed_in.expires_in,
                "scope": " ".join(sorted(who.scopes)),
                "user_id": str(who.user_id),
                "merchant_id": None if who.merchant_id is None else str(who.merchant_id),
            }
        )

    return routes


def _signed_in(sign_in: SignIn, body: TokenBody) -> SignedIn:
    """Raises ``NotAuthenticated``."""
    if body.api_key_id is not None and body.api_key_secret is not None:
        return sign_in.by_api_key(body.api_key_id, body.api_key_secret.get_secret_value())
    password = body.password.get_secret_value() if body.password else ""
    return sign_in.by_password(body.email or "", password)
