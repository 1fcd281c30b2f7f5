"""GET /providers."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from services.api.routes.answers import answer
from services.api.routes.caller import merchant_id
from services.api.routes.refusals import refusals
from services.api.schemas.operations import ProviderList
from services.api.use_cases.describe import Describe


def build_provider_routes(describe: Describe) -> APIBlueprint:
    routes = APIBlueprint("providers", __name__, abp_tags=[Tag(name="Providers")], abp_security=[{"bearer": []}])

    @routes.get("/providers", responses={200: ProviderList, **refusals()})
    def list_providers() -> Response:
        """List the providers: what each can do, in which currencies, and whether it is switched on."""
        return answer(describe.providers(merchant_id()))

    return routes
