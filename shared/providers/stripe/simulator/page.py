"""The 3-D Secure page: what the customer's bank shows, with a link to pass and one to fail."""

import hmac
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from shared.provider_kit.simulator import LedgerFile, SimulatedRequest, SimulatedResponse
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.exchange import Refused, new_id, unrecognized
from shared.providers.stripe.simulator.lifecycle import Lifecycle
from shared.providers.stripe.simulator.payments import existing_intent
from shared.providers.stripe.simulator.rows import Intent

PATH = "/hooks/authenticate"
OUTCOMES: Mapping[str, bool] = {"complete": True, "fail": False}
PAGE = """<!doctype html><meta charset="utf-8"><title>3-D Secure test page</title>
<h1>3-D Secure</h1><p>Payment of {amount} {currency} (minor units), played by the simulator.</p>
<p><a href="{complete}">Complete</a> <a href="{fail}">Fail</a></p>
"""


class AuthenticationPage:
    """Needs no API key: the token in its address is for one payment, and only while that waits."""

    def __init__(self, file: LedgerFile, lifecycle: Lifecycle) -> None:
        self._file = file
        self._lifecycle = lifecycle

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        """The page; with ``outcome``, what the customer chose, and the way back to ``return_url``.

        Raises:
            Refused: 404, no such payment, or it does not wait for its customer.
        """
        if request.path != PATH or request.method not in {"GET", "POST"}:
            raise unrecognized(request.method, request.path)
        with self._file.transaction() as connection:
            act = Act(connection=connection, now_ms=self._lifecycle.now_ms(), request_id=new_id("req"))
            intent = waiting_intent(act, request.query)
            outcome = OUTCOMES.get(request.query.get("outcome", ""))
            if outcome is None:
                return html(page_of(intent))
            self._lifecycle.payments.authenticate(act, intent, is_passed=outcome)
        return way_back(intent, is_passed=outcome)


def waiting_intent(act: Act, query: Mapping[str, str]) -> Intent:
    intent = existing_intent(act, query.get("payment_intent", ""))
    token = query.get("token", "")
    if intent.action_token is None or not hmac.compare_digest(token.encode(), intent.action_token.encode()):
        raise Refused(404, "This page is not there any more.")
    return intent


def page_of(intent: Intent) -> str:
    links = {
        outcome: escape(
            f"?{urlencode({'payment_intent': intent.id, 'token': intent.action_token, 'outcome': outcome})}"
        )
        for outcome in OUTCOMES
    }
    return PAGE.format(amount=intent.amount, currency=intent.currency.upper(), **links)


def way_back(intent: Intent, *, is_passed: bool) -> SimulatedResponse:
    if intent.return_url is None:
        return html("<!doctype html><title>Done</title><p>Done.</p>")
    told = {
        "payment_intent": intent.id,
        "payment_intent_client_secret": intent.client_secret,
        "redirect_status": "succeeded" if is_passed else "failed",
    }
    joint = "&" if "?" in intent.return_url else "?"
    return SimulatedResponse(status=302, headers={"Location": f"{intent.return_url}{joint}{urlencode(told)}"})


def html(text: str) -> SimulatedResponse:
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return SimulatedResponse(status=200, headers=headers, body=text.encode())
