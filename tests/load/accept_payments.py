"""How fast payments are accepted, repeated and read, and how long until all are completed.

python -m tests.load.accept_payments [--env-file .local/gateway.env] [--payments 400] [--callers 32]
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from threading import local
from urllib.parse import urlsplit
from uuid import uuid4

import click

from deploy.demo.endpoints import Endpoints, read_endpoints

BODY = {
    "provider": "cpay",
    "amount": "1000.00",
    "currency": "KES",
    "customer": {"phone": "+254700000000"},
    "metadata": {},
}


class Caller:
    """One merchant over one kept connection a thread: the client's own cost stays small."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._address = urlsplit(endpoints.api_url).netloc
        self._kept = local()
        secrets = {"api_key_id": endpoints.api_key_id, "api_key_secret": endpoints.api_key_secret}
        self._token = ""
        self._token = json.loads(self.call("POST", "/auth/token", secrets)[1])["access_token"]

    def call(self, method: str, path: str, body: object = None, key: str = "") -> tuple[int, bytes]:
        if not hasattr(self._kept, "connection"):
            self._kept.connection = HTTPConnection(self._address, timeout=30)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        headers |= {"Idempotency-Key": key} if key else {}
        content = None if body is None else json.dumps(body)
        self._kept.connection.request(method, f"/api/v1{path}", content, headers)
        response = self._kept.connection.getresponse()
        return response.status, response.read()


@click.command()
@click.option("--env-file", type=click.Path(path_type=Path), default=Path(".local/gateway.env"))
@click.option("--payments", default=400, show_default=True)
@click.option("--callers", default=32, show_default=True)
def main(env_file: Path, payments: int, callers: int) -> None:
    """Measure a running system; bounded by the number of payments."""
    caller = Caller(read_endpoints(env_file))
    keys = [str(uuid4()) for _ in range(payments)]
    began = time.monotonic()
    first = _timed("accept", callers, keys, lambda key: caller.call("POST", "/payments/initialize", BODY, key))
    ids = [json.loads(body)["id"] for _, body in first]
    _wait_until_completed(caller, ids)
    click.echo(f"{'all completed after':<22}{time.monotonic() - began:8.1f} s")
    again = _timed("repeat", callers, keys, lambda key: caller.call("POST", "/payments/initialize", BODY, key))
    _timed("read", callers, ids, lambda each: caller.call("GET", f"/payments/{each}"))
    same = sum(one == two for one, two in zip(first, again, strict=True))
    click.echo(f"{'answers repeated':<22}{same:8d} of {payments}, byte for byte")


def _timed(
    what: str, callers: int, arguments: Sequence[str], call: Callable[[str], tuple[int, bytes]]
) -> list[tuple[int, bytes]]:
    took: list[float] = []

    def one(argument: str) -> tuple[int, bytes]:
        began = time.perf_counter()
        answer = call(argument)
        took.append(time.perf_counter() - began)
        return answer

    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(one, arguments))
    seconds = time.perf_counter() - began
    slow = statistics.quantiles(took, n=100)
    errors = sum(status >= 400 for status, _ in answers)
    figures = f"p50 {slow[49] * 1000:6.1f}  p95 {slow[94] * 1000:6.1f}  p99 {slow[98] * 1000:6.1f} ms  errors {errors}"
    click.echo(f"{what:<22}{len(answers) / seconds:8.0f} a second   {figures}")
    return answers


def _wait_until_completed(caller: Caller, ids: Sequence[str]) -> None:
    give_up_at = time.monotonic() + 120
    for each in ids:
        while json.loads(caller.call("GET", f"/payments/{each}")[1])["status"] != "completed":
            if time.monotonic() > give_up_at:
                raise click.ClickException(f"{each} is not completed")
            time.sleep(0.05)


if __name__ == "__main__":
    main()
