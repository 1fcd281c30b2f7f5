"""Accounts at providers, as they are configured and as they read."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Field

from services.api.schemas.base import ApiModel, Secret, Text, check_text


def _all_clean(config: dict[str, Any]) -> dict[str, Any]:
    """Without recursion: what is nested without end must not end this process."""
    waiting: list[object] = [config]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting.extend([*each.keys(), *each.values()])
        elif isinstance(each, list):
            waiting.extend(each)
        else:
            check_text(each)
    return config


ConfigFields = Annotated[dict[str, Any], AfterValidator(_all_clean)]


class AccountPath(ApiModel):
    provider_name: Text = Field(max_length=40, description="The provider's name, such as cpay.")


class AccountQuery(ApiModel):
    merchant_id: UUID | None = Field(default=None, description="Whose account; the default one if it is left out.")


class ConfigureAccountBody(ApiModel):
    merchant_id: UUID | None = Field(
        default=None, description="Whose account; null or left out: the default one, for merchants without their own."
    )
    is_active: bool | None = Field(
        default=None, strict=True, description="false: nothing new is started with it. A new account is active."
    )
    config: ConfigFields = Field(
        default_factory=dict,
        description='Fields of the provider\'s own schema, such as {"api_key": "cpk_live_…"}. What is left out stays '
        "as it is, null takes a field away.",
    )
    add_webhook_secret: Secret | None = Field(
        default=None,
        description="A new secret of the provider's callbacks, put before those that are stored: all of them verify. "
        "config.webhook_secrets with the new one alone then ends the others.",
    )


class AccountView(ApiModel):
    """Of a secret only its last four characters are told; of a short one only that it is set."""

    provider: str
    merchant_id: str | None
    is_active: bool
    config: dict[str, object]
    created_at: str | None
    updated_at: str | None


class ConfiguredAccountView(AccountView):
    credentials: str = Field(
        description="accepted: the provider takes them; unknown: it could not be asked; not_checked: it cannot be "
        "asked, or the account is not active."
    )
