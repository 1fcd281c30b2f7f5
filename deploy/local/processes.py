"""THE table of our own processes: what each is, what it is told, and what it listens on."""

from collections.abc import Mapping, Sequence
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


PROCESSES: tuple[ProcessSpec, ...] = (
    ProcessSpec("api", ("-m", "services.api"), "API", {"API_WORKERS": "2"}),
    ProcessSpec("outbox-relay", ("-m", "services.outbox_relay")),
    ProcessSpec("provider-worker-cpay", ("-m", "services.provider_worker"), None, {"PROVIDER": "cpay"}),
    ProcessSpec("webhook-ingest", ("-m", "services.webhook_ingest"), "INGEST", {"INGEST_WORKERS": "1"}),
    ProcessSpec("notifier", ("-m", "services.notifier"), "NOTIFIER"),
    ProcessSpec("scheduler-worker", ("-m", "services.scheduler", "worker")),
    ProcessSpec("scheduler-beat", ("-m", "services.scheduler", "beat")),
    ProcessSpec(
        "provider-simulator",
        ("-m", "services.provider_simulator"),
        "SIMULATOR",
        {
            "CPAY_API_KEY": "{cpay_api_key}",
            "CPAY_WEBHOOK_SECRETS": "{cpay_webhook_secret}",
            "CPAY_CALLBACK_URL": "{ingest_url}/api/v1/webhooks/cpay",
            "CPAY_ADMIN": "1",
            "CPAY_DELAY_MS": "{cpay_delay_ms}",
            "CPAY_TIME_SCALE": "{cpay_time_scale}",
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
        "CPAY_BASE_URL": "{simulator_url}/v1",
        "CPAY_API_KEY": "{cpay_api_key}",
        "CPAY_WEBHOOK_SECRETS": "{cpay_webhook_secret}",
    },
)
