"""CPay, played: its whole API, its callbacks and its failures, from one durable file."""

from shared.provider_kit.simulator import (
    KIT_SCHEMA,
    CallbackQueue,
    LedgerFile,
    SimulatedRequest,
    SimulatedResponse,
    Simulator,
    SimulatorEnvironment,
    new_ulid,
)
from shared.provider_kit.simulator import callbacks as kit_callbacks
from shared.providers.cpay.simulator import bookkeeping, ledger, modes, movements
from shared.providers.cpay.simulator.admin import Admin
from shared.providers.cpay.simulator.answering import Answerer
from shared.providers.cpay.simulator.api import Api, written
from shared.providers.cpay.simulator.exchange import Refused, not_found
from shared.providers.cpay.simulator.lifecycle import Lifecycle
from shared.providers.cpay.simulator.operations import Operations
from shared.providers.cpay.simulator.settings import CPaySimulatorSettings
from shared.providers.cpay.simulator.telling import Signer, Teller
from shared.runtime.clock import Clock

ADMIN_PREFIX = "/_admin"


def build_cpay_simulator(environment: SimulatorEnvironment) -> Simulator:
    """The simulator over a durable file in its folder; what was due while it was away happens at the first tick.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong.
    """
    return CPaySimulator(environment, CPaySimulatorSettings.model_validate(dict(environment.settings)))


class CPaySimulator:
    """See ``Simulator``."""

    name = "cpay"
    mounts = ("/v1", ADMIN_PREFIX)

    def __init__(self, environment: SimulatorEnvironment, settings: CPaySimulatorSettings) -> None:
        clock = environment.clock
        self._clock: Clock = clock
        self._file = LedgerFile(
            environment.folder / ledger.FILE_NAME,
            ledger.SCHEMA,
            movements.SCHEMA,
            bookkeeping.SCHEMA,
            modes.SCHEMA,
            KIT_SCHEMA,
        )
        signer = Signer(settings.webhook_secrets)
        self._callbacks = CallbackQueue(
            self._file,
            clock,
            environment.post,
            sign=signer,
            gaps_ms=settings.callback_gaps_ms(),
        )
        self._lifecycle = Lifecycle(settings, clock, Teller(settings, clock, self._callbacks))
        answerer = Answerer(self._file, settings.hang_seconds)
        admin = Admin(self._file, self._lifecycle, self._callbacks, answerer, signer)
        self._admin = admin if settings.admin else None
        self._api = Api(
            api_key=settings.api_key,
            file=self._file,
            clock=clock,
            operations=Operations(self._file, clock, self._lifecycle),
            answerer=answerer,
            callbacks=self._callbacks,
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        request_id = f"req_{new_ulid(self._clock.now())}"
        try:
            response = self._route(request, request_id)
        except Refused as refusal:
            response = written(refusal.to_reply().numbered(request_id))
        headers = {**response.headers, "X-Request-Id": request_id}
        return SimulatedResponse(status=response.status, headers=headers, body=response.body, fault=response.fault)

    def tick(self) -> None:
        now_ms = kit_callbacks.milliseconds(self._clock.now())
        with self._file.reading() as connection:
            is_due = ledger.has_due_changes(connection, now_ms)
        if is_due:
            with self._file.transaction() as connection:
                self._lifecycle.apply_due_changes(connection)
        self._callbacks.send_due()

    def close(self) -> None:
        self._callbacks.close()
        self._file.close()

    def _route(self, request: SimulatedRequest, request_id: str) -> SimulatedResponse:
        if not request.path.startswith(f"{ADMIN_PREFIX}/"):
            return self._api.respond(request, request_id)
        if self._admin is None:
            raise not_found("path")
        return self._admin.respond(request)
