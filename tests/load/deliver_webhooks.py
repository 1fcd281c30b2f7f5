"""How webhooks reach healthy merchants while others are dead, hang, drip, redirect or answer without end.

python -m tests.load.deliver_webhooks --local-dir .local [--events 2000] [--rate 40] [--good-for 10]

Needs a local system with webhook-delivery and outbox-relay; its endpoints are on this machine. Ends with 1 where a
healthy endpoint's p99 is 2 s or more, or the delivering process has ever had 256 MB or more, or a redirect was
followed, or a signature is not right.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from statistics import quantiles
from threading import Lock

import click
from standardwebhooks.webhooks import WebhookVerificationError

from deploy.local.system import LocalSystem
from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.application.webhook_secrets import new_secret
from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_endpoint import EndpointSecret, WebhookEndpoint
from shared.messaging.publisher import PublisherThread
from shared.persistence.engine import build_engine
from shared.persistence.outbox import mark_published
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id
from tests.fakes.merchant_server import MerchantServer, Received, Reply, verify
from tests.integration.makers import a_payment

HEALTHY = 9
MOST_SECONDS, MOST_MEGABYTES = 2.0, 256
CLOCK = SystemClock()


@dataclass
class Endpoint:
    """A merchant's; ``sent`` says when each of its events happened."""

    name: str
    server: MerchantServer
    merchant_id: MerchantId
    secret: str = field(default_factory=new_secret)
    sent: dict[str, datetime] = field(default_factory=dict)
    right: int = 0
    counting: Lock = field(default_factory=Lock)

    def seconds(self) -> list[float]:
        """From each event to its first arrival."""
        first = {each.event_id: each for each in reversed(self.server.received)}
        now, monotonic = CLOCK.now().timestamp(), time.monotonic()
        return [
            now - (monotonic - first[event_id].at) - happened.timestamp()
            for event_id, happened in self.sent.items()
            if event_id in first
        ]

    def verified(self) -> tuple[int, int]:
        """How many of what came had the right signature, by the reference library; and how many came."""
        return self.right, len(self.server.received)

    def verify_as_it_comes(self) -> None:
        """At once: a signature that is older than five minutes is refused."""
        said = self.server.reply

        def reply(received: Received) -> Reply:
            with self.counting:
                self.right += _is_right(self.secret, received)
            return said(received)

        self.server.reply = reply


def _is_right(secret: str, received: Received) -> bool:
    try:
        verify(secret, received)
    except WebhookVerificationError:
        return False
    return True


def hostile(canary: MerchantServer) -> Mapping[str, Reply]:
    return {
        "hanging": Reply(hang_seconds=60),
        "dripping": Reply(body=b"." * 600, pause_seconds=0.2),
        "redirecting": Reply(status=302, headers={"Location": canary.url}),
        "huge": Reply(body=b"x" * 65_536, repeat=160_000),
        "failing": Reply(status=500),
    }


@click.command()
@click.option("--local-dir", type=click.Path(path_type=Path), default=Path(".local"), show_default=True)
@click.option("--events", default=2_000, show_default=True)
@click.option("--rate", default=40, show_default=True, help="Events a second.")
@click.option("--good-for", default=10.0, show_default=True, help="Seconds for which the bad endpoints are good.")
def main(local_dir: Path, events: int, rate: int, good_for: float) -> None:
    """Bounded by the number of events, and by what the slowest healthy endpoint needs."""
    system = LocalSystem(local_dir)
    environment = system.environment()
    turns_bad_at = time.monotonic() + good_for
    with ExitStack() as stack:
        canary = stack.enter_context(MerchantServer())
        unit_of_work, cipher = _writing(environment, stack)
        endpoints = [_open(stack, unit_of_work, f"healthy {number}", _always(Reply())) for number in range(HEALTHY)]
        bad = [
            _open(stack, unit_of_work, name, _turning(turns_bad_at, reply)) for name, reply in hostile(canary).items()
        ]
        dead = _open(ExitStack(), unit_of_work, "dead", _always(Reply()))
        for each in (*endpoints, *bad, dead):
            _register(unit_of_work, cipher, each)
        _happen(unit_of_work, [*endpoints, *bad, dead], events, rate, lambda: _close_in_time(dead, turns_bad_at))
        _wait_for(endpoints)
        _tell(endpoints, [*bad, dead])
        _tell_slowest(endpoints)
        memory = _peak_megabytes(system.pid("webhook-delivery"))
        click.echo(f"memory of the delivering process at its peak: {memory:.0f} MB (less than {MOST_MEGABYTES})")
        click.echo(f"redirects followed: {len(canary.received)}")
        sys.exit(0 if _is_good(endpoints, memory, canary) else 1)


def _writing(environment: Mapping[str, str], stack: ExitStack) -> tuple[UnitOfWorkFactory, CredentialCipher]:
    url = environment["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg2://", 1)
    engine = build_engine(url, pool_size=4, application_name="load")
    publisher = PublisherThread(environment["AMQP_URL"], lambda ids: mark_published(engine, ids, CLOCK.now()))
    stack.callback(publisher.stop)
    factory = unit_of_work_factory(engine, publisher.offer, audit_keys=AuditKeys(environment["AUDIT_KEY"]))
    return factory, CredentialCipher((environment["CREDENTIAL_ENCRYPTION_KEYS"],))


def _open(stack: ExitStack, unit_of_work: UnitOfWorkFactory, name: str, reply: Callable[[Received], Reply]) -> Endpoint:
    server, merchant_id = stack.enter_context(MerchantServer(reply)), MerchantId(new_id())
    with unit_of_work() as work:
        work.accounts.ensure_merchant(merchant_id, f"Load: {name}", CLOCK.now())
        work.commit()
    endpoint = Endpoint(name, server, merchant_id)
    endpoint.verify_as_it_comes()
    return endpoint


def _register(unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher, endpoint: Endpoint) -> None:
    now = CLOCK.now()
    stored = WebhookEndpoint(
        id=EndpointId(new_id()),
        merchant_id=endpoint.merchant_id,
        url=endpoint.server.url,
        secrets=(EndpointSecret(cipher.encrypt(endpoint.secret)),),
        listens_since=now,
        created_at=now,
        updated_at=now,
    )
    with unit_of_work() as work:
        work.webhook_endpoints.add(stored)
        work.commit()


def _happen(
    unit_of_work: UnitOfWorkFactory,
    endpoints: Sequence[Endpoint],
    events: int,
    rate: int,
    meanwhile: Callable[[], None],
) -> None:
    """One event after the other, each of another merchant's payment."""
    began = time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        endpoint = endpoints[number % len(endpoints)]
        payment = replace(a_payment(endpoint.merchant_id), updated_at=CLOCK.now())
        with unit_of_work() as work:
            work.transactions.add(payment)
            record_payment_event(work, payment, "payment.initiated", process_actor("load"), {})
            work.commit()
        with unit_of_work() as work:
            (event,) = work.event_log.of_transaction(payment.id)
        endpoint.sent[str(event.id)] = event.occurred_at
        meanwhile()
    click.echo(f"{events} events of {len(endpoints)} merchants in {time.monotonic() - began:.1f} s")


def _wait_for(endpoints: Sequence[Endpoint]) -> None:
    give_up_at = time.monotonic() + 120
    while any(len(each.seconds()) < len(each.sent) for each in endpoints):
        if time.monotonic() > give_up_at:
            break
        time.sleep(0.2)


def _tell(healthy: Sequence[Endpoint], bad: Sequence[Endpoint]) -> None:
    click.echo(f"{'endpoint':<14}{'events':>7}{'arrived':>8}{'calls':>7}{'p50':>9}{'p99':>9}{'most':>9}  verified")
    for each in (*healthy, *bad):
        seconds, (right, came) = each.seconds(), each.verified()
        figures = "".join(f"{figure:8.3f}s" for figure in _figures(seconds))
        click.echo(f"{each.name:<14}{len(each.sent):>7}{len(seconds):>8}{came:>7}{figures}  {right} of {came}")
    every = [second for each in healthy for second in each.seconds()]
    right, came = (sum(figures) for figures in zip(*(each.verified() for each in healthy), strict=True))
    figures = "".join(f"{figure:8.3f}s" for figure in _figures(every))
    sent = sum(len(each.sent) for each in healthy)
    click.echo(f"{'all healthy':<14}{sent:>7}{len(every):>8}{came:>7}{figures}  {right} of {came}")


def _tell_slowest(healthy: Sequence[Endpoint]) -> None:
    """When the slowest were: together, or now and then."""
    began = min(each for endpoint in healthy for each in endpoint.sent.values())
    slowest = sorted(
        (seconds, (happened - began).total_seconds())
        for endpoint in healthy
        for seconds, happened in zip(endpoint.seconds(), endpoint.sent.values(), strict=False)
    )[-12:]
    told = ", ".join(f"{seconds:.1f} s at {at:.0f}" for seconds, at in sorted(slowest, key=lambda each: each[1]))
    click.echo(f"slowest, by the second of the run: {told}")


def _figures(seconds: Sequence[float]) -> tuple[float, float, float]:
    if len(seconds) < 2:
        return (float("nan"),) * 3
    slow = quantiles(seconds, n=100)
    return slow[49], slow[98], max(seconds)


def _is_good(healthy: Sequence[Endpoint], memory: float, canary: MerchantServer) -> bool:
    arrived = all(len(each.seconds()) == len(each.sent) for each in healthy)
    quick = all(_figures(each.seconds())[1] < MOST_SECONDS for each in healthy)
    right = all(right == came for right, came in (each.verified() for each in healthy))
    return arrived and quick and right and memory < MOST_MEGABYTES and not canary.received


def _peak_megabytes(pid: int | None) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (kilobytes,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024


def _always(reply: Reply) -> Callable[[Received], Reply]:
    return lambda _received: reply


def _turning(turns_bad_at: float, reply: Reply) -> Callable[[Received], Reply]:
    return lambda _received: Reply() if time.monotonic() < turns_bad_at else reply


def _close_in_time(dead: Endpoint, turns_bad_at: float) -> None:
    if time.monotonic() > turns_bad_at and not dead.server.is_stopping:
        dead.server.__exit__(None, None, None)


if __name__ == "__main__":
    main()
