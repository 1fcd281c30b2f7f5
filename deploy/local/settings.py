"""The environment variables that steer a local system; the only place here that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.errors import LocalError

CHECKOUT = Path(__file__).resolve().parents[2]
SERVER_VARIABLES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "rabbitmq": "AMQP_URL"}
SERVER_KINDS = ("native", "docker")
INHERITED = ("PATH", "HOME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
DOCKER_NEEDS = ("XDG_RUNTIME_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
DEFAULT_TUNING = {
    "SIMULATOR_DELAY_MS": "300",
    "SIMULATOR_TIME_SCALE": "10",
    "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
}
# Passed on under their own names to every process; see docs/configuration.md.
PASSED_ON = (
    "RETRY_DELAYS_MS", "STATUS_CHECK_SECONDS", "LEASE_SECONDS", "READ_SECONDS", "RECOVERY_SECONDS",
    "WORKER_THREADS", "BREAKER_FAILURES", "BREAKER_OPEN_SECONDS", "CALLS_PER_SECOND", "CALLS_BURST",
    "ALLOWED_ORIGINS", "CORS_ORIGINS",
)  # fmt: skip
TUNING = (*PASSED_ON, *DEFAULT_TUNING)
FALLBACK_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """What the caller chose.

    ``given_urls`` are the servers that are not ours to start, ``inherited`` the few variables every child gets,
    ``docker`` those that only Docker's client gets, and ``tuning`` the ones passed through to our processes.
    ``providers``: those whose workers run; all that are found where it is empty.
    """

    state_dir: Path = CHECKOUT / ".local"
    forced_kind: str | None = None
    given_urls: Mapping[str, str] = field(default_factory=dict)
    given_owner_url: str | None = None
    inherited: Mapping[str, str] = field(default_factory=lambda: {"PATH": FALLBACK_PATH})
    docker: Mapping[str, str] = field(default_factory=dict)
    tuning: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_TUNING))
    providers: tuple[str, ...] = ()


def load_settings(environment: Mapping[str, str] | None = None, state_dir: Path | None = None) -> LocalSettings:
    """Read the settings from ``environment`` (this process's own when not given).

    Raises:
        LocalError: GATEWAY_SERVERS names something else than native or docker.
    """
    variables = {name: value for name, value in (os.environ if environment is None else environment).items() if value}
    return LocalSettings(
        state_dir=(state_dir or Path(variables.get("GATEWAY_LOCAL_DIR", CHECKOUT / ".local"))).absolute(),
        forced_kind=_forced_kind(variables),
        given_urls={server: variables[name] for server, name in SERVER_VARIABLES.items() if name in variables},
        given_owner_url=variables.get("DATABASE_OWNER_URL"),
        inherited={"PATH": FALLBACK_PATH} | _only(variables, INHERITED),
        docker={name: value for name, value in variables.items() if name.startswith("DOCKER_") or name in DOCKER_NEEDS},
        tuning=DEFAULT_TUNING | _only(variables, TUNING),
        providers=tuple(variables.get("GATEWAY_PROVIDERS", "").replace(",", " ").split()),
    )


def _forced_kind(variables: Mapping[str, str]) -> str | None:
    kind = variables.get("GATEWAY_SERVERS")
    if kind is not None and kind not in SERVER_KINDS:
        raise LocalError(f"GATEWAY_SERVERS is {kind!r}, expected one of: {', '.join(SERVER_KINDS)}")
    return kind


def _only(variables: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: variables[name] for name in names if name in variables}
