"""CPay's HTTP: what is sent and read with a key, and answers as models of ``wire``, or not at all."""

from collections.abc import Mapping
from typing import TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from shared.domain.outcome import InDoubt, NotSent
from shared.provider_kit.http import ProviderResponse, call
from shared.providers.cpay.config import CPayConfig
from shared.providers.cpay.wire import ErrorBody, ErrorDetail

Model = TypeVar("Model", bound=BaseModel)


class Transport:
    """One configuration's way to CPay; ``client`` stays the caller's, with its timeouts."""

    def __init__(self, config: CPayConfig, client: httpx2.Client) -> None:
        self._base_url = config.base_url
        self._client = client
        self._api_key = config.api_key
        self._secrets = (config.api_key, *config.webhook_secrets)

    def post(self, path: str, body: Mapping[str, object], idempotency_key: str) -> ProviderResponse | NotSent | InDoubt:
        headers = {**self._authorization(), "Idempotency-Key": idempotency_key}
        return self._redacted(call(self._client, "POST", self._base_url + path, headers=headers, json=body))

    def get(self, path: str) -> ProviderResponse | InDoubt:
        answer = self._redacted(call(self._client, "GET", self._base_url + path, headers=self._authorization()))
        # A query's NotSent is proof that there is nothing; a query that did not get out proves nothing.
        return InDoubt(reason=answer.reason) if isinstance(answer, NotSent) else answer

    def _authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}

    def _redacted(self, answer: ProviderResponse | NotSent | InDoubt) -> ProviderResponse | NotSent | InDoubt:
        """An answer that repeats a secret of ours, as some error messages do, loses it here."""
        if not isinstance(answer, ProviderResponse):
            return answer
        body = answer.body
        for secret in self._secrets:
            body = body.replace(secret.get_secret_value().encode(), b"[redacted]")
        return ProviderResponse(status=answer.status, headers=answer.headers, body=body)


def read(model: type[Model], answer: ProviderResponse) -> Model | None:
    """The body as ``model``; ``None`` if it is HTML, empty, cut off or of another shape."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None


def error_in(answer: ProviderResponse) -> ErrorDetail | None:
    body = read(ErrorBody, answer)
    return body.error if body else None


def unreadable(answer: ProviderResponse) -> InDoubt:
    return InDoubt(reason=f"http {answer.status} unreadable")
