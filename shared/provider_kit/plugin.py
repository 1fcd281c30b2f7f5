"""A provider as data plus constructors: what its folder's ``PLUGIN`` is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import httpx2
from pydantic import BaseModel, ConfigDict, SecretStr

from shared.provider_kit.provider import PaymentProvider
from shared.provider_kit.simulator import Simulator, SimulatorEnvironment

CustomerField = Literal["phone", "email"]


class ProviderConfig(BaseModel):
    """What every provider's configuration has; each adds its own fields by subclassing.

    ``webhook_secrets``: every one of them verifies; the first is the newest. ``tills``: whose each till is, by the
    merchant's id; what customers pay at another is taken in by nobody.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    api_key: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = ()
    tills: Mapping[str, UUID] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do, as ``GET /api/v1/providers`` shows it. Amounts are minor units.

    A customer must have all of ``customer_needs``, and at least one of ``customer_needs_one_of`` (if it names any); who
    gets a payout, one of ``recipient_needs_one_of``.
    ``idempotency_window_hours``: how long a repeated key is recognised; ``None``: for ever.
    """

    operations: frozenset[str]
    currencies: frozenset[str]
    minimum_amount_minor: Mapping[str, int]
    maximum_amount_minor: Mapping[str, int]
    customer_needs: frozenset[CustomerField]
    customer_needs_one_of: frozenset[CustomerField]
    confirmation: Literal["synchronous", "asynchronous"]
    webhook_authentication: str
    refund_window_days: int | None
    payment_methods: frozenset[str]
    idempotency_window_hours: int | None
    recipient_needs_one_of: frozenset[CustomerField] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPlugin:
    """``build`` makes the adapter from a configuration and an HTTP client that the caller owns."""

    name: str
    title: str
    config_model: type[ProviderConfig]
    capabilities: Capabilities
    build: Callable[[ProviderConfig, httpx2.Client], PaymentProvider]
    build_simulator: Callable[[SimulatorEnvironment], Simulator]
    folder: Path
