"""Stripe, played: its API for payments, its webhooks and its failures, from one durable file."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from shared.provider_kit.simulator import (
    KIT_SCHEMA,
    CallbackQueue,
    LedgerFile,
    SimulatedRequest,
    SimulatedResponse,
    Simulator,
    SimulatorEnvironment,
)
from shared.providers.stripe.simulator import bookkeeping, books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.admin import Admin
from shared.providers.stripe.simulator.answering import Answerer
from shared.providers.stripe.simulator.api import Api
from shared.providers.stripe.simulator.exchange import Refused, new_id, response_of, unrecognized
from shared.providers.stripe.simulator.lifecycle import Lifecycle
from shared.providers.stripe.simulator.page import AuthenticationPage
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings
from shared.providers.stripe.simulator.telling import Signer, Teller

PREFIX = "/stripe"


def build_stripe_simulator(environment: SimulatorEnvironment) -> Simulator:
    """The simulator over a durable file in its folder; what was due while it was away happens at the first tick.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong.
    """
    return StripeSimulator(environment, StripeSimulatorSettings.model_validate(dict(environment.settings)))


class StripeSimulator:
    """See ``Simulator``."""

    name = "stripe"
    mounts = (PREFIX,)

    def __init__(self, environment: SimulatorEnvironment, settings: StripeSimulatorSettings) -> None:
        self._settings = settings
        schemas = (KIT_SCHEMA, bookkeeping.SCHEMA, books.SCHEMA)
        self._file = LedgerFile(environment.folder / books.FILE_NAME, *schemas)
        self._callbacks = CallbackQueue(
            self._file,
            environment.clock,
            environment.post,
            sign=Signer(settings.webhook_secrets, livemode=settings.livemode),
            gaps_ms=settings.webhook_gaps_ms(),
        )
        self._lifecycle = Lifecycle(settings, environment.clock, Teller(settings, self._callbacks))
        answerer = Answerer(self._file, settings)
        self._api = Api(settings, self._file, self._lifecycle, answerer, self._callbacks)
        self._page = AuthenticationPage(self._file, self._lifecycle)
        self._admin = Admin(self._file, self._lifecycle, answerer, self._callbacks, livemode=settings.livemode)

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        request_id = new_id("req")
        below = replace(request, path=request.path.removeprefix(PREFIX))
        try:
            response = self._part(below)(below, request_id)
        except Refused as refusal:
            response = response_of(refusal.to_reply().numbered(request_id, livemode=self._settings.livemode))
        headers: Mapping[str, str] = {
            "Stripe-Version": self._settings.api_version,
            **response.headers,
            "Request-Id": request_id,
        }
        return replace(response, headers=headers)

    def tick(self) -> None:
        now_ms = self._lifecycle.now_ms()
        with self._file.reading() as connection:
            is_due = books.has_due_changes(connection, now_ms)
        if is_due:
            with self._file.transaction() as connection:
                self._lifecycle.apply_due_changes(Act(connection=connection, now_ms=now_ms))
        self._callbacks.send_due()

    def close(self) -> None:
        self._callbacks.close()
        self._file.close()

    def _part(self, request: SimulatedRequest) -> Callable[[SimulatedRequest, str], SimulatedResponse]:
        if request.path.startswith("/_admin/"):
            return self._controlled
        if request.path.startswith("/hooks/"):
            return lambda asked, _: self._page.respond(asked)
        return self._api.respond

    def _controlled(self, request: SimulatedRequest, request_id: str) -> SimulatedResponse:  # noqa: ARG002 - as the API
        if not self._settings.admin:
            raise unrecognized(request.method, request.path)
        return self._admin.respond(request)
