"""Partitions between two parts, and clocks that are wrong."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from deploy.local.settings import CHECKOUT
from tests.chaos.fault_servers import WORKER
from tests.chaos.faults import Fault, Inject, Injection
from tests.chaos.proxy import HOST, Proxy, proxy_to

CUT_SECONDS = 6.0
SKEWED = CHECKOUT / "tests" / "chaos" / "skewed"
SKEWED_SECONDS = 8.0


def partition(service: str, variable: str) -> Inject:
    """Put a proxy between a service and what it reaches by ``variable``, then stall and cut it in turn."""

    def inject(injection: Injection) -> int:
        url = injection.stage.environment[variable]
        with proxy_to(_port(url)) as proxy:
            injection.stage.crew.change(service, extra={variable: _through(url, proxy)})
            injection.stage.crew.wait_ready(service)
            try:
                return _break_off(proxy, injection)
            finally:
                proxy.heal()
                injection.stage.crew.change(service)
                injection.stage.crew.wait_ready(service)

    return inject


def partition_from_provider(injection: Injection) -> int:
    """The provider's address is in the database: it is changed there, and changed back."""
    stage = injection.stage
    url = f"{stage.environment['SIMULATOR_URL']}/v1"
    with proxy_to(_port(url)) as proxy, _provider_at(injection, _through(url, proxy), url):
        return _break_off(proxy, injection)


@contextmanager
def _provider_at(injection: Injection, url: str, afterwards: str) -> Iterator[None]:
    _set_base_url(injection, url)
    try:
        yield
    finally:
        _set_base_url(injection, afterwards)


def _set_base_url(injection: Injection, url: str) -> None:
    connection = psycopg2.connect(injection.stage.environment["DATABASE_OWNER_URL"])
    with connection, connection.cursor() as database:
        database.execute(
            "UPDATE provider_configs SET config = jsonb_set(config, '{base_url}', to_jsonb(%s::text))"
            " WHERE provider_name = 'cpay'",
            (url,),
        )
    connection.close()
    injection.stage.crew.change(WORKER)
    injection.stage.crew.wait_ready(WORKER)


def _break_off(proxy: Proxy, injection: Injection) -> int:
    ways: tuple[Callable[[], None], ...] = (proxy.stall, proxy.cut)
    for number in range(injection.times):
        time.sleep(1)
        ways[number % 2]()
        time.sleep(CUT_SECONDS)
        if number % 2 == 0:
            proxy.cut()  # what was held back is lost, as when a router forgets
        proxy.heal()
        time.sleep(1)
    return injection.times


def skew(*services: str) -> Inject:
    """Start each with a clock that is ten minutes wrong, first ahead, then behind."""

    def inject(injection: Injection) -> int:
        for number in range(injection.times):
            service, seconds = services[number // 2 % len(services)], ("600", "-600")[number % 2]
            _run_skewed(injection, service, {"SKEW_SECONDS": seconds, "PYTHONPATH": f"{SKEWED}:{CHECKOUT}"})
        return injection.times

    return inject


def _run_skewed(injection: Injection, service: str, variables: Mapping[str, str]) -> None:
    # A new interpreter: its clock goes wrong as it starts.
    injection.stage.crew.change(service, extra=variables, fresh=True)
    try:
        injection.stage.crew.wait_ready(service)
        time.sleep(SKEWED_SECONDS)
    finally:
        # What it holds is leased by its own clock: killed, others would wait for that lease for ten minutes.
        injection.stage.crew.change(service, politely=True)
        injection.stage.crew.wait_ready(service)


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None, "a local system's addresses name their ports"
    return port


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{HOST}:{proxy.port}"))


FAULTS = (
    Fault(name="worker cut off from the broker", inject=partition(WORKER, "AMQP_URL"), smoke=0, full=3),
    Fault(name="api cut off from postgres", inject=partition("api", "DATABASE_URL"), smoke=1, full=3),
    Fault(name="worker cut off from the provider", inject=partition_from_provider, smoke=0, full=3),
    Fault(
        name="one clock ten minutes wrong",
        inject=skew(WORKER, "outbox-relay", "webhook-ingest", "scheduler-worker"),
        smoke=0,
        full=4,
    ),
)
