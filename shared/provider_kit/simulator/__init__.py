"""What a provider's simulator is written with: exchanges as values, a durable ledger, callbacks, faults."""

from shared.provider_kit.simulator.callbacks import CallbackQueue, Delivery
from shared.provider_kit.simulator.environment import CallbackAnswer, CallbackPost, Simulator, SimulatorEnvironment
from shared.provider_kit.simulator.exchange import (
    Delay,
    Fault,
    Hang,
    ResetConnection,
    SimulatedRequest,
    SimulatedResponse,
    TruncateBody,
)
from shared.provider_kit.simulator.identifiers import new_ulid
from shared.provider_kit.simulator.ledger_file import LedgerFile
from shared.provider_kit.simulator.router import Router

__all__ = [
    "CallbackAnswer",
    "CallbackPost",
    "CallbackQueue",
    "Delay",
    "Delivery",
    "Fault",
    "Hang",
    "LedgerFile",
    "ResetConnection",
    "Router",
    "SimulatedRequest",
    "SimulatedResponse",
    "Simulator",
    "SimulatorEnvironment",
    "TruncateBody",
    "new_ulid",
]
