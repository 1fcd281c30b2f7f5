"""Runs the job: ``python -m deploy.prepare``. Repeating it, also from two places at once, is harmless."""

import sys
import time
from collections.abc import Callable

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from deploy.prepare.seed import sandbox_values, seed, seed_provider
from deploy.prepare.settings import PrepareSettings, SeedSettings, told_of
from shared.domain.errors import Misconfigured
from shared.messaging.connection import BROKER_ERRORS, publishing_connection
from shared.messaging.topology import build_topology
from shared.persistence.engine import build_engine
from shared.persistence.event_log_era import begin_era
from shared.persistence.migrate import migrate
from shared.persistence.unit_of_work import unit_of_work_factory
from shared.provider_kit.registry import discover_providers
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.settings import load_settings

# Servers that start together with this job are waited for.
PATIENCE_SECONDS = 60


def main() -> None:
    try:
        prepare()
    except Misconfigured as error:
        sys.exit(f"prepare: {error}")


def prepare() -> None:
    settings = load_settings(PrepareSettings)
    owner = build_engine(settings.database_owner_url.get_secret_value(), pool_size=1, application_name="prepare")
    _patiently("PostgreSQL", lambda: migrate(owner, settings.database_url.get_secret_value()))
    print("schema: up to date")
    if continue_event_log(owner, settings.event_log_restores):
        print("event log: restored; what happens from now on comes behind what was read before")
    _patiently("RabbitMQ", lambda: _declare(settings))
    print("broker: topology declared")
    keys = AuditKeys(settings.audit_key.get_secret_value())
    if settings.environment == "sandbox" and settings.seed_api_key_id is not None:
        _seed(owner, keys)
        print("sandbox: seeded")
    for name in _configure(owner, keys, settings):
        print(f"{name}: configured from the environment")


def continue_event_log(owner: Engine, restores: int) -> bool:
    """Whether the database has been restored, or has changed hands, since this was last run."""
    with owner.begin() as connection:
        # An open transaction may still write events.
        connection.execute(text("SET LOCAL lock_timeout = '60s'"))
        return begin_era(connection, restores)


def _declare(settings: PrepareSettings) -> None:
    topology = build_topology(discover_providers(), settings.retry_delays_ms)
    with publishing_connection(settings.amqp_url.get_secret_value()) as connection:
        topology.declare(connection)


def _seed(owner: Engine, keys: AuditKeys) -> None:
    settings = load_settings(SeedSettings)
    cipher, now = CredentialCipher(settings.fernet_keys), SystemClock().now()
    with unit_of_work_factory(owner, audit_keys=keys)() as work:
        seed(work, settings, now)
        for plugin in discover_providers().values():
            seed_provider(work, plugin, sandbox_values(work, plugin, settings, told_of(plugin)), cipher, now)
        work.commit()


def _configure(owner: Engine, keys: AuditKeys, settings: PrepareSettings) -> list[str]:
    """Fill the default accounts that nobody has configured yet; what is stored already stays."""
    told = {name: told_of(plugin) for name, plugin in discover_providers().items()}
    filled = []
    with unit_of_work_factory(owner, audit_keys=keys)() as work:
        for name, values in told.items():
            if values and work.provider_configs.find(name) is None:
                cipher = CredentialCipher(settings.fernet_keys)
                seed_provider(work, discover_providers()[name], values, cipher, SystemClock().now())
                filled.append(name)
        work.commit()
    return filled


def _patiently(server: str, do: Callable[[], None]) -> None:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            do()
        except (OperationalError, *BROKER_ERRORS) as error:
            if time.monotonic() > give_up_at:
                sys.exit(f"{server} does not answer: {type(error).__name__}")
            time.sleep(1)
        else:
            return


if __name__ == "__main__":
    main()
