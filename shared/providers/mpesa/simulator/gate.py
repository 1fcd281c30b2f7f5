"""Daraja's gate: tokens, of which only the last one is good, and how each product refuses the others."""

import base64
import binascii
import hmac
import secrets
import string
from collections.abc import Callable, Mapping

from shared.provider_kit.simulator import LedgerFile, SimulatedRequest
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator import bookkeeping
from shared.providers.mpesa.simulator.scenarios import Api
from shared.providers.mpesa.simulator.settings import SECOND_MS, MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import Answer, Refused
from shared.runtime.clock import Clock

TOKEN_CHARACTERS = 28


def not_found_token(_token: str) -> Refused:
    return Refused(404, "404.001.03", "Invalid Access Token")


def bad_request_token(_token: str) -> Refused:
    return Refused(400, "400.003.01", "Invalid Access Token")


def echoed_token(token: str) -> Refused:
    """Safaricom puts the refused token into the message; clients must not log it."""
    return Refused(401, "401.002.01", f"Error Occurred - Invalid Access Token - {token}")


TOKEN_REFUSALS: Mapping[Api, Callable[[str], Refused]] = {
    Api.STK: not_found_token,
    Api.QUERY: not_found_token,
    Api.REVERSAL: not_found_token,
    Api.C2B: bad_request_token,
    Api.STATUS: bad_request_token,
    Api.PULL: bad_request_token,
    Api.B2C: echoed_token,
    Api.BALANCE: echoed_token,
}


class Gate:
    """Every new token ends the life of the one before it."""

    def __init__(self, settings: MpesaSimulatorSettings, file: LedgerFile, clock: Clock) -> None:
        self._settings = settings
        self._file = file
        self._clock = clock

    def new_token(self, request: SimulatedRequest) -> Answer:
        """``GET /oauth/v1/generate``.

        Raises:
            Refused: 400, for the scheme, the grant type, or (with an empty body) the credentials.
        """
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            raise Refused(400, "400.008.01", "Invalid authentication type passed")
        if request.query.get("grant_type") != "client_credentials":
            raise Refused(400, "400.008.02", "Invalid grant type passed")
        if not self._are_ours(encoded):
            raise Refused(400, None)
        return Answer(body={"access_token": self._issue(), "expires_in": str(self._settings.token_lifetime_seconds)})

    def check(self, api: Api, request: SimulatedRequest) -> None:
        """Let the holder of the live token pass.

        Raises:
            Refused: no token, or one that is not live, as this product says it.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refused(404, "404.001.04", "Invalid Authentication Header")
        with self._file.reading() as connection:
            is_live = bookkeeping.is_live_token(connection, token, milliseconds(self._clock.now()))
        if not is_live:
            raise TOKEN_REFUSALS[api](token)

    def refuse_live_token(self, api: Api, request: SimulatedRequest) -> Refused:
        """As if another worker had fetched a new token meanwhile: this one is dead from now on."""
        with self._file.transaction() as connection:
            bookkeeping.forget_token(connection)
        return TOKEN_REFUSALS[api](request.headers.get("authorization", "").partition(" ")[2])

    def _are_ours(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            return False
        ours = f"{self._settings.consumer_key}:{self._settings.consumer_secret}"
        return hmac.compare_digest(given, ours.encode())

    def _issue(self) -> str:
        alphabet = string.ascii_letters + string.digits
        token = "".join(secrets.choice(alphabet) for _ in range(TOKEN_CHARACTERS))
        ends_at_ms = milliseconds(self._clock.now()) + self._settings.token_lifetime_seconds * SECOND_MS
        with self._file.transaction() as connection:
            bookkeeping.set_token(connection, token, ends_at_ms)
        return token
