"""A missing or weak setting stops a process with one line that names the variable, and never its value."""

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings

from deploy.prepare.settings import PrepareSettings, SeedSettings
from services.api.settings import ApiSettings
from services.notifier.settings import NotifierSettings
from services.outbox_relay.settings import RelaySettings
from services.provider_worker.settings import WorkerSettings
from services.scheduler.settings import SchedulerSettings, SchedulerWorkerSettings
from services.webhook_ingest.settings import IngestSettings
from shared.runtime.settings import PostgresUrl, SigningSettings, load_settings

STRONG = "kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA"
ENVIRONMENT = {
    "ENVIRONMENT": "production",
    "HEALTH_PORT": "9000",
    "API_PORT": "8000",
    "INGEST_PORT": "8001",
    "NOTIFIER_PORT": "8002",
    "DATABASE_URL": "postgresql://gateway:canary-db@127.0.0.1/gateway",
    "DATABASE_OWNER_URL": "postgresql://owner:canary-db@127.0.0.1/gateway",
    "AMQP_URL": "amqp://gateway:canary-mq@127.0.0.1/",
    "REDIS_URL": "redis://:canary-redis@127.0.0.1/0",
    "JWT_SECRET_KEY": STRONG,
    "AUDIT_KEY": "canary-audit-key-that-is-long-enough",
    "CREDENTIAL_ENCRYPTION_KEYS": "canary-one, canary-two,",
    "PROVIDER": "cpay",
    "SEED_API_KEY_ID": "key_1",
    "SEED_API_KEY_SECRET": "canary-key",
    "SEED_ADMIN_EMAIL": "admin@gateway.example",
    "SEED_ADMIN_PASSWORD": "canary-admin",
    "SANDBOX_SECRET": "canary-sandbox",
    "SIMULATOR_URL": "http://127.0.0.1:8090",
    "CALLBACKS_URL": "http://127.0.0.1:8082/api/v1/webhooks",
}
ALL: list[type[BaseSettings]] = [
    ApiSettings,
    IngestSettings,
    NotifierSettings,
    PrepareSettings,
    RelaySettings,
    SchedulerSettings,
    SeedSettings,
    WorkerSettings,
]
REQUIRED = [(kind, name.upper()) for kind in ALL for name, field in kind.model_fields.items() if field.is_required()]
Kind = type[BaseSettings]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ALL:
        for name in kind.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def _refused(kind: Kind, capsys: pytest.CaptureFixture[str]) -> str:
    """Loading fails with 78; what is said on standard error."""
    with pytest.raises(SystemExit) as left:
        load_settings(kind)

    assert left.value.code == 78
    said = capsys.readouterr()
    assert said.out == ""
    assert "canary" not in said.err
    return said.err


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_with_everything_set_every_process_starts(kind: Kind) -> None:
    assert isinstance(load_settings(kind), kind)


@pytest.mark.parametrize(("kind", "name"), REQUIRED, ids=str)
def test_a_missing_setting_stops_the_process_with_one_line_that_names_it(
    kind: Kind, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(name)

    assert _refused(kind, capsys) == f"{name}: Field required\n"


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (ApiSettings, "API_PORT", "canary"),
        (ApiSettings, "API_WORKERS", "0"),
        (ApiSettings, "API_WORKERS", "65"),
        (ApiSettings, "API_THREADS", "0"),
        (ApiSettings, "ENVIRONMENT", "canary"),
        (ApiSettings, "LOG_LEVEL", "canary"),
        (ApiSettings, "DATABASE_URL", "mysql://canary@x/y"),
        (ApiSettings, "DATABASE_URL", "canary"),
        (ApiSettings, "DATABASE_URL", ""),
        (ApiSettings, "PAYMENT_LIFETIME_SECONDS", "1"),
        (ApiSettings, "TRUSTED_PROXIES", "-1"),
        (WorkerSettings, "RETRY_DELAYS_MS", "canary"),
        (WorkerSettings, "RETRY_DELAYS_MS", ""),
        (WorkerSettings, "RETRY_DELAYS_MS", "0,1"),
        (WorkerSettings, "RETRY_DELAYS_MS", "2,1"),
        (WorkerSettings, "RETRY_DELAYS_MS", "1,1"),
        (WorkerSettings, "STATUS_CHECK_SECONDS", "5,5"),
        (WorkerSettings, "LEASE_SECONDS", "1"),
        (WorkerSettings, "READ_SECONDS", "0"),
        (WorkerSettings, "WORKER_THREADS", "33"),
        (RelaySettings, "SWEEP_SECONDS", "0"),
        (SchedulerSettings, "RECOVERY_SECONDS", "-1"),
        (SchedulerSettings, "AUDIT_SEALING_SECONDS", "0"),
        (SchedulerWorkerSettings, "AUDIT_KEY", "short"),
        (ApiSettings, "AUDIT_KEY", ""),
        (WorkerSettings, "AUDIT_KEY", f"{STRONG},short"),
        (PrepareSettings, "AUDIT_KEY", f"{STRONG},"),
    ],
)
def test_a_wrong_setting_stops_the_process_with_one_line_that_names_it(
    kind: Kind, name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)

    said = _refused(kind, capsys)

    assert said.startswith(f"{name}: ")
    assert said.count("\n") == 1


def test_everything_that_is_wrong_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("API_PORT")
    monkeypatch.setenv("DATABASE_URL", "canary")

    assert sorted(line.partition(":")[0] for line in _refused(ApiSettings, capsys).splitlines()) == [
        "API_PORT",
        "DATABASE_URL",
    ]


@pytest.mark.parametrize("key", ["", "short", "x" * 31, "ä" * 15])
@pytest.mark.parametrize("environment_name", ["production", "sandbox"])
def test_a_signing_key_below_32_bytes_is_refused_everywhere(
    key: str, environment_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET_KEY", key)
    monkeypatch.setenv("ENVIRONMENT", environment_name)

    said = _refused(ApiSettings, capsys)

    assert "JWT_SECRET_KEY must be at least 32 bytes long" in said


SECRETS = [
    (kind, name.upper())
    for kind in ALL
    for name, field in kind.model_fields.items()
    if isinstance(field.annotation, type)
    and issubclass(field.annotation, SecretStr)
    and "environment" in kind.model_fields
]


@pytest.mark.parametrize("mark", ["change-me", "Change-Me"])
@pytest.mark.parametrize(("kind", "name"), SECRETS, ids=str)
def test_every_secret_of_the_sandbox_is_refused_in_production(
    kind: Kind, name: str, mark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, f"postgresql://{mark}-{STRONG}@canary/x")

    said = _refused(kind, capsys)

    assert f"{name}: the sandbox's default" in said
    assert STRONG not in said


@pytest.mark.parametrize(("kind", "name"), SECRETS, ids=str)
def test_the_secrets_of_the_sandbox_will_do_in_the_sandbox(
    kind: Kind, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"postgresql://change-me-{STRONG}@host/x")
    monkeypatch.setenv("ENVIRONMENT", "sandbox")

    assert isinstance(load_settings(kind), kind)


def test_a_process_is_in_production_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVIRONMENT")

    assert load_settings(ApiSettings).is_production is True


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_spelling_of_postgres_means_our_driver(scheme: str) -> None:
    url: SecretStr = TypeAdapter(PostgresUrl).validate_python(f"{scheme}://u:p@h:1/d?sslmode=require")

    assert url.get_secret_value() == "postgresql+psycopg2://u:p@h:1/d?sslmode=require"


@pytest.mark.parametrize("url", ["", "postgres", "postgresql+psycopg://u@h/d", "mysql://h/d", "sqlite:///x", "//h/d"])
def test_another_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must look like postgresql://"):
        TypeAdapter(PostgresUrl).validate_python(url)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_settings_never_show_a_secret(kind: Kind) -> None:
    shown = repr(load_settings(kind))

    assert "canary" not in shown
    assert STRONG not in shown


def test_rising_numbers_are_read_from_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRY_DELAYS_MS", "100,200,300")

    assert load_settings(WorkerSettings).retry_delays_ms == (100, 200, 300)


def test_keys_and_origins_are_separated_by_commas_and_empty_ones_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", " https://a.example , https://b.example,, ")

    assert load_settings(WorkerSettings).fernet_keys == ("canary-one", "canary-two")
    assert load_settings(ApiSettings).allowed_origins == ["https://a.example", "https://b.example"]


def test_settings_cannot_be_changed() -> None:
    settings = load_settings(ApiSettings)

    with pytest.raises(ValidationError, match="frozen"):
        settings.api_port = 1  # type: ignore[misc] # what is tried


def test_every_process_that_signs_or_checks_tokens_refuses_a_weak_key() -> None:
    with_key = [kind for kind in ALL if "jwt_secret_key" in kind.model_fields]

    assert with_key
    assert all(issubclass(kind, SigningSettings) for kind in with_key)


def test_every_default_secret_of_the_sandbox_is_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = {"DATABASE_URL": "postgresql://a:change-me-b@h/d", "CREDENTIAL_ENCRYPTION_KEYS": "change-me-0000="}
    told = secrets | {"ENVIRONMENT": "production", "HEALTH_PORT": "1", "AMQP_URL": "amqp://own", "INGEST_PORT": "2"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as left:
        load_settings(IngestSettings)

    assert left.value.code == 78
    line = capsys.readouterr().err
    assert "DATABASE_URL" in line
    assert "CREDENTIAL_ENCRYPTION_KEYS" in line
    assert "AMQP_URL" not in line
    assert "change-me" not in line
