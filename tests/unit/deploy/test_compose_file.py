"""The root docker-compose.yml: the processes of a local system, safe defaults, and nothing that hinders scaling."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped] # comes with openapi-spec-validator
from cryptography.fernet import Fernet
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from deploy.local.environment import read_gateway_env
from deploy.local.processes import PREPARE, ProcessSpec, our_processes
from deploy.prepare.settings import SeedSettings
from services.api.settings import ApiSettings
from services.notifier.settings import NotifierSettings
from services.outbox_relay.settings import RelaySettings
from services.provider_simulator.settings import SimulatorSettings
from services.provider_worker.settings import WorkerSettings
from services.scheduler.settings import SchedulerSettings, SchedulerWorkerSettings
from services.webhook_delivery.settings import DeliverySettings
from services.webhook_ingest.settings import IngestSettings
from shared.provider_kit.registry import discover_providers

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
BASE: Mapping[str, Mapping[str, Any]] = yaml.safe_load(TEXT)["services"]


def extended(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """As Compose's ``extends`` has it: the environment is completed, everything else replaced."""
    return {**base, **own, "environment": {**base["environment"], **own.get("environment", {})}}


def of_folders() -> Mapping[str, Mapping[str, Any]]:
    """The workers of providers that bring a ``compose.yml`` of their own."""
    found: dict[str, Mapping[str, Any]] = {}
    for file in sorted(ROOT.glob("shared/providers/*/compose.yml")):
        for name, own in yaml.safe_load(file.read_text())["services"].items():
            found[name] = extended(BASE[own["extends"]["service"]], own)
    return found


SERVICES: Mapping[str, Mapping[str, Any]] = {**BASE, **of_folders()}
SERVERS = ("postgres", "redis", "rabbitmq")
PROCESSES = our_processes(discover_providers())
PROCESS_NAMES = tuple(spec.name for spec in PROCESSES)
PUBLISHED = {
    "api": "127.0.0.1:${API_PORT:-8080}:8080",
    "notifier": "127.0.0.1:${NOTIFIER_PORT:-8081}:8081",
    "webhook-ingest": "127.0.0.1:${INGEST_PORT:-8082}:8082",
    "provider-simulator": "127.0.0.1:${SIMULATOR_PORT:-8090}:8090",
}
SETTINGS: Mapping[str, type[BaseSettings]] = {
    "api": ApiSettings,
    "outbox-relay": RelaySettings,
    **dict.fromkeys((name for name in PROCESS_NAMES if name.startswith("provider-worker-")), WorkerSettings),
    "webhook-ingest": IngestSettings,
    "webhook-delivery": DeliverySettings,
    "notifier": NotifierSettings,
    "scheduler-worker": SchedulerWorkerSettings,
    "scheduler-beat": SchedulerSettings,
    "provider-simulator": SimulatorSettings,
}
# What is decided by the container itself, and not by whoever starts it.
FIXED = re.compile(r".*_host|.*_port|state_dir|provider|environment")
# What a sandbox has open and production must not: production does not start with it.
OPEN_IN_A_SANDBOX = re.compile(r"egress_(ports|allow_http|allowed_networks)")
VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^{}]*)\}")


def offered_defaults() -> Iterator[tuple[str, str]]:
    """Each variable that can be set, with its default, as often as it occurs."""
    return ((name, default) for name, default in VARIABLE.findall(TEXT))


DEFAULTS = dict(offered_defaults())


def told(service: str) -> dict[str, str]:
    """The environment of a service where nothing is set."""
    environment: Mapping[str, str] = SERVICES[service]["environment"]
    return {name: VARIABLE.sub(lambda found: found[2], str(text)) for name, text in environment.items()}


def lower(variables: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in variables.items()}


def as_text(default: object) -> str:
    if isinstance(default, frozenset):
        default = tuple(sorted(default))
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def seconds(text: str) -> int:
    assert re.fullmatch(r"\d+s", text)
    return int(text[:-1])


def test_there_is_nothing_but_the_servers_and_the_processes_of_a_local_system() -> None:
    assert set(SERVICES) == {*SERVERS, PREPARE.name, *PROCESS_NAMES}


@pytest.mark.parametrize("spec", [*PROCESSES, PREPARE], ids=lambda spec: spec.name)
def test_a_process_runs_the_command_of_a_local_system(spec: ProcessSpec) -> None:
    assert SERVICES[spec.name]["command"] == ["python", *spec.arguments]


@pytest.mark.parametrize("spec", [*PROCESSES, PREPARE], ids=lambda spec: spec.name)
def test_a_process_is_told_its_own_variables_of_a_local_system(spec: ProcessSpec) -> None:
    listening = set() if spec.listens_as is None else {f"{spec.listens_as}_HOST", f"{spec.listens_as}_PORT"}

    assert set(told(spec.name)) >= {*spec.variables, *listening}


@pytest.mark.parametrize("name", PROCESS_NAMES)
def test_a_process_is_healthy_when_its_private_port_says_ready(name: str) -> None:
    question = " ".join(SERVICES[name]["healthcheck"]["test"])

    assert "/readyz" in question
    assert told(name)["HEALTH_PORT"] in question


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0].startswith("CMD")


@pytest.mark.parametrize("name", PROCESS_NAMES)
def test_a_process_starts_when_the_preparation_has_succeeded(name: str) -> None:
    assert SERVICES[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_the_preparation_runs_once_when_the_servers_it_needs_are_healthy() -> None:
    assert SERVICES["prepare"]["restart"] == "no"
    assert SERVICES["prepare"]["depends_on"] == {
        "postgres": {"condition": "service_healthy"},
        "rabbitmq": {"condition": "service_healthy"},
    }


def test_the_image_is_built_by_the_service_that_all_others_wait_for() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["prepare"]
    assert len({SERVICES[name]["image"] for name in ("prepare", *PROCESS_NAMES)}) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_only_what_the_outside_needs_is_published_and_only_on_this_machine(name: str) -> None:
    assert SERVICES[name].get("ports", []) == ([PUBLISHED[name]] if name in PUBLISHED else [])


@pytest.mark.parametrize("name", SERVICES)
def test_no_name_of_a_container_hinders_scaling(name: str) -> None:
    assert "container_name" not in SERVICES[name]


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("postgres", r"postgres:\d+-bookworm"),
        ("redis", r"redis:\d+-bookworm"),
        ("rabbitmq", r"rabbitmq:\d+-management"),
    ],
)
def test_a_server_is_an_official_image_of_one_major_version(name: str, image: str) -> None:
    assert re.fullmatch(image, SERVICES[name]["image"])


@pytest.mark.parametrize("name", ["prepare", *PROCESS_NAMES])
def test_a_process_can_write_nowhere_but_in_its_state_folder_and_has_no_privileges(name: str) -> None:
    service = SERVICES[name]

    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert sum("/var/lib/gateway" in place for place in (*service["tmpfs"], *service.get("volumes", []))) == 1


@pytest.mark.parametrize("name", ["provider-simulator", "scheduler-beat", "scheduler-worker"])
def test_what_must_outlive_a_container_is_in_a_volume(name: str) -> None:
    assert [place.partition(":")[2] for place in SERVICES[name]["volumes"]] == ["/var/lib/gateway"]


@pytest.mark.parametrize("name", SERVICES)
def test_logs_are_limited(name: str) -> None:
    logging = SERVICES[name]["logging"]

    assert logging["driver"] == "json-file"
    assert set(logging["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("name", [*SERVERS, *PROCESS_NAMES])
def test_what_ends_is_started_again(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_a_worker_has_time_to_finish_its_calls() -> None:
    allowed = seconds(SERVICES["provider-worker-cpay"]["stop_grace_period"])

    assert allowed > int(told("provider-worker-cpay")["SHUTDOWN_SECONDS"]) + 10


def test_only_the_preparation_knows_the_owner_of_the_database() -> None:
    knowing = {name for name in SERVICES if "DATABASE_OWNER_URL" in SERVICES[name].get("environment", {})}

    assert knowing == {"prepare"}


@pytest.mark.parametrize("name", PROCESS_NAMES)
def test_a_secret_is_known_only_to_the_processes_that_need_it(name: str) -> None:
    fields = SETTINGS[name].model_fields

    for secret in ("audit_key", "jwt_secret_key", "credential_encryption_keys", "redis_url", "database_url"):
        assert (secret.upper() in told(name)) == (secret in fields), secret


@pytest.mark.parametrize("name", PROCESS_NAMES)
def test_every_setting_of_a_process_can_be_set_and_its_default_is_that_of_the_code(name: str) -> None:
    for field, description in SETTINGS[name].model_fields.items():
        if FIXED.fullmatch(field):
            continue
        assert VARIABLE.fullmatch(SERVICES[name]["environment"][field.upper()]), field
        if not description.is_required() and not OPEN_IN_A_SANDBOX.fullmatch(field):
            assert DEFAULTS[field.upper()] == as_text(description.default), field


def test_every_variable_has_a_default_that_compose_1_29_understands() -> None:
    assert TEXT.replace("$$", "").count("$") == len(list(offered_defaults()))


def test_a_variable_has_the_same_default_wherever_it_is_used() -> None:
    assert set(offered_defaults()) == set(DEFAULTS.items())


def test_the_example_of_an_env_file_has_every_variable_with_its_default_and_nothing_else() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()

    assert dict(line.split("=", 1) for line in lines if line and not line.startswith("#")) == DEFAULTS


def test_the_demo_is_told_the_default_ports_and_credentials() -> None:
    assert read_gateway_env((ROOT / "deploy" / "compose.env").read_text()) == {
        "API_URL": f"http://127.0.0.1:{DEFAULTS['API_PORT']}",
        "WS_URL": f"ws://127.0.0.1:{DEFAULTS['NOTIFIER_PORT']}",
        "INGEST_URL": f"http://127.0.0.1:{DEFAULTS['INGEST_PORT']}",
        "SIMULATOR_URL": f"http://127.0.0.1:{DEFAULTS['SIMULATOR_PORT']}",
        "API_KEY_ID": DEFAULTS["SEED_API_KEY_ID"],
        "API_KEY_SECRET": DEFAULTS["SEED_API_KEY_SECRET"],
        "ADMIN_EMAIL": DEFAULTS["SEED_ADMIN_EMAIL"],
        "ADMIN_PASSWORD": DEFAULTS["SEED_ADMIN_PASSWORD"],
    }


@pytest.mark.parametrize(
    ("url", "user", "password", "path"),
    [
        ("DATABASE_URL", "gateway_app", "POSTGRES_APP_PASSWORD", "POSTGRES_DB"),
        ("DATABASE_OWNER_URL", DEFAULTS["POSTGRES_USER"], "POSTGRES_PASSWORD", "POSTGRES_DB"),
        ("AMQP_URL", DEFAULTS["RABBITMQ_DEFAULT_USER"], "RABBITMQ_DEFAULT_PASS", "RABBITMQ_DEFAULT_VHOST"),
        ("REDIS_URL", "", "REDIS_PASSWORD", None),
    ],
)
def test_a_default_url_logs_into_the_server_with_its_default_password(
    url: str, user: str, password: str, path: str | None
) -> None:
    parts = urlsplit(DEFAULTS[url])

    assert (parts.username, parts.password) == (user, DEFAULTS[password])
    assert parts.hostname in SERVERS
    assert parts.path.removeprefix("/") == ("0" if path is None else DEFAULTS[path])


def test_the_database_makes_the_role_that_the_services_log_in_as() -> None:
    script = "deploy/postgres/application_role.sql"

    assert f"./{script}:/docker-entrypoint-initdb.d/application_role.sql:ro" in SERVICES["postgres"]["volumes"]
    assert f"CREATE ROLE {urlsplit(DEFAULTS['DATABASE_URL']).username} LOGIN" in (ROOT / script).read_text()


def test_the_default_keys_are_good_enough_for_a_sandbox() -> None:
    ApiSettings(**api_settings("sandbox"))
    Fernet(DEFAULTS["CREDENTIAL_ENCRYPTION_KEYS"])
    SimulatorSettings.model_validate(lower(told("provider-simulator")))
    SeedSettings.model_validate(lower(told("prepare")))


def test_the_default_key_of_access_tokens_is_refused_in_production() -> None:
    with pytest.raises(ValidationError, match=r"JWT_SECRET_KEY.*default"):
        ApiSettings(**api_settings("production"))


@pytest.mark.parametrize("opened", ["egress_allow_http", "egress_allowed_networks"])
def test_what_is_open_in_the_sandbox_is_refused_in_production(opened: str) -> None:
    closed = {"egress_allow_http": "False", "egress_allowed_networks": ""}
    own = dict.fromkeys(("jwt_secret_key", "audit_key"), "kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA")
    urls = dict.fromkeys(("database_url", "amqp_url", "redis_url"), "postgresql://a:b@c/d")
    safe = api_settings("production") | own | urls | {"credential_encryption_keys": Fernet.generate_key().decode()}

    with pytest.raises(ValidationError, match=opened.upper()):
        ApiSettings(**(safe | {name: value for name, value in closed.items() if name != opened}))
    assert ApiSettings(**(safe | closed)).egress_policy.allowed_networks == ()


def api_settings(environment: str) -> dict[str, Any]:
    told_api = {name.lower(): value for name, value in told("api").items()}
    return told_api | {"environment": environment}


def test_the_override_of_a_local_system_changes_the_servers_only() -> None:
    override = yaml.safe_load((ROOT / "deploy" / "local" / "compose.ports.yml").read_text())

    assert set(override["services"]) == set(SERVERS)
