"""Starting our own processes and knowing when they are ready."""

import http.client
import sys
from collections.abc import Mapping

from deploy.local.commands import Command, run
from deploy.local.environment import declared_variables, health_port_name
from deploy.local.errors import StartFailed
from deploy.local.launch import Program, Started, fingerprint, launch, running
from deploy.local.ports import HOST
from deploy.local.processes import ProcessSpec
from deploy.local.settings import CHECKOUT
from deploy.local.site import Site
from deploy.local.state_folder import tail
from deploy.local.waiting import wait_until

READY_TIMEOUT_SECONDS = 60.0
PREPARE_TIMEOUT_SECONDS = 180.0
HEALTH_TIMEOUT_SECONDS = 2.0


def start_process(site: Site, spec: ProcessSpec, known: Mapping[str, str]) -> Started:
    """Start a process; it is not ready yet."""
    declared = declared_variables(site, spec, known)
    command = [sys.executable, *spec.arguments]
    variables = {**site.settings.inherited, **declared}
    return launch(site.state, Program(spec.name, command, variables, CHECKOUT, None, fingerprint(command, declared)))


def is_current(site: Site, spec: ProcessSpec, known: Mapping[str, str]) -> bool:
    """Whether the process runs with the very settings it would be started with now."""
    identity = running(site.state, spec.name)
    expected = fingerprint([sys.executable, *spec.arguments], declared_variables(site, spec, known))
    return identity is not None and identity.fingerprint == expected


def wait_ready(site: Site, started: Started) -> None:
    """Wait until the process says it is ready.

    Raises:
        StartFailed: it ended, or was not ready in time; carries the end of its log.
    """
    port = site.ports.of(health_port_name(started.name))

    def ready() -> bool:
        started.require_alive()
        return readiness(port) is None

    if not wait_until(ready, READY_TIMEOUT_SECONDS, site.cancelled, every_seconds=0.2):
        raise started.failure(f"not ready within {READY_TIMEOUT_SECONDS:.0f} s: {readiness(port)}")


def readiness(port: int) -> str | None:
    """One line saying why the process at this health port is not ready; None when it is."""
    connection = http.client.HTTPConnection(HOST, port, timeout=HEALTH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"/readyz does not answer ({type(error).__name__})"
    finally:
        connection.close()
    return None if status == http.HTTPStatus.OK else f"/readyz answers {status}"


def run_to_end(site: Site, spec: ProcessSpec, known: Mapping[str, str]) -> None:
    """Run a one-shot process to its end, with its output in its log.

    Raises:
        StartFailed: it failed; carries the end of its log.
    """
    declared = declared_variables(site, spec, known)
    variables = {**site.settings.inherited, **declared}
    command = Command([sys.executable, *spec.arguments], variables, PREPARE_TIMEOUT_SECONDS, CHECKOUT)
    log = site.state.log(spec.name)
    answer = run(command, site.cancelled)
    log.write_text(answer.output, encoding="utf-8")
    if answer.code != 0:
        raise StartFailed(spec.name, f"exit code {answer.code}", tail(log))
