"""What processes and clients are told."""

from pathlib import Path

import pytest

from deploy.local.environment import declared_variables, facts, read_gateway_env, write_gateway_env
from deploy.local.processes import PREPARE, ProcessSpec, our_processes
from deploy.local.servers import ServerUrl
from deploy.local.settings import load_settings
from deploy.local.site import Site, open_site

SERVERS = {
    "postgres": ServerUrl("postgres", "postgresql://app@db/gateway", "postgresql://owner@db/gateway"),
    "redis": ServerUrl("redis", "redis://cache"),
    "rabbitmq": ServerUrl("rabbitmq", "amqp://broker"),
}
EVERYONE = {
    *(
        "ENVIRONMENT",
        "DATABASE_URL",
        "AMQP_URL",
        "REDIS_URL",
        "JWT_SECRET_KEY",
        "CREDENTIAL_ENCRYPTION_KEYS",
        "AUDIT_KEY",
    ),
    *("HEALTH_HOST", "HEALTH_PORT", "LOG_LEVEL", "STATE_DIR", "PYTHONUNBUFFERED"),
}
PROCESSES = our_processes(["cpay"])
SANDBOX = {"SANDBOX_SECRET", "SIMULATOR_URL", "CALLBACKS_URL"}
EGRESS = {"EGRESS_PORTS", "EGRESS_ALLOW_HTTP", "EGRESS_ALLOWED_NETWORKS"}
OWN = {
    "api": {"API_HOST", "API_PORT", "API_WORKERS", *EGRESS},
    "outbox-relay": set(),
    "provider-worker-cpay": {"PROVIDER"},
    "webhook-ingest": {"INGEST_HOST", "INGEST_PORT", "INGEST_WORKERS"},
    "webhook-delivery": EGRESS,
    "notifier": {"NOTIFIER_HOST", "NOTIFIER_PORT"},
    "scheduler-worker": set(),
    "scheduler-beat": set(),
    "provider-simulator": {
        *SANDBOX,
        *("SIMULATOR_HOST", "SIMULATOR_PORT", "SIMULATOR_DELAY_MS", "SIMULATOR_TIME_SCALE"),
    },
    "prepare": {
        *SANDBOX,
        *("DATABASE_OWNER_URL", "SEED_API_KEY_ID", "SEED_API_KEY_SECRET"),
        *("SEED_ADMIN_EMAIL", "SEED_ADMIN_PASSWORD"),
    },
}


def site(state_dir: Path, **variables: str) -> Site:
    return open_site(load_settings(variables, state_dir))


def told(at: Site, name: str) -> dict[str, str]:
    spec = next(spec for spec in (*PROCESSES, PREPARE) if spec.name == name)
    return declared_variables(at, spec, facts(at, SERVERS))


@pytest.mark.parametrize("spec", [*PROCESSES, PREPARE], ids=lambda spec: spec.name)
def test_each_process_is_told_what_it_needs_and_no_more(tmp_path: Path, spec: ProcessSpec) -> None:
    assert set(told(site(tmp_path), spec.name)) == EVERYONE | OWN[spec.name]


def test_only_the_preparation_knows_the_owner_of_the_database(tmp_path: Path) -> None:
    at = site(tmp_path)

    assert told(at, "prepare")["DATABASE_OWNER_URL"] == "postgresql://owner@db/gateway"
    assert all("owner@" not in "".join(told(at, spec.name).values()) for spec in PROCESSES)


def test_the_simulator_calls_the_ingest_back(tmp_path: Path) -> None:
    at = site(tmp_path)

    callback = told(at, "provider-simulator")["CALLBACKS_URL"]

    assert callback == f"http://127.0.0.1:{told(at, 'webhook-ingest')['INGEST_PORT']}/api/v1/webhooks"


def test_the_preparation_knows_where_the_simulator_is_and_both_share_their_secrets(tmp_path: Path) -> None:
    at = site(tmp_path)
    simulator, prepare = told(at, "provider-simulator"), told(at, "prepare")

    assert prepare["SIMULATOR_URL"] == f"http://127.0.0.1:{simulator['SIMULATOR_PORT']}"
    assert {name: simulator[name] for name in SANDBOX} == {name: prepare[name] for name in SANDBOX}


def test_retry_delays_reach_every_process_when_they_are_set(tmp_path: Path) -> None:
    at = site(tmp_path, RETRY_DELAYS_MS="1,2")

    assert {told(at, spec.name)["RETRY_DELAYS_MS"] for spec in (*PROCESSES, PREPARE)} == {"1,2"}


def test_the_simulator_can_be_slowed_down(tmp_path: Path) -> None:
    assert told(site(tmp_path, SIMULATOR_DELAY_MS="900"), "provider-simulator")["SIMULATOR_DELAY_MS"] == "900"


def test_no_two_processes_share_a_port_or_a_folder(tmp_path: Path) -> None:
    at = site(tmp_path)
    all_told = [told(at, spec.name) for spec in PROCESSES]

    ports = [value for variables in all_told for name, value in variables.items() if name.endswith("_PORT")]
    folders = [variables["STATE_DIR"] for variables in all_told]

    assert len(ports) == len(set(ports)) == 13
    assert len(folders) == len(set(folders))
    assert all(Path(folder).is_dir() for folder in folders)


def test_gateway_env_is_read_back_and_has_plain_urls(tmp_path: Path) -> None:
    at = site(tmp_path)
    write_gateway_env(at, facts(at, SERVERS))

    environment = read_gateway_env(at.state.gateway_env.read_text())

    assert list(environment) == [
        *("API_URL", "WS_URL", "INGEST_URL", "SIMULATOR_URL", "DATABASE_URL", "DATABASE_OWNER_URL"),
        *(
            "AMQP_URL",
            "REDIS_URL",
            "AUDIT_KEY",
            "ENVIRONMENT",
            "CREDENTIAL_ENCRYPTION_KEYS",
            "API_KEY_ID",
            "API_KEY_SECRET",
            "SPOOL_DIR",
            "ADMIN_EMAIL",
            "ADMIN_PASSWORD",
        ),
    ]
    assert environment["WS_URL"] == f"ws://127.0.0.1:{told(at, 'notifier')['NOTIFIER_PORT']}"
    assert environment["API_KEY_SECRET"] == told(at, "prepare")["SEED_API_KEY_SECRET"]
    assert environment["ADMIN_EMAIL"] == "admin@gateway.example"
