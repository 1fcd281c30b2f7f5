"""How a simulator is driven by hand: where its control plane is, what can happen there, and what it can play."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class PlayedScenario:
    """One row of what a simulator plays: ``digits`` end the amount that chooses it."""

    digits: str
    name: str
    what_happens: str


@dataclass(frozen=True, slots=True)
class ControlAct:
    """What a customer, a bank or the provider's staff do: ``body`` is posted to ``path``, in which ``{reference}``
    stands for the provider's id.
    """

    path: str
    body: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """``path`` stands behind the simulator's address; every other path here is under it.

    All simulators have ``GET ledger`` (see ``Simulator``), ``GET deliveries`` (``{"deliveries": […]}``), ``POST
    faults`` of ``{"rule", "times"}`` (``{"rules": […]}``) and ``POST reset``. Where there are tills, ``till_payments``
    takes ``{"till", "account", "amount", "currency", "phone"}``, in minor units.
    """

    path: str
    scenarios: tuple[PlayedScenario, ...]
    acts: Mapping[str, ControlAct]
    till_payments: str | None = None
