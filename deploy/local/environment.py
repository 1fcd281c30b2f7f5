"""What each process is told, and what `gateway.env` tells everybody else."""

from collections.abc import Iterable, Mapping

from deploy.local.credentials import ADMIN_EMAIL
from deploy.local.ports import HOST
from deploy.local.processes import ProcessSpec
from deploy.local.servers.addresses import ServerUrl
from deploy.local.settings import PASSED_ON
from deploy.local.site import Site
from deploy.local.state_folder import read_json, write_json, write_private

# The addresses that the variables and gateway.env mention, by the process that serves each.
SERVED = {
    "api_url": "api",
    "ingest_url": "webhook-ingest",
    "notifier_url": "notifier",
    "simulator_url": "provider-simulator",
}


def health_port_name(process: str) -> str:
    return f"{process}.health"


def claim_ports(site: Site, specs: Iterable[ProcessSpec]) -> None:
    """Choose (or confirm) the ports of processes that are about to start."""
    for spec in specs:
        site.ports.claim(health_port_name(spec.name))
        if spec.listens_as is not None:
            site.ports.claim(spec.name)


def facts(site: Site, servers: Mapping[str, ServerUrl]) -> dict[str, str]:
    """Everything that a process's variables may mention, by name."""
    postgres = servers["postgres"]
    addresses = {name: f"http://{HOST}:{site.ports.of(process)}" for name, process in SERVED.items()}
    return {
        **site.secrets,
        **addresses,
        "simulator_delay_ms": "",
        "simulator_time_scale": "",
        "egress_allowed_networks": "",
        **{name.lower(): value for name, value in _tuning(site).items()},
        "admin_email": ADMIN_EMAIL,
        "database_url": postgres.url,
        "database_owner_url": postgres.owner_url or postgres.url,
        "redis_url": servers["redis"].url,
        "amqp_url": servers["rabbitmq"].url,
    }


def declared_variables(site: Site, spec: ProcessSpec, known: Mapping[str, str]) -> dict[str, str]:
    """The variables that we set for a process, without the few it inherits."""
    state = site.state.state(spec.name)
    state.mkdir(parents=True, exist_ok=True)
    return {
        "ENVIRONMENT": "sandbox",
        "LOG_LEVEL": "INFO",
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": known["database_url"],
        "AMQP_URL": known["amqp_url"],
        "REDIS_URL": known["redis_url"],
        "JWT_SECRET_KEY": known["jwt_secret_key"],
        "CREDENTIAL_ENCRYPTION_KEYS": known["credential_encryption_key"],
        "AUDIT_KEY": known["audit_key"],
        "STATE_DIR": str(state),
        **_listening(site, spec),
        **_passed_on(site),
        **{name: text.format_map(known) for name, text in spec.variables.items()},
    }


def write_gateway_env(site: Site, known: Mapping[str, str]) -> None:
    """Write `gateway.env`, readable by its owner only."""
    content = {
        "API_URL": known["api_url"],
        "WS_URL": known["notifier_url"].replace("http://", "ws://", 1),
        "INGEST_URL": known["ingest_url"],
        "SIMULATOR_URL": known["simulator_url"],
        "DATABASE_URL": known["database_url"],
        "DATABASE_OWNER_URL": known["database_owner_url"],
        "AMQP_URL": known["amqp_url"],
        "REDIS_URL": known["redis_url"],
        "AUDIT_KEY": known["audit_key"],
        "ENVIRONMENT": "sandbox",
        "CREDENTIAL_ENCRYPTION_KEYS": known["credential_encryption_key"],
        "API_KEY_ID": known["api_key_id"],
        "API_KEY_SECRET": known["api_key_secret"],
        "ADMIN_EMAIL": known["admin_email"],
        "ADMIN_PASSWORD": known["admin_password"],
    }
    write_private(site.state.gateway_env, "".join(f"{name}={value}\n" for name, value in content.items()))


def read_gateway_env(text: str) -> dict[str, str]:
    """The mapping in a `gateway.env`."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def remember_tuning(site: Site) -> None:
    """Keep what this `up` was told, so that a later `start NAME` starts the process like its siblings."""
    write_json(site.state.tuning, site.settings.tuning)


def _tuning(site: Site) -> Mapping[str, str]:
    return read_json(site.state.tuning) or site.settings.tuning


def _passed_on(site: Site) -> dict[str, str]:
    return {name: value for name, value in _tuning(site).items() if name in PASSED_ON}


def _listening(site: Site, spec: ProcessSpec) -> dict[str, str]:
    variables = {"HEALTH_HOST": HOST, "HEALTH_PORT": str(site.ports.of(health_port_name(spec.name)))}
    if spec.listens_as is not None:
        variables[f"{spec.listens_as}_HOST"] = HOST
        variables[f"{spec.listens_as}_PORT"] = str(site.ports.of(spec.name))
    return variables
