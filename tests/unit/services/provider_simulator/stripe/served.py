"""The simulator behind a real server, asked by Stripe's own SDK."""

import threading
from collections.abc import Callable
from pathlib import Path

import stripe

from services.provider_simulator.server import SimulatorServer
from shared.provider_kit.simulator import SimulatorEnvironment
from shared.providers.stripe.simulator import build_stripe_simulator
from shared.providers.stripe.tests.simulator.played import API_KEY, SETTINGS, Merchant
from shared.runtime.clock import SystemClock

PAYMENT: stripe.params.PaymentIntentCreateParams = {
    "amount": 109_900,
    "currency": "kes",
    "payment_method": "pm_card_visa",
    "confirm": True,
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    "metadata": {"gateway_payment_id": "p1"},
}


class Served:
    """A server with its merchant; ``client`` makes a client of the SDK, with its own connections."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.merchant = Merchant()
        simulator = build_stripe_simulator(
            SimulatorEnvironment(
                folder=folder,
                settings={**SETTINGS, "delay_ms": "50", **settings},
                clock=SystemClock(),
                post=self.merchant,
            )
        )
        self._server = SimulatorServer("127.0.0.1", 0, [simulator])
        self._https: list[stripe.RequestsClient] = []
        self._server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/stripe"

    def client(self, api_key: str = API_KEY, *, read_seconds: float = 10, retries: int = 0) -> stripe.V1Services:
        http = stripe.RequestsClient(timeout=(3, read_seconds))
        self._https.append(http)
        client = stripe.StripeClient(
            api_key, base_addresses={"api": self.url}, http_client=http, max_network_retries=retries
        )
        return client.v1

    def stop(self) -> None:
        for http in self._https:
            http.close()  # type: ignore[no-untyped-call]  # the SDK has no type for it
        self._server.stop()


def wait_until(holds: Callable[[], bool]) -> None:
    """Up to ten seconds, then it fails."""
    pause = threading.Event()
    assert any(holds() or pause.wait(0.02) for _ in range(500))


def answer_of(made: stripe.StripeObject) -> stripe.StripeResponse:
    """The HTTP answer that it came with."""
    assert isinstance(made.last_response, stripe.StripeResponse)
    return made.last_response
