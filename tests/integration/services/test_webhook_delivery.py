"""Merchants' webhooks with real servers everywhere: PostgreSQL, RabbitMQ, sockets, and the reference library."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from threading import Event, Thread
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from standardwebhooks.webhooks import WebhookVerificationError

from services.webhook_delivery.bootstrap import build_delivery
from services.webhook_delivery.settings import DeliverySettings
from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.application.webhook_fanout import recover, send_again
from shared.application.webhook_secrets import new_secret
from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_delivery import DeliveryState
from shared.domain.webhook_endpoint import DisabledReason, EndpointSecret, WebhookEndpoint
from shared.messaging.delivery_schedule import DeliverySchedule, jittered
from shared.messaging.publisher import PublisherThread
from shared.persistence.outbox import mark_published
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.persistence.webhook_deliveries import DeliveryFilter
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id
from tests.fakes.merchant_server import MerchantServer, Received, Reply, verify
from tests.integration.conftest import DELAYS_MS, Database
from tests.integration.makers import AUDIT_KEYS, a_merchant, a_payment

CLOCK = SystemClock()
KEY = Fernet.generate_key().decode()


class Gateway:
    """What writes events, and the process that delivers them."""

    def __init__(self, database: Database, amqp_url: str) -> None:
        self.publisher = PublisherThread(amqp_url, lambda ids: mark_published(database.application, ids, CLOCK.now()))
        self.unit_of_work: UnitOfWorkFactory = unit_of_work_factory(
            database.application, self.publisher.offer, audit_keys=AUDIT_KEYS
        )
        self.silent: UnitOfWorkFactory = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
        self.cipher = CredentialCipher((KEY,))
        self.settings = DeliverySettings(
            environment="sandbox",
            health_port=0,
            database_url=SecretStr(database.application.url.render_as_string(hide_password=False)),
            amqp_url=SecretStr(amqp_url),
            audit_key=SecretStr("k" * 32),
            credential_encryption_keys=SecretStr(KEY),
            retry_delays_ms=DELAYS_MS,
            webhook_threads=4,
            webhook_sweep_seconds=0.2,
            egress_allow_http=True,
            egress_ports=frozenset(),
            egress_allowed_networks="127.0.0.0/8",
        )

    def merchant(self) -> MerchantId:
        return a_merchant(self.silent)[0]

    def endpoint(self, merchant_id: MerchantId, url: str, secret: str, **facts: Any) -> EndpointId:
        now = CLOCK.now()
        endpoint = WebhookEndpoint(
            id=EndpointId(new_id()),
            merchant_id=merchant_id,
            url=url,
            secrets=(EndpointSecret(self.cipher.encrypt(secret)),),
            listens_since=now - timedelta(minutes=5),
            created_at=now,
            updated_at=now,
            **facts,
        )
        with self.silent() as work:
            assert work.webhook_endpoints.add(endpoint)
            work.commit()
        return endpoint.id

    def happens(self, merchant_id: MerchantId, count: int = 1, *, silently: bool = False) -> None:
        """So many payments are initiated; ``silently``: their messages are lost."""
        with (self.silent if silently else self.unit_of_work)() as work:
            for _ in range(count):
                payment = a_payment(merchant_id)
                now = CLOCK.now() - timedelta(seconds=11 if silently else 0)
                work.transactions.add(payment)
                record_payment_event(
                    work, replace(payment, updated_at=now), "payment.initiated", process_actor("t"), {}
                )
            if silently:
                work.outbox.added.clear()
            work.commit()

    def deliveries(self, endpoint_id: EndpointId) -> list[Any]:
        with self.silent() as work:
            return list(work.webhook_deliveries.page(DeliveryFilter(endpoint_id=endpoint_id), after=None, limit=5000))

    @contextmanager
    def delivering(self) -> Iterator[None]:
        stopping = Event()
        process = build_delivery(self.settings, stopping)
        process.health.start()
        process.consumers.start()
        sweep = Thread(target=process.sweep.run, args=(stopping,), daemon=True)
        sweep.start()
        try:
            yield
        finally:
            stopping.set()
            sweep.join()
            process.consumers.stop(20)
            process.publisher.stop()
            process.health.stop()


@pytest.fixture
def gateway(database: Database, amqp_url: str) -> Iterator[Gateway]:
    made = Gateway(database, amqp_url)
    yield made
    made.publisher.stop()


def test_an_event_is_posted_signed_to_the_endpoint_that_wants_it(gateway: Gateway) -> None:
    merchant_id, secret = gateway.merchant(), new_secret()
    with MerchantServer() as server, gateway.delivering():
        endpoint_id = gateway.endpoint(merchant_id, server.url, secret, event_types=("payment.*",))

        gateway.happens(merchant_id)
        (received,) = server.wait_for(1)

        assert json.loads(received.body).keys() >= {"id", "type", "sequence", "occurred_at", "data", "transaction_id"}
        assert json.loads(received.body)["id"] == received.event_id
        assert verify(secret, received)
        with pytest.raises(WebhookVerificationError):
            verify(new_secret(), received)
        eventually(lambda: [each.state for each in gateway.deliveries(endpoint_id)] == [DeliveryState.DELIVERED])


def test_an_endpoint_that_asked_for_something_else_and_other_merchants_hear_nothing(gateway: Gateway) -> None:
    merchant_id, other, secret = gateway.merchant(), gateway.merchant(), new_secret()
    with MerchantServer() as server, MerchantServer() as deaf, gateway.delivering():
        gateway.endpoint(merchant_id, server.url, secret)
        gateway.endpoint(merchant_id, deaf.url, secret, event_types=("payout.*",))
        gateway.endpoint(other, deaf.url, secret)

        gateway.happens(merchant_id, 5)
        server.wait_for(5)

        assert deaf.received == []


def test_what_the_broker_lost_is_found_in_the_log_and_delivered_once(gateway: Gateway) -> None:
    merchant_id, secret = gateway.merchant(), new_secret()
    with MerchantServer() as server, gateway.delivering():
        gateway.endpoint(merchant_id, server.url, secret)

        gateway.happens(merchant_id, 3, silently=True)
        received = server.wait_for(3)

        assert len({each.event_id for each in received}) == 3
        assert len(server.received) == 3


def test_the_schedule_is_kept_with_the_real_broker_to_its_end_and_a_resend_begins_it_anew(gateway: Gateway) -> None:
    merchant_id, secret = gateway.merchant(), new_secret()
    schedule = DeliverySchedule(DELAYS_MS)
    with (
        MerchantServer(lambda _received: Reply(status=500, body=b"out of \x00order\xff")) as server,
        gateway.delivering(),
    ):
        endpoint_id = gateway.endpoint(merchant_id, server.url, secret)

        gateway.happens(merchant_id)
        received = server.wait_for(len(schedule.steps_ms) + 1)
        eventually(lambda: gateway.deliveries(endpoint_id)[0].state is DeliveryState.FAILED)

        waits = [(after.at - before.at) * 1000 for before, after in pairwise(received)]
        assert all(wait >= jittered(step)[0] for wait, step in zip(waits, schedule.steps_ms, strict=True))
        assert len({each.body for each in received}) == 1
        assert len({each.event_id for each in received}) == 1
        (failed,) = gateway.deliveries(endpoint_id)
        with gateway.silent() as work:
            attempts = work.webhook_deliveries.attempts_of(failed.id)
        assert [each.number for each in attempts] == list(range(1, len(received) + 1))
        assert {(each.status, each.response) for each in attempts} == {(500, "out of \ufffdorder\ufffd")}

        server.reply = lambda _received: Reply()
        with gateway.unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock(endpoint_id)
            locked = work.webhook_deliveries.lock(failed.id)
            assert endpoint is not None
            assert locked is not None
            send_again(work, endpoint, locked, CLOCK.now())
            work.commit()
        eventually(lambda: gateway.deliveries(endpoint_id)[0].state is DeliveryState.DELIVERED)


def test_every_attempt_is_signed_with_the_time_of_its_own(gateway: Gateway) -> None:
    merchant_id, secret = gateway.merchant(), new_secret()
    with MerchantServer(_busy_once()) as server, gateway.delivering():
        gateway.endpoint(merchant_id, server.url, secret)

        gateway.happens(merchant_id)
        first, second = server.wait_for(2)

        assert verify(secret, first)
        assert verify(secret, second)
        assert int(second.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])


def test_a_recovery_brings_what_happened_while_the_endpoint_was_off_and_nothing_twice(gateway: Gateway) -> None:
    merchant_id, secret = gateway.merchant(), new_secret()
    with MerchantServer() as server, gateway.delivering():
        endpoint_id = gateway.endpoint(merchant_id, server.url, secret)
        gateway.happens(merchant_id, 2)
        server.wait_for(2)
        _switch(gateway, endpoint_id, on=False)
        gateway.happens(merchant_id, 3)
        _switch(gateway, endpoint_id, on=True)

        with gateway.unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock(endpoint_id)
            assert endpoint is not None
            done = recover(work, endpoint, CLOCK.now() - timedelta(hours=1), CLOCK.now())
            work.commit()
        received = server.wait_for(5)

        assert (done.count, done.next_since) == (3, None)
        assert len({each.event_id for each in received}) == 5


def eventually(holds: Callable[[], bool], *, within_seconds: float = 30) -> None:
    give_up_at = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def _switch(gateway: Gateway, endpoint_id: EndpointId, *, on: bool) -> None:
    with gateway.silent() as work:
        endpoint = work.webhook_endpoints.lock(endpoint_id)
        assert endpoint is not None
        now = CLOCK.now()
        changed = endpoint.switched_on(now) if on else endpoint.switched_off(DisabledReason.MERCHANT, now)
        work.webhook_endpoints.save(changed)
        work.commit()


def _busy_once() -> Any:
    seen: list[Received] = []

    def reply(received: Received) -> Reply:
        seen.append(received)
        return Reply(status=503, headers={"Retry-After": "1"}) if len(seen) == 1 else Reply()

    return reply
