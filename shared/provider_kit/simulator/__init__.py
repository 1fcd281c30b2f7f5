"""What a provider's simulator is written with: exchanges as values, a durable ledger, callbacks, faults, chaos."""

from shared.provider_kit.simulator import callbacks, chaos, fault_rules, tally
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
from shared.provider_kit.simulator.identifiers import new_ulid, nobodys
from shared.provider_kit.simulator.ledger_file import LedgerFile
from shared.provider_kit.simulator.router import Router

# The tables of all that is here, for a simulator's ``LedgerFile``.
KIT_SCHEMA = callbacks.SCHEMA + fault_rules.SCHEMA + tally.SCHEMA + chaos.SCHEMA

__all__ = [
    "KIT_SCHEMA",
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
    "nobodys",
]
