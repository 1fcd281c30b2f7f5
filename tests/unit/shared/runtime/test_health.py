"""The private port of a process."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from shared.runtime.health import HealthServer, Readiness


def _ok() -> None:
    """All is well."""


def _away() -> None:
    raise ConnectionError("canary: amqp://user:password@broker")


@pytest.mark.parametrize(
    ("required", "degrading", "status", "word"),
    [
        ({"a": _ok}, {"b": _ok}, 200, "ready"),
        ({"a": _ok}, {"b": _away}, 200, "degraded"),
        ({"a": _away}, {"b": _ok}, 503, "unready"),
        ({"a": _away}, {"b": _away}, 503, "unready"),
        ({}, {}, 200, "ready"),
    ],
)
def test_only_what_is_required_makes_a_process_unready(
    required: dict[str, object], degrading: dict[str, object], status: int, word: str
) -> None:
    found, body = Readiness(required, degrading)()  # type: ignore[arg-type] # checks by name

    assert (found, body["status"]) == (status, word)


def test_every_check_is_shown_by_the_kind_of_its_error_and_nothing_more() -> None:
    _, body = Readiness({"database": _ok}, {"broker": _away})()

    assert body["checks"] == {"database": "ok", "broker": "ConnectionError"}
    assert "canary" not in str(body)


def test_a_process_that_drains_wants_no_new_work() -> None:
    readiness = Readiness({"database": _ok})

    readiness.drain()

    assert readiness() == (503, {"status": "draining", "checks": {"database": "ok"}})


@pytest.fixture(scope="module")
def server() -> Iterator[HealthServer]:
    """Stopping one takes half a second."""
    health = HealthServer("127.0.0.1", 0, {"database": _ok}, {"broker": _away})
    health.start()
    yield health
    health.stop()


def _get(server: HealthServer, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read()
    finally:
        connection.close()


def test_a_process_that_runs_is_alive(server: HealthServer) -> None:
    assert _get(server, "/livez") == (200, "application/json", b'{"status":"alive"}')


def test_a_process_that_can_work_is_ready_and_says_what_is_degraded(server: HealthServer) -> None:
    status, content_type, body = _get(server, "/readyz")

    assert (status, content_type) == (200, "application/json")
    assert json.loads(body) == {"status": "degraded", "checks": {"database": "ok", "broker": "ConnectionError"}}


def test_a_process_that_drains_is_alive_and_not_ready() -> None:
    server = HealthServer("127.0.0.1", 0, {"database": _ok})
    server.start()

    server.drain()

    assert _get(server, "/readyz")[0] == 503
    assert _get(server, "/livez")[0] == 200
    server.stop()


def test_metrics_are_in_the_form_of_prometheus(server: HealthServer) -> None:
    status, content_type, body = _get(server, "/metrics")

    assert status == 200
    assert content_type.startswith("text/plain")
    assert b"# TYPE gateway_payment_transitions_total counter" in body


@pytest.mark.parametrize("path", ["/", "/admin", "/metrics/", "/livez?x=1", "/../etc/passwd"])
def test_there_is_nothing_else(server: HealthServer, path: str) -> None:
    assert _get(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_changed(server: HealthServer, method: str) -> None:
    assert _get(server, "/livez", method)[0] == 501
