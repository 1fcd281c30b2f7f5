"""Every exchange and queue, as data."""

import pytest
from kombu.entity import Exchange

from shared.messaging.delivery_schedule import DeliverySchedule
from shared.messaging.retry_ladder import DEFAULT_DELAYS_MS
from shared.messaging.topology import (
    CHECKS,
    COMMANDS,
    DEAD_LETTER_QUEUE,
    DEAD_LETTERS,
    EVENTS,
    EVENTS_FOR_WEBHOOKS,
    PROVIDER_EVENTS,
    RETURNS,
    WEBHOOK_LANES,
    WEBHOOKS,
    Topology,
    build_topology,
    check_queue,
    command_queue,
    delay_exchange,
    provider_event_queue,
    webhook_queue,
)

PROVIDERS = ["cpay", "mpesa", "stripe"]


@pytest.fixture(scope="module")
def topology() -> Topology:
    return build_topology(PROVIDERS, DEFAULT_DELAYS_MS)


def _arguments(topology: Topology, name: str) -> dict[str, object]:
    arguments: dict[str, dict[str, object]] = {
        queue.name: queue.queue_arguments  # type: ignore[attr-defined] # kombu's types lack it
        for queue, _ in topology.queues
    }
    return arguments[name]


def _bound(topology: Topology, name: str) -> set[tuple[str, str]]:
    (bindings,) = [bindings for queue, bindings in topology.queues if queue.name == name]
    return {(binding.exchange.name, binding.routing_key) for binding in bindings}


WORK_QUEUES = [
    *(queue(provider) for provider in PROVIDERS for queue in (command_queue, check_queue, provider_event_queue)),
    *(webhook_queue(lane) for lane in WEBHOOK_LANES),
    EVENTS_FOR_WEBHOOKS,
]
DELAYS_MS = sorted({*DEFAULT_DELAYS_MS, *DeliverySchedule().delays_ms})
DELAY_QUEUES = [(f"gw.q.delay.{delay}", delay) for delay in DELAYS_MS]


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_work_queue_sets_aside_what_kills_its_consumer_and_loses_nothing(topology: Topology, name: str) -> None:
    assert _arguments(topology, name) == {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-delivery-limit": 10,
        "x-dead-letter-exchange": DEAD_LETTERS,
        "x-dead-letter-strategy": "at-least-once",
    }


@pytest.mark.parametrize(("name", "delay_ms"), DELAY_QUEUES)
def test_a_delay_is_one_fixed_time_a_queue_and_comes_back_surely(topology: Topology, name: str, delay_ms: int) -> None:
    assert _arguments(topology, name) == {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",
        "x-message-ttl": delay_ms,
        "x-dead-letter-exchange": RETURNS,
        "x-dead-letter-strategy": "at-least-once",
    }


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_for_a_provider_reaches_its_queues_alone(topology: Topology, provider: str) -> None:
    commands, checks, events = command_queue(provider), check_queue(provider), provider_event_queue(provider)

    assert _bound(topology, checks) == {(CHECKS, f"{provider}.#"), (RETURNS, checks)}
    assert _bound(topology, commands) == {(COMMANDS, f"{provider}.#"), (RETURNS, commands)}
    assert _bound(topology, events) == {(PROVIDER_EVENTS, f"{provider}.#"), (RETURNS, events)}


@pytest.mark.parametrize(("name", "delay_ms"), DELAY_QUEUES)
def test_every_delay_queue_is_fed_by_its_own_exchange(topology: Topology, name: str, delay_ms: int) -> None:
    assert _bound(topology, name) == {(delay_exchange(delay_ms), "")}


def test_whatever_is_set_aside_is_kept_in_one_queue(topology: Topology) -> None:
    assert _bound(topology, DEAD_LETTER_QUEUE) == {(DEAD_LETTERS, "#")}
    assert "x-message-ttl" not in _arguments(topology, DEAD_LETTER_QUEUE)
    assert "x-dead-letter-exchange" not in _arguments(topology, DEAD_LETTER_QUEUE)


def test_every_queue_can_be_reached_through_a_declared_exchange(topology: Topology) -> None:
    declared = {exchange.name for exchange in topology.exchanges}

    for _, bindings in topology.queues:
        assert bindings
        assert {binding.exchange.name for binding in bindings} <= declared


def test_every_exchange_leads_to_a_queue(topology: Topology) -> None:
    used = {binding.exchange.name for _, bindings in topology.queues for binding in bindings}

    assert {exchange.name for exchange in topology.exchanges} == used


def test_every_event_and_every_bell_reaches_the_delivery_of_webhooks(topology: Topology) -> None:
    assert _bound(topology, EVENTS_FOR_WEBHOOKS) == {(EVENTS, "#"), (RETURNS, EVENTS_FOR_WEBHOOKS)}
    for lane in WEBHOOK_LANES:
        assert _bound(topology, webhook_queue(lane)) == {(WEBHOOKS, lane), (RETURNS, webhook_queue(lane))}


def test_whatever_expires_or_is_set_aside_goes_to_a_declared_exchange(topology: Topology) -> None:
    declared = {exchange.name for exchange in topology.exchanges}
    names = [queue.name for queue, _ in topology.queues]
    targets = {_arguments(topology, name).get("x-dead-letter-exchange") for name in names} - {None}

    assert targets == {DEAD_LETTERS, RETURNS}
    assert targets <= declared


def test_everything_is_durable(topology: Topology) -> None:
    assert all(exchange.durable for exchange in topology.exchanges)
    assert all(queue.durable and not queue.auto_delete for queue, _ in topology.queues)


def test_no_name_stands_twice(topology: Topology) -> None:
    for names in ([each.name for each in topology.exchanges], [queue.name for queue, _ in topology.queues]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (COMMANDS, "topic"),
        (PROVIDER_EVENTS, "topic"),
        (EVENTS, "topic"),
        (WEBHOOKS, "direct"),
        (DEAD_LETTERS, "topic"),
        (RETURNS, "direct"),
        (delay_exchange(60_000), "fanout"),
    ],
)
def test_every_exchange_has_its_kind(topology: Topology, name: str, kind: str) -> None:
    (exchange,) = [each for each in topology.exchanges if each.name == name]

    assert isinstance(exchange, Exchange)
    assert exchange.type == kind


def test_another_delay_makes_another_queue_and_redeclares_none() -> None:
    short, long = build_topology(PROVIDERS, [100]), build_topology(PROVIDERS, [200])
    common = {queue.name for queue, _ in short.queues} & {queue.name for queue, _ in long.queues}

    assert {"gw.q.delay.100", "gw.q.delay.920"} & common == set()
    assert all(_arguments(short, name) == _arguments(long, name) for name in common)
