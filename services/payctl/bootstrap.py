"""Builds what the commands work with; the only place where their parts meet."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from services.payctl.settings import PayctlSettings, SimSettings
from services.payctl.simulator_control import NotPlayed, SimulatorControl
from shared.application.audit_configuration import account_name
from shared.application.provider_access import open_account, open_provider
from shared.application.their_books import TheirBooks, their_books
from shared.coordination.breaker import BreakerRules, Breakers
from shared.coordination.redis_client import OptionalRedis, build_redis
from shared.coordination.tokens import RedisTokens
from shared.domain.errors import Misconfigured
from shared.domain.ids import MerchantId
from shared.messaging.connection import publishing_connection
from shared.messaging.parked import ParkedMessages
from shared.messaging.topology import build_topology
from shared.persistence.engine import build_engine
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.provider_kit.control import ControlPlane
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.provider import PaymentProvider
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.transport import build_client
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import Clock, SystemClock
from shared.runtime.crypto import CredentialCipher


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a command may need. Messages that it commits are published by the relay."""

    settings: PayctlSettings
    unit_of_work: UnitOfWorkFactory
    clock: Clock
    declare_queues: Callable[[], None]
    open_provider: Callable[[str, MerchantId | None], PaymentProvider]
    open_breakers: Callable[[str], Breakers]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimTools:
    """What the commands for the simulators need."""

    providers: Sequence[str]
    plane_of: Callable[[str], ControlPlane]
    open_control: Callable[[str], AbstractContextManager[SimulatorControl]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTools:
    """What the commands of the audit trail need."""

    engine: Engine
    keys: AuditKeys


def build_audit_tools(settings: PayctlSettings) -> AuditTools:
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=1, application_name="payctl")
    return AuditTools(engine=engine, keys=AuditKeys(settings.audit_key.get_secret_value()))


def build_sim_tools(settings: SimSettings) -> SimTools:
    """Raises ``Misconfigured`` in production: what the simulators play is not money."""
    if settings.environment == "production":
        raise Misconfigured("ENVIRONMENT: there are no simulators in production; ENVIRONMENT=sandbox has them")
    return SimTools(
        providers=tuple(discover_providers()),
        plane_of=_control_plane,
        open_control=partial(_open_control, settings),
    )


def build_tools(settings: PayctlSettings) -> Tools:
    engine = build_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="payctl")
    keys = AuditKeys(settings.audit_key.get_secret_value())
    unit_of_work = unit_of_work_factory(engine, audit_keys=keys)
    return Tools(
        settings=settings,
        unit_of_work=unit_of_work,
        clock=SystemClock(),
        declare_queues=partial(_declare_queues, settings),
        open_provider=partial(_open_provider, settings, unit_of_work),
        open_breakers=partial(_open_breakers, settings),
    )


def open_parked(settings: PayctlSettings) -> ParkedMessages:
    return ParkedMessages(settings.amqp_url.get_secret_value(), settings.retry_delays_ms)


def open_cipher(settings: PayctlSettings) -> CredentialCipher:
    """Raises ``Misconfigured`` where there are no keys, and ``CredentialUnreadable`` where one is none."""
    if not settings.fernet_keys:
        raise Misconfigured("CREDENTIAL_ENCRYPTION_KEYS: needed to read the provider's credentials, and not set")
    return CredentialCipher(settings.fernet_keys)


def secret_fields_of(provider: str) -> frozenset[str]:
    """By the provider's own schema. Raises ``Misconfigured``."""
    return _plugin(provider).config_model.secret_fields()


def _declare_queues(settings: PayctlSettings) -> None:
    topology = build_topology(discover_providers(), settings.retry_delays_ms)
    with publishing_connection(settings.amqp_url.get_secret_value()) as connection:
        topology.declare(connection)


def books_of(name: str, provider: PaymentProvider) -> TheirBooks | None:
    """What ``provider``, opened by this name, gives statements of, if it gives any. Raises ``Misconfigured``."""
    return their_books(_plugin(name), provider)


def _open_provider(
    settings: PayctlSettings, unit_of_work: UnitOfWorkFactory, name: str, merchant_id: MerchantId | None
) -> PaymentProvider:
    """As a merchant's own account sees it, or the default one. Raises ``Misconfigured``, ``CredentialUnreadable``."""
    plugin, cipher, clock = _plugin(name), open_cipher(settings), SystemClock()
    client = build_client(connect_seconds=2, read_seconds=30, connections=1)
    tokens = RedisTokens(_open_redis(settings), cipher, clock)
    provider_tools = ProviderTools(client=client, clock=clock, tokens=tokens)
    is_production = settings.environment == "production"
    if merchant_id is None:
        return open_provider(unit_of_work, plugin, cipher, provider_tools, is_production=is_production)
    with unit_of_work() as work:
        stored = work.provider_configs.find(name, merchant_id)
    if stored is None:
        raise Misconfigured(f"{name} has no account of {account_name(merchant_id)}")
    return open_account(stored, plugin, cipher, provider_tools, is_production=is_production)


def _control_plane(name: str) -> ControlPlane:
    """Raises ``Misconfigured`` for a provider that is not there, ``NotPlayed`` for one that nobody drives."""
    plane = _plugin(name).control
    if plane is None:
        raise NotPlayed(f"{name}: its simulator has no control plane")
    return plane


@contextmanager
def _open_control(settings: SimSettings, name: str) -> Iterator[SimulatorControl]:
    """Raises as ``_control_plane``, and ``Misconfigured`` where nobody has said where the simulators are."""
    plane = _control_plane(name)
    if settings.simulator_url is None:
        raise Misconfigured("SIMULATOR_URL: where the simulators are, such as http://127.0.0.1:8090; not set")
    with build_client(connect_seconds=2, read_seconds=10, connections=1) as client:
        yield SimulatorControl(client, settings.simulator_url, plane)


def _open_breakers(settings: PayctlSettings, name: str) -> Breakers:
    """Where the breaker of the provider ``name`` is. Raises ``Misconfigured``."""
    _plugin(name)
    return Breakers(_open_redis(settings), BreakerRules())


def _plugin(name: str) -> ProviderPlugin:
    plugin = discover_providers().get(name)
    if plugin is None:
        raise Misconfigured(f"there is no provider {name!r}; there are: {', '.join(discover_providers())}")
    return plugin


def _open_redis(settings: PayctlSettings) -> OptionalRedis:
    """What the workers share, too: a token that only we knew of would end theirs. Raises ``Misconfigured``."""
    if settings.redis_url is None:
        raise Misconfigured("REDIS_URL: needed for what the processes share about a provider, and not set")
    return OptionalRedis(build_redis(settings.redis_url.get_secret_value(), connections=2))
