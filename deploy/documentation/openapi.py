"""The OpenAPI document of the API, as a running one serves it at ``/openapi/openapi.json``."""

import threading
from typing import Any

from pydantic import SecretStr

from services.api.bootstrap import build_api
from services.api.settings import ApiSettings

Json = dict[str, Any]

# 32 times a byte 0, in base64: nothing is encrypted with it.
_NOBODYS_FERNET_KEY = "A" * 43 + "="


def build_openapi() -> Json:
    """Build the application and ask it. Building connects to nothing, so the addresses may lead nowhere."""
    document: Json = build_api(_settings_of_nobody(), threading.Event()).api_doc
    return document


def _settings_of_nobody() -> ApiSettings:
    """Settings made without a look at the environment: the document is the same on every machine."""
    return ApiSettings.model_construct(
        database_url=SecretStr("postgresql+psycopg2://nobody@127.0.0.1:1/none"),
        amqp_url=SecretStr("amqp://nobody@127.0.0.1:1/none"),
        redis_url=SecretStr("redis://127.0.0.1:1/0"),
        jwt_secret_key=SecretStr("documentation-has-no-need-of-a-key"),
        audit_key=SecretStr("documentation-has-no-need-of-a-key"),
        credential_encryption_keys=SecretStr(_NOBODYS_FERNET_KEY),
        api_port=1,
        health_port=1,
    )
