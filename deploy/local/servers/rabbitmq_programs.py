"""Finding RabbitMQ's programs, and installing them on Debian when we are root."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.commands import Answer, Command, run
from deploy.local.errors import LocalError
from deploy.local.site import Site

# Debian's /usr/sbin/rabbitmq-server insists on being root or rabbitmq; this is the program behind it.
DEBIAN_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
OTHER_FOLDERS = "/opt/homebrew/sbin:/usr/local/sbin:/usr/local/opt/rabbitmq/sbin"
ERLANG_TREES = (Path("/usr/lib/erlang"), Path("/usr/local/lib/erlang"), Path("/opt/homebrew/lib/erlang"))
POLICY = Path("/usr/sbin/policy-rc.d")
FORBID_SERVICES = "#!/bin/sh\n# Written by payment-gateway for one apt-get install; safe to remove.\nexit 101\n"
APT_TIMEOUT_SECONDS = 600.0
INSTALL_HINT = (
    "RabbitMQ is missing; install it (apt-get install rabbitmq-server, brew install rabbitmq) or set AMQP_URL"
)


@dataclass(frozen=True, slots=True)
class RabbitmqPrograms:
    """The two programs a node needs."""

    server: Path
    epmd: Path


def find_or_install(site: Site) -> RabbitmqPrograms:
    """RabbitMQ's programs, after installing them if they are missing and we are root on Debian or Ubuntu.

    Raises:
        LocalError: they are missing and cannot be installed here.
    """
    programs = find(site.settings.inherited["PATH"])
    if programs is not None:
        return programs
    if os.geteuid() != 0 or shutil.which("apt-get", path=site.settings.inherited["PATH"]) is None:
        raise LocalError(INSTALL_HINT)
    _install(site)
    programs = find(site.settings.inherited["PATH"])
    if programs is None:
        raise LocalError(INSTALL_HINT)
    return programs


def find(search_path: str) -> RabbitmqPrograms | None:
    """RabbitMQ's programs where they are installed."""
    server = DEBIAN_SERVER if DEBIAN_SERVER.exists() else _which("rabbitmq-server", search_path)
    epmd = _which("epmd", search_path) or next(_bundled_epmd(), None)
    return None if server is None or epmd is None else RabbitmqPrograms(server, epmd)


def _which(program: str, search_path: str) -> Path | None:
    found = shutil.which(program, path=f"{search_path}:{OTHER_FOLDERS}")
    return None if found is None else Path(found)


def _bundled_epmd() -> Iterator[Path]:
    for tree in ERLANG_TREES:
        yield from sorted(tree.glob("erts-*/bin/epmd"))


def _install(site: Site) -> None:
    site.report("rabbitmq: installing the Debian package rabbitmq-server (its own service is not started)")
    with _services_forbidden():
        answer = _apt(site, ["install", "-y", "--no-install-recommends", "rabbitmq-server"])
        if answer.code != 0:
            _apt(site, ["update"])
            answer = _apt(site, ["install", "-y", "--no-install-recommends", "rabbitmq-server"])
    if answer.code != 0:
        raise LocalError(f"apt-get install rabbitmq-server failed: {answer.last_line}")


def _apt(site: Site, arguments: Sequence[str]) -> Answer:
    variables = {**site.settings.inherited, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", *arguments]
    return run(Command(command, variables, APT_TIMEOUT_SECONDS, uninterruptible=True), site.cancelled)


@contextmanager
def _services_forbidden() -> Iterator[None]:
    """Keep a package from starting its service; the machine's own policy, if it has one, stays as it is."""
    try:
        with os.fdopen(os.open(POLICY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755), "w", encoding="utf-8") as handle:
            handle.write(FORBID_SERVICES)
    except FileExistsError:
        yield
        return
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
