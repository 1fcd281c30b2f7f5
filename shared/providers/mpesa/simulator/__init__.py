"""M-Pesa, played: Safaricom's Daraja API, what customers do with their phones, callbacks and failures."""

from shared.provider_kit.simulator import (
    KIT_SCHEMA,
    CallbackQueue,
    LedgerFile,
    SimulatedRequest,
    SimulatedResponse,
    Simulator,
    SimulatorEnvironment,
)
from shared.provider_kit.simulator import callbacks as kit_callbacks
from shared.providers.mpesa.simulator import bookkeeping, ledger
from shared.providers.mpesa.simulator.admin import PREFIX, Admin, absent
from shared.providers.mpesa.simulator.answering import Answerer
from shared.providers.mpesa.simulator.api import DarajaApi, Products
from shared.providers.mpesa.simulator.carrying import Carrier
from shared.providers.mpesa.simulator.chaos import usual
from shared.providers.mpesa.simulator.commands import Commands, CommandTools
from shared.providers.mpesa.simulator.credential import Credentials
from shared.providers.mpesa.simulator.gate import Gate
from shared.providers.mpesa.simulator.ledger import Due
from shared.providers.mpesa.simulator.money import Vault
from shared.providers.mpesa.simulator.pulls import Pulls
from shared.providers.mpesa.simulator.pushes import Pushes, PushTools
from shared.providers.mpesa.simulator.settings import MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import Refused
from shared.providers.mpesa.simulator.telling import Teller, unsigned
from shared.providers.mpesa.simulator.tills import Tills, TillTools

CERTIFICATE_PATH = f"{PREFIX}/certificate"


def build_mpesa_simulator(environment: SimulatorEnvironment) -> Simulator:
    """The simulator over a durable file in its folder; what was due while it was away happens at the first tick.

    Raises:
        pydantic.ValidationError: a setting is missing or wrong.
    """
    return MpesaSimulator(environment, MpesaSimulatorSettings.model_validate(dict(environment.settings)))


class MpesaSimulator:
    """See ``Simulator``."""

    name = "mpesa"
    mounts = ("/oauth", "/mpesa", "/pulltransactions", PREFIX)

    def __init__(self, environment: SimulatorEnvironment, settings: MpesaSimulatorSettings) -> None:
        clock = environment.clock
        self._clock = clock
        self._credentials = Credentials(settings, environment.folder)
        self._file = LedgerFile(environment.folder / ledger.FILE_NAME, ledger.SCHEMA, bookkeeping.SCHEMA, KIT_SCHEMA)
        # No gaps: Safaricom tells once, and what nobody takes is lost.
        self._callbacks = CallbackQueue(self._file, clock, environment.post, sign=unsigned, gaps_ms=())
        teller, vault = Teller(settings, clock, self._callbacks), Vault(settings, clock)
        self._tills = Tills(
            TillTools(
                settings=settings, clock=clock, file=self._file, vault=vault, teller=teller, post=environment.post
            )
        )
        self._pushes = Pushes(PushTools(settings=settings, clock=clock, vault=vault, teller=teller, tills=self._tills))
        self._commands = Commands(
            CommandTools(
                settings=settings,
                clock=clock,
                credentials=self._credentials,
                carrier=Carrier(vault, clock),
                teller=teller,
            )
        )
        answerer = Answerer(self._file, settings.hang_seconds, usual(settings.chaos_seed, settings.chaos_rate))
        self._api = self._built_api(settings, answerer)
        self._admin = self._built_admin(answerer) if settings.admin else None

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        try:
            return self._route(request)
        except Refused as refused:
            return refused.to_response()

    def tick(self) -> None:
        now_ms = kit_callbacks.milliseconds(self._clock.now())
        with self._file.reading() as connection:
            is_due = ledger.has_due_changes(connection, now_ms)
        if is_due:
            self._do_what_is_due(now_ms)
        self._tills.validate_waiting()
        self._callbacks.send_due()

    def close(self) -> None:
        self._tills.close()
        self._callbacks.close()
        self._file.close()

    def _do_what_is_due(self, now_ms: int) -> None:
        acts = {
            Due.CUSTOMER: self._pushes.customer_acts,
            Due.PROMPT: self._pushes.prompt_dies,
            Due.COMMAND: self._commands.carry_out,
        }
        with self._file.transaction() as connection:
            for kind, subject in ledger.take_due_changes(connection, now_ms):
                acts[kind](connection, subject)

    def _route(self, request: SimulatedRequest) -> SimulatedResponse:
        if request.path == CERTIFICATE_PATH and request.method == "GET":
            body = self._credentials.certificate_pem.encode()
            return SimulatedResponse(status=200, headers={"Content-Type": "application/x-pem-file"}, body=body)
        if not request.path.startswith(f"{PREFIX}/"):
            return self._api.respond(request)
        if self._admin is None:
            raise absent()
        return self._admin.respond(request)

    def _built_api(self, settings: MpesaSimulatorSettings, answerer: Answerer) -> DarajaApi:
        products = Products(
            pushes=self._pushes, commands=self._commands, tills=self._tills, pulls=Pulls(settings, self._clock)
        )
        gate = Gate(settings, self._file, self._clock)
        return DarajaApi(file=self._file, gate=gate, products=products, answerer=answerer, callbacks=self._callbacks)

    def _built_admin(self, answerer: Answerer) -> Admin:
        return Admin(
            file=self._file, pushes=self._pushes, tills=self._tills, callbacks=self._callbacks, answerer=answerer
        )
