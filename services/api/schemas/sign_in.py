"""Signing in."""

from typing import Literal

from pydantic import AliasChoices, Field, model_validator

from services.api.schemas.base import ApiModel, Secret, Text


class TokenBody(ApiModel):
    """An API key (``api_key_id``, ``api_key_secret``; or OAuth 2's ``client_id``, ``client_secret``), or a user
    (``email``, ``password``).
    """

    grant_type: Literal["client_credentials", "password"] | None = None
    api_key_id: Text | None = Field(
        default=None, max_length=100, validation_alias=AliasChoices("api_key_id", "client_id")
    )
    api_key_secret: Secret | None = Field(
        default=None, max_length=200, validation_alias=AliasChoices("api_key_secret", "client_secret")
    )
    email: Text | None = Field(default=None, max_length=254)
    password: Secret | None = Field(default=None, max_length=200)

    @model_validator(mode="after")
    def _one_pair(self) -> "TokenBody":
        key = (self.api_key_id is not None, self.api_key_secret is not None)
        user = (self.email is not None, self.password is not None)
        if (key, user) not in {((True, True), (False, False)), ((False, False), (True, True))}:
            raise ValueError("send api_key_id and api_key_secret, or email and password")
        return self


class TokenView(ApiModel):
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    scope: str
    user_id: str
    merchant_id: str | None
