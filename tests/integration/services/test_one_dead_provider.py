"""One dead provider changes nothing for the others: they share Redis and the broker, and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from redis import Redis

from services.provider_worker.gate import ProviderGate
from shared.application.addressing import command_now
from shared.contracts.messages.codec import AnyMessage
from shared.contracts.messages.commands import InitializePayment
from shared.coordination.breaker import BreakerRules, Breakers, BreakerState
from shared.coordination.buckets import RedisBucket
from shared.coordination.redis_client import OptionalRedis
from shared.domain.outcome import InDoubt, NotSent, Succeeded
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.consumer import ConsumerThreads, ErrorTable, QueueConsumer
from shared.messaging.publisher import Publisher
from shared.messaging.retry_ladder import RetryLadder
from shared.messaging.topology import command_queue
from tests.fakes.makers import a_payment
from tests.fakes.provider import Answer
from tests.fakes.worker import WorkerOnFakes
from tests.integration.conftest import DELAYS_MS
from tests.integration.makers import NOW
from tests.servers import Servers

S = TransactionStatus
FAILURES, PAYMENTS = 5, 20
RULES = BreakerRules(failures=FAILURES, open_seconds=60, probe_seconds=60)
DEATHS: list[Answer] = [
    NotSent(reason="ConnectError"),
    InDoubt(reason="ReadTimeout"),
    InDoubt(reason="http 500 unreadable"),
    ValueError("nonsense"),
]


class Provider:
    """One provider, its worker, its payments; its breaker and bucket are in the Redis that all use."""

    def __init__(self, redis: Redis, name: str, *answers: Answer) -> None:
        self.name, optional = name, OptionalRedis(redis)
        self.breakers = Breakers(optional, RULES)
        bucket = RedisBucket(optional, name, calls_per_second=1000, burst=1000)
        self.worker = WorkerOnFakes(*answers, gate=ProviderGate(self.breakers, bucket))
        self.payments: list[Transaction] = []

    def pay(self) -> None:
        payment = a_payment(provider=self.name)
        self.payments.append(payment)
        self.worker.start(payment)

    def statuses(self) -> list[TransactionStatus]:
        return [self.worker.books.payment(payment).status for payment in self.payments]

    @property
    def state(self) -> BreakerState:
        return self.breakers.state(self.name)


@pytest.fixture
def redis(servers: Servers) -> Iterator[Redis]:
    with Redis.from_url(servers.urls["redis"]) as found:
        yield found


@pytest.fixture
def name(redis: Redis) -> Iterator[str]:
    found = f"test-{uuid4().hex}"
    yield found
    for key in redis.scan_iter(f"*{found}*"):
        redis.delete(key)


def _taken(count: int) -> list[Answer]:
    return [Succeeded(reference=f"P{number}") for number in range(count)]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: getattr(death, "reason", "an adapter with a bug"))
def test_a_dead_provider_opens_its_own_breaker_and_the_others_payments_complete(
    redis: Redis, name: str, death: Answer
) -> None:
    dead = Provider(redis, f"{name}-dead", *[death] * FAILURES)
    other = Provider(redis, f"{name}-other", *_taken(PAYMENTS))

    for _ in range(PAYMENTS):
        dead.pay()
        other.pay()

    assert (dead.state, other.state) == (BreakerState.OPEN, BreakerState.CLOSED)
    assert len(dead.worker.provider.asked) == FAILURES
    assert other.statuses() == [S.COMPLETED] * PAYMENTS


@pytest.mark.parametrize("death", [NotSent(reason="ConnectError"), InDoubt(reason="ReadTimeout")])
def test_of_a_dead_providers_payments_none_is_lost_or_failed(redis: Redis, name: str, death: Answer) -> None:
    dead = Provider(redis, name, *[death] * FAILURES)

    for _ in range(PAYMENTS):
        dead.pay()

    asked = S.PENDING if isinstance(death, NotSent) else S.IN_DOUBT
    assert dead.statuses() == [asked] * FAILURES + [S.PENDING] * (PAYMENTS - FAILURES)
    assert all(dead.worker.books.payment(payment).next_check_at for payment in dead.payments)


def test_when_it_lives_again_one_call_finds_out_and_the_rest_follow(redis: Redis, name: str) -> None:
    back = Provider(redis, name, *[NotSent(reason="ConnectError")] * FAILURES, *_taken(PAYMENTS))
    for _ in range(FAILURES):
        back.pay()
    redis.hset(f"gw:breaker:{name}", "ready_at", 0)  # its time is over

    for payment in back.payments:
        back.worker.check(payment)

    assert back.statuses() == [S.COMPLETED] * FAILURES
    assert back.state is BreakerState.CLOSED


def test_a_provider_that_hangs_in_every_thread_holds_up_no_other_providers_commands(amqp_url: str) -> None:
    hang, handled = threading.Event(), list[AnyMessage]()

    with _consuming(amqp_url, "cpay", lambda _: _ignored(hang.wait(30))), _consuming(amqp_url, "other", handled.append):
        publisher = Publisher(amqp_url)
        for _ in range(10):
            publisher.publish(command_now(_command("cpay")))
            publisher.publish(command_now(_command("other")))
        publisher.close()
        give_up_at = time.monotonic() + 20
        while len(handled) < 10 and time.monotonic() < give_up_at:
            time.sleep(0.05)
        still_hangs = not hang.is_set()
        hang.set()

    assert still_hangs
    assert {message.provider for message in handled if isinstance(message, InitializePayment)} == {"other"}
    assert len(handled) == 10


@contextmanager
def _consuming(amqp_url: str, provider: str, handle: Callable[[AnyMessage], None]) -> Iterator[None]:
    """A worker's two threads for the commands of one provider."""
    queues = [command_queue(provider)]
    threads = ConsumerThreads(
        QueueConsumer(amqp_url, queues, handle, ErrorTable([]), RetryLadder(DELAYS_MS)) for _ in range(2)
    )
    threads.start()
    try:
        yield
    finally:
        threads.stop(20)


def _ignored(_result: object) -> None:
    """A handler answers nothing."""


def _command(provider: str) -> InitializePayment:
    return InitializePayment(
        message_id=uuid4(),
        occurred_at=NOW,
        correlation_id=uuid4(),
        transaction_id=uuid4(),
        provider=provider,
        expires_at=NOW + timedelta(hours=1),
    )


def test_credentials_that_are_refused_are_one_accounts_and_stop_nobody_else(redis: Redis, name: str) -> None:
    provider = Provider(redis, name, *[NotSent(reason="misconfigured: http 401")] * PAYMENTS)

    for _ in range(PAYMENTS):
        provider.pay()

    assert provider.state is BreakerState.CLOSED
    assert len(provider.worker.provider.asked) == PAYMENTS
