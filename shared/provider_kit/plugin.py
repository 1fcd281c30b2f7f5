"""A provider as data plus constructors: what its folder's ``PLUGIN`` is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from uuid import UUID

import httpx2
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from shared.provider_kit.control import ControlPlane
from shared.provider_kit.provider import STATEMENT_KINDS, PaymentProvider, StatementKind
from shared.provider_kit.sandbox import SandboxProvider, SandboxSite
from shared.provider_kit.simulator import Simulator, SimulatorEnvironment
from shared.provider_kit.tokens import SharedTokens
from shared.runtime.clock import Clock

CustomerField = Literal["phone", "email"]


class ProviderConfig(BaseModel):
    """What every provider's configuration has; each adds its own fields by subclassing.

    ``base_url``: where its API is, kept without a slash at its end. ``webhook_secrets``: every one of them verifies;
    the first is the newest. ``tills``: whose each till is, by the merchant's id; what customers pay at another is
    taken in by nobody.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base_url: str
    api_key: SecretStr
    webhook_secrets: tuple[SecretStr, ...] = ()
    tills: Mapping[str, UUID] = {}

    @field_validator("base_url")
    @classmethod
    def is_http(cls, base_url: str) -> str:
        if not base_url.startswith(("https://", "http://")):
            raise ValueError("must start with https:// (or, for the simulator, http://)")
        return base_url.rstrip("/")

    @classmethod
    def secret_fields(cls) -> frozenset[str]:
        """The names of the fields that hold secrets: whatever has ``SecretStr`` in its type."""
        return frozenset(name for name, field in cls.model_fields.items() if _is_secret(field.annotation))


def _is_secret(kind: object) -> bool:
    return kind is SecretStr or any(_is_secret(part) for part in get_args(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do, as ``GET /api/v1/providers`` shows it. Amounts are minor units.

    A customer must have all of ``customer_needs``, and at least one of ``customer_needs_one_of`` (if it names any); who
    gets a payout, one of ``recipient_needs_one_of``.
    ``amount_multiple_minor``: of what an amount must be a multiple, where not every minor unit is one of theirs.
    ``takes_payment_method_tokens``: whether a payment may bring what their own form made of a card or account.
    ``calls_per_second`` (``None``: no limit is known) and ``calls_burst``, how many at once: what it takes from us.
    ``idempotency_window_hours``: how long a repeated key is recognised; ``None``: for ever.
    ``statement_kinds``: what its statements cover; ``statement_reach_hours``: how far back (``None``: to the start).
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
    takes_payment_method_tokens: bool = False
    amount_multiple_minor: Mapping[str, int] = field(default_factory=dict)
    calls_per_second: float | None = None
    calls_burst: int = 1
    statement_kinds: frozenset[StatementKind] = STATEMENT_KINDS
    statement_reach_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTools:
    """What an adapter works with; all of it stays the caller's."""

    client: httpx2.Client
    clock: Clock
    tokens: SharedTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPlugin:
    """``build`` makes the adapter from a configuration and its tools.

    ``sandbox`` says what its simulator and its default account are told where nothing is real. ``webhook_alias`` is
    another name for the provider in its callback URLs, where its own is not allowed there. ``environment`` gives fields
    of the configuration by the names that environment variables customarily have; ``<NAME>_<FIELD>`` works for all.
    ``control`` is what ``payctl sim`` drives the simulator by; without it, nobody does by hand.
    """

    name: str
    title: str
    config_model: type[ProviderConfig]
    capabilities: Capabilities
    build: Callable[[ProviderConfig, ProviderTools], PaymentProvider]
    build_simulator: Callable[[SimulatorEnvironment], Simulator]
    sandbox: Callable[[SandboxSite], SandboxProvider]
    folder: Path
    webhook_alias: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    control: ControlPlane | None = None
