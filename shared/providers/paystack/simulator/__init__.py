"""Paystack, played: as much of its API as we use, its pages, callbacks and failures, from one durable file."""

from shared.provider_kit.simulator import (
    KIT_SCHEMA,
    CallbackQueue,
    LedgerFile,
    Router,
    SimulatedRequest,
    SimulatedResponse,
    Simulator,
    SimulatorEnvironment,
)
from shared.provider_kit.simulator import callbacks as kit_callbacks
from shared.provider_kit.simulator.answering import Answerer
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.admin import Admin
from shared.providers.paystack.simulator.answering import spoiling
from shared.providers.paystack.simulator.api import MOUNT, PAGES, Api, Route
from shared.providers.paystack.simulator.checkout import Checkout
from shared.providers.paystack.simulator.exchange import Refused, not_found
from shared.providers.paystack.simulator.payments import Payments
from shared.providers.paystack.simulator.refunds import Refunds
from shared.providers.paystack.simulator.scenarios import Answering
from shared.providers.paystack.simulator.settings import PaystackSimulatorSettings
from shared.providers.paystack.simulator.telling import Signer, Teller

ADMIN_PREFIX = f"{MOUNT}/_admin/"


def build_paystack_simulator(environment: SimulatorEnvironment) -> Simulator:
    """The simulator over a durable file in its folder; what was due while it was away happens at the first tick.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong.
    """
    return PaystackSimulator(environment, PaystackSimulatorSettings.model_validate(dict(environment.settings)))


class PaystackSimulator:
    """See ``Simulator``."""

    name = "paystack"
    mounts = (MOUNT,)

    def __init__(self, environment: SimulatorEnvironment, settings: PaystackSimulatorSettings) -> None:
        self._clock = environment.clock
        self._file = LedgerFile(environment.folder / books.FILE_NAME, books.SCHEMA, KIT_SCHEMA)
        self._callbacks = CallbackQueue(
            self._file,
            environment.clock,
            environment.post,
            sign=Signer(settings.api_key),
            gaps_ms=settings.callback_gaps_ms(),
        )
        teller = Teller(settings, environment.clock, self._callbacks)
        self._payments = Payments(settings, environment.clock, teller)
        self._refunds = Refunds(settings, environment.clock, teller)
        checkout = Checkout(self._file, self._payments)
        self._pages: Router[Route] = Router(
            {f"GET {PAGES}/{{code}}": checkout.show, f"POST {PAGES}/{{code}}": checkout.decide}
        )
        answerer = Answerer(self._file, spoiling(settings.hang_seconds), Answering.PROPERLY)
        admin = Admin(self._file, self._payments, self._refunds, self._callbacks, answerer.rules)
        self._admin = admin if settings.admin else None
        self._api = Api(
            settings=settings,
            file=self._file,
            payments=self._payments,
            refunds=self._refunds,
            answerer=answerer,
            callbacks=self._callbacks,
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        try:
            return self._route(request)
        except Refused as refusal:
            return refusal.to_response()

    def tick(self) -> None:
        now_ms = kit_callbacks.milliseconds(self._clock.now())
        with self._file.reading() as connection:
            is_due = books.has_due_changes(connection, now_ms)
        if is_due:
            self._apply_due_changes(now_ms)
        self._callbacks.send_due()

    def close(self) -> None:
        self._callbacks.close()
        self._file.close()

    def _apply_due_changes(self, now_ms: int) -> None:
        with self._file.transaction() as connection:
            for change in books.take_due_changes(connection, now_ms):
                subject = self._refunds if change.kind == "refund" else self._payments
                subject.apply(connection, change)

    def _route(self, request: SimulatedRequest) -> SimulatedResponse:
        page = self._pages.find(request.method, request.path)
        if page is not None:
            route, placeholders = page
            return route(request, placeholders)
        if not request.path.startswith(ADMIN_PREFIX):
            return self._api.respond(request)
        if self._admin is None:
            raise not_found("Path")
        return self._admin.respond(request)
