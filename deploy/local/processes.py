"""THE table of our own processes: what each is, what it is told, and what it listens on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process of ours.

    ``arguments`` follow the interpreter. ``listens_as`` is the prefix of its ``…_HOST`` and ``…_PORT``. ``variables``
    are its own, besides those that all get; ``{names}`` in them are filled in from `facts` in `environment.py`.
    """

    name: str
    arguments: Sequence[str]
    listens_as: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


SIMULATOR = "provider-simulator"

_SANDBOX: Mapping[str, str] = {
    "SANDBOX_SECRET": "{sandbox_secret}",
    "SIMULATOR_URL": "{simulator_url}",
    "CALLBACKS_URL": "{ingest_url}/api/v1/webhooks",
}

# Where nothing is real, simulators and merchants' endpoints are on this machine.
_EGRESS: Mapping[str, str] = {
    "EGRESS_PORTS": "any",
    "EGRESS_ALLOW_HTTP": "true",
    "EGRESS_ALLOWED_NETWORKS": "{egress_allowed_networks}",
}

_BEFORE_WORKERS: tuple[ProcessSpec, ...] = (
    ProcessSpec("api", ("-m", "services.api"), "API", {"API_WORKERS": "2", **_EGRESS}),
    ProcessSpec("outbox-relay", ("-m", "services.outbox_relay")),
)
_AFTER_WORKERS: tuple[ProcessSpec, ...] = (
    ProcessSpec("webhook-ingest", ("-m", "services.webhook_ingest"), "INGEST", {"INGEST_WORKERS": "1"}),
    ProcessSpec("webhook-delivery", ("-m", "services.webhook_delivery"), None, _EGRESS),
    ProcessSpec("notifier", ("-m", "services.notifier"), "NOTIFIER"),
    ProcessSpec("scheduler-worker", ("-m", "services.scheduler", "worker")),
    ProcessSpec("scheduler-beat", ("-m", "services.scheduler", "beat")),
    ProcessSpec(
        SIMULATOR,
        ("-m", "services.provider_simulator"),
        "SIMULATOR",
        {
            **_SANDBOX,
            "SIMULATOR_DELAY_MS": "{simulator_delay_ms}",
            "SIMULATOR_TIME_SCALE": "{simulator_time_scale}",
        },
    ),
)

# Runs once, to its end, before the others start: migrations, broker topology, seed data.
PREPARE = ProcessSpec(
    "prepare",
    ("-m", "deploy.prepare"),
    None,
    {
        "DATABASE_OWNER_URL": "{database_owner_url}",
        "SEED_API_KEY_ID": "{api_key_id}",
        "SEED_API_KEY_SECRET": "{api_key_secret}",
        "SEED_ADMIN_EMAIL": "{admin_email}",
        "SEED_ADMIN_PASSWORD": "{admin_password}",
        **_SANDBOX,
    },
)


def our_processes(providers: Iterable[str]) -> tuple[ProcessSpec, ...]:
    """Everything that runs, with a worker for each of ``providers``."""
    return (*_BEFORE_WORKERS, *(_worker(name) for name in providers), *_AFTER_WORKERS)


def worker_name(provider: str) -> str:
    return f"provider-worker-{provider}"


def _worker(provider: str) -> ProcessSpec:
    return ProcessSpec(worker_name(provider), ("-m", "services.provider_worker"), None, {"PROVIDER": provider})
