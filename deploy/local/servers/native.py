"""Starting and stopping the private servers of a local system, one by one."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.local.errors import StartFailed
from deploy.local.launch import Started, already_started, running
from deploy.local.running import Identity, is_alive
from deploy.local.servers import postgres, rabbitmq, redis
from deploy.local.servers.addresses import ServerUrl, is_ready, why_not_ready
from deploy.local.site import Site
from deploy.local.stopping import clear_leftovers, kill_program, stop_program
from deploy.local.waiting import wait_until

READY_TIMEOUT_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class NativeServer:
    """How one kind of server is started and stopped here.

    ``launch`` starts it, ``address`` says where it is, ``finish`` is done once it takes logins, ``companions`` are
    programs that are stopped after it.
    """

    launch: Callable[[Site], Started]
    address: Callable[[Site], ServerUrl]
    stop_signal: signal.Signals = signal.SIGTERM
    ready_when: Callable[[Site], ServerUrl] | None = None
    finish: Callable[[Site], None] = lambda _site: None
    companions: tuple[str, ...] = ()


NATIVE_SERVERS: Mapping[str, NativeServer] = {
    "postgres": NativeServer(
        postgres.launch_server,
        postgres.address,
        stop_signal=signal.SIGINT,
        ready_when=postgres.superuser_address,
        finish=postgres.create_roles,
    ),
    "redis": NativeServer(redis.launch_server, redis.address),
    "rabbitmq": NativeServer(rabbitmq.launch_server, rabbitmq.address, companions=(rabbitmq.EPMD,)),
}


def native_running(site: Site, name: str) -> Identity | None:
    """The living server of this name that this system started, if there is one."""
    return running(site.state, name)


def start_native_server(site: Site, name: str, on_launch: Callable[[str], None] = lambda _name: None) -> ServerUrl:
    """Start a server, or leave it alone when it runs; returns once it takes logins.

    ``on_launch`` is called as soon as there is something to stop.

    Raises:
        LocalError: it is not installed, or StartFailed with the end of its log.
    """
    server = NATIVE_SERVERS[name]
    found = already_started(site.state, name)
    if found is None or not _outlives_wait(site, server, found):
        _clear(site, name)
        on_launch(name)
        _wait_ready(site, server, server.launch(site))
    server.finish(site)  # also for one that runs: the run that started it may have ended before this
    return server.address(site)


def stop_native_server(site: Site, name: str) -> bool:
    """Stop a server that this system started; False when it was not running."""
    server = NATIVE_SERVERS[name]
    stopped = stop_program(site.state, name, server.stop_signal)
    for companion in server.companions:
        stop_program(site.state, companion)
    return stopped


def kill_native_server(site: Site, name: str) -> bool:
    """End a server as a crash would; False when it was not running."""
    killed = kill_program(site.state, name)
    for companion in NATIVE_SERVERS[name].companions:
        kill_program(site.state, companion)
    return killed


def _clear(site: Site, name: str) -> None:
    for program in (name, *NATIVE_SERVERS[name].companions):
        clear_leftovers(site.state, program)


def _outlives_wait(site: Site, server: NativeServer, found: Started) -> bool:
    """Wait for a server that runs; False when it turns out to be dying, as one does just after a SIGKILL."""
    try:
        _wait_ready(site, server, found)
    except StartFailed:
        if is_alive(found.identity):
            raise
        return False
    return True


def _wait_ready(site: Site, server: NativeServer, started: Started) -> None:
    target = (server.ready_when or server.address)(site)

    def answers() -> bool:
        started.require_alive()
        return is_ready(target)

    if not wait_until(answers, READY_TIMEOUT_SECONDS, site.cancelled):
        raise started.failure(f"no login within {READY_TIMEOUT_SECONDS:.0f} s: {why_not_ready(target)}")
