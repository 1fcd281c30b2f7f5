"""GET and POST /providers/{provider_name}/config."""

from uuid import UUID

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import actor, principal
from services.api.routes.refusals import refusals
from services.api.schemas.accounts import (
    AccountPath,
    AccountQuery,
    AccountView,
    ConfigureAccountBody,
    ConfiguredAccountView,
)
from services.api.use_cases.configure_account import AccountChange, ConfigureAccount
from shared.domain.ids import MerchantId


def build_account_routes(configure: ConfigureAccount) -> APIBlueprint:
    routes = APIBlueprint("accounts", __name__, abp_tags=[Tag(name="Providers")], abp_security=[{"bearer": []}])

    @routes.get("/providers/<provider_name>/config", responses={200: AccountView, **refusals(one_of="account")})
    def read_account(path: AccountPath, query: AccountQuery) -> Response:
        """Get the configuration of an account, secrets masked."""
        return answer(configure.read(path.provider_name, _merchant(query.merchant_id), principal()))

    @routes.post(
        "/providers/<provider_name>/config",
        responses={200: ConfiguredAccountView, **refusals(body=True, one_of="provider", configures=True)},
    )
    def configure_account(path: AccountPath, body: ConfigureAccountBody) -> Response:
        """Configure an account: the default one, or a merchant's own, which that merchant's payments then go to.

        The provider is asked whether it takes the credentials; if it refuses them, nothing is stored. Secrets are
        stored encrypted and never told again. A payment stays with the account that it was started with.
        """
        change = AccountChange(
            merchant_id=_merchant(body.merchant_id),
            is_active=body.is_active,
            fields=body.config,
            added_webhook_secret=body.add_webhook_secret,
        )
        return answer(configure.change(path.provider_name, change, principal(), actor()))

    return routes


def _merchant(given: UUID | None) -> MerchantId | None:
    return None if given is None else MerchantId(given)
