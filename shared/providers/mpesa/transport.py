"""M-Pesa's HTTP: one access token that all workers share, renewed when it is refused, and scrubbed from answers."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import timedelta

from shared.domain.outcome import InDoubt, NotSent
from shared.provider_kit.http import (
    Answered,
    ProviderResponse,
    answer_to_question,
    call,
    retry_after_seconds,
    without_secrets,
)
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.tokens import IssuedToken, TokenUnavailable
from shared.provider_kit.wire import read
from shared.providers.mpesa.config import MpesaConfig
from shared.providers.mpesa.errors import Verdict, error_in
from shared.providers.mpesa.wire import TokenAnswer

TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - an address
DEFAULT_LIFE_SECONDS = 3599
LONGEST_LIFE_SECONDS = 86_400
# Their gate's answers to a wrong key or secret; 400 comes with an empty body.
CREDENTIALS_REFUSED = frozenset({400, 401, 403})


class CredentialsRefused(TokenUnavailable):
    """They do not take our consumer key and secret."""


class Transport:
    """One configuration's way to M-Pesa; its tools stay the caller's."""

    def __init__(self, config: MpesaConfig, tools: ProviderTools) -> None:
        self._base_url, self._client, self._tokens = config.base_url, tools.client, tools.tokens
        key = config.api_key.get_secret_value()
        pair = f"{key}:{config.api_secret.get_secret_value()}"
        self._basic = base64.b64encode(pair.encode()).decode()
        # Each token ends the life of the last one of the same application.
        self._token_name = f"mpesa:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        secrets = (config.api_secret, config.passkey, config.initiator_password, *config.webhook_secrets)
        given = [secret.get_secret_value() for secret in secrets if secret is not None]
        self._secrets = (*given, self._basic)

    def post(self, path: str, body: Mapping[str, str]) -> Answered:
        """Send it; where the token is refused, which is before anything is executed, once more with another."""
        try:
            token = self._tokens.token(self._token_name, self._fetch)
            answer = self._sent(path, body, token)
            if not _refuses_token(answer):
                return answer
            token = self._tokens.token(self._token_name, self._fetch, refused=token)
        except TokenUnavailable as error:
            return error.outcome
        return self._sent(path, body, token)

    def ask(self, path: str, body: Mapping[str, str]) -> ProviderResponse | InDoubt:
        """As ``post``, for a question: one that did not get out proves nothing."""
        return answer_to_question(self.post(path, body))

    def renew_token(self) -> None:
        """Have them look at our key and secret now; the others go on with the new token.

        Raises:
            TokenUnavailable: they gave none.
        """
        fetched: list[IssuedToken] = []

        def fetch() -> IssuedToken:
            fetched.append(self._fetch())
            return fetched[-1]

        shared = self._tokens.token(self._token_name, fetch)
        if not fetched:
            self._tokens.token(self._token_name, fetch, refused=shared)

    def _sent(self, path: str, body: Mapping[str, str], token: str) -> Answered:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        answer = call(self._client, "POST", self._base_url + path, headers=headers, json=body)
        # One of their messages repeats the token.
        return without_secrets(answer, (token, *self._secrets))

    def _fetch(self) -> IssuedToken:
        headers = {"Authorization": f"Basic {self._basic}", "Accept": "application/json"}
        answer = call(self._client, "GET", self._base_url + TOKEN_PATH, headers=headers)
        if not isinstance(answer, ProviderResponse):
            # Whatever became of the token, the request that needs it was not sent.
            raise TokenUnavailable(NotSent(reason=f"no access token: {answer.reason}"))
        if answer.status in CREDENTIALS_REFUSED:
            raise CredentialsRefused(NotSent(reason=f"misconfigured: no access token: http {answer.status}"))
        issued = read(TokenAnswer, answer.body) if answer.status == 200 else None
        if issued is None:
            wait = retry_after_seconds(answer.headers)
            raise TokenUnavailable(NotSent(reason=f"no access token: http {answer.status}", retry_after_seconds=wait))
        return IssuedToken(value=issued.access_token, lifetime=_lifetime(issued))


def _refuses_token(answer: Answered) -> bool:
    error = error_in(answer) if isinstance(answer, ProviderResponse) else None
    return error is not None and error.verdict is Verdict.TOKEN_REFUSED


def _lifetime(issued: TokenAnswer) -> timedelta:
    """As they say; those who share it give it up early enough."""
    wish = issued.expires_in or ""
    is_number = wish.isascii() and wish.isdigit() and len(wish) <= 9
    seconds = min(int(wish), LONGEST_LIFE_SECONDS) if is_number else DEFAULT_LIFE_SECONDS
    return timedelta(seconds=seconds)
