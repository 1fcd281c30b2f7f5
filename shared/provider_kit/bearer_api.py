"""A provider's JSON API that wants its key as a bearer token."""

from collections.abc import Mapping

import httpx2

from shared.domain.outcome import InDoubt
from shared.provider_kit.http import Answered, ProviderResponse, answer_to_question, call, without_secrets
from shared.provider_kit.plugin import ProviderConfig


class BearerApi:
    """One configuration's way to its provider; ``client`` stays the caller's, with its time-outs.

    Paths begin with ``/`` and stand behind the configuration's ``base_url``. No secret of the configuration is left in
    an answer.
    """

    def __init__(self, config: ProviderConfig, client: httpx2.Client) -> None:
        self._base_url = config.base_url
        self._client = client
        self._authorization = f"Bearer {config.api_key.get_secret_value()}"
        self._secrets = [secret.get_secret_value() for secret in (config.api_key, *config.webhook_secrets)]

    def post(self, path: str, body: Mapping[str, object], idempotency_key: str | None = None) -> Answered:
        """Send it, once; with ``Idempotency-Key`` where the provider knows one."""
        key = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        headers = {"Authorization": self._authorization, **key}
        answer = call(self._client, "POST", self._base_url + path, headers=headers, json=body)
        return without_secrets(answer, self._secrets)

    def get(self, path: str) -> ProviderResponse | InDoubt:
        """Ask; a question that did not get out is ``InDoubt``."""
        headers = {"Authorization": self._authorization}
        answer = call(self._client, "GET", self._base_url + path, headers=headers)
        return answer_to_question(without_secrets(answer, self._secrets))
