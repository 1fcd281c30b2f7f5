"""Every exchange, queue, key and delay, as data. A name carries its parameters, so that none is ever redeclared.

gw.cmd   topic   <provider>.<command>  -> gw.q.cmd.<provider>     (moves money)
gw.check topic   <provider>.<command>  -> gw.q.check.<provider>   (only asks)
gw.hook  topic   <provider>.<kind>     -> gw.q.hook.<provider>
gw.evt   topic   payment.<kind> …      -> one exclusive queue per notifier, gw.q.evt.webhooks
gw.webhook direct <lane>               -> gw.q.webhook.<lane>     (an endpoint of a merchant's has something waiting)
gw.delay.<ms>    fanout                -> gw.q.delay.<ms>, expires to
gw.return direct <queue>               -> back to that work queue alone
gw.dlx   topic   #                     -> gw.q.dlq
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kombu.connection import Connection
from kombu.entity import Exchange, Queue

from shared.messaging.delivery_schedule import DeliverySchedule

COMMANDS = "gw.cmd"
CHECKS = "gw.check"
PROVIDER_EVENTS = "gw.hook"
EVENTS = "gw.evt"
WEBHOOKS = "gw.webhook"
RETURNS = "gw.return"
DEAD_LETTERS = "gw.dlx"
DEAD_LETTER_QUEUE = "gw.q.dlq"
# All events, for the endpoints of merchants.
EVENTS_FOR_WEBHOOKS = "gw.q.evt.webhooks"

# Whoever calls endpoints: the quick ones, all others, and those that their merchant wants tested.
WEBHOOK_LANES = ("fast", "slow", "test")

# Deliveries before a message that kills its consumer is set aside (R/5: 3.x has no default, 4.x has 20).
DELIVERY_LIMIT = 10

_QUORUM = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}
# Without a limit of its own, RabbitMQ 4 would drop a dead letter that was looked at 20 times.
_KEPT = {**_QUORUM, "x-delivery-limit": 1_000_000}
_AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once"}


def command_queue(provider: str) -> str:
    return f"gw.q.cmd.{provider}"


def check_queue(provider: str) -> str:
    return f"gw.q.check.{provider}"


def provider_event_queue(provider: str) -> str:
    return f"gw.q.hook.{provider}"


def provider_of(queue: str) -> str | None:
    """Whose messages are in a work queue; ``None`` for a queue that is no provider's."""
    for queue_of in (command_queue, check_queue, provider_event_queue):
        if queue.startswith(queue_of("")):
            return queue.removeprefix(queue_of("")) or None
    return None


def delay_queue(delay_ms: int) -> str:
    return f"gw.q.delay.{delay_ms}"


def webhook_queue(lane: str) -> str:
    return f"gw.q.webhook.{lane}"


def delay_exchange(delay_ms: int) -> str:
    return f"gw.delay.{delay_ms}"


@dataclass(frozen=True, slots=True)
class Binding:
    exchange: Exchange
    routing_key: str


@dataclass(frozen=True, slots=True)
class Topology:
    """All exchanges, and the queues with what they listen to."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[tuple[Queue, tuple[Binding, ...]], ...]

    def declare(self, connection: Connection) -> None:
        """Create what is missing. Declare once, before traffic: repeating is harmless, another argument is refused."""
        with connection.channel() as channel:
            for exchange in self.exchanges:
                exchange(channel).declare()
            for queue, bindings in self.queues:
                bound = queue(channel)
                bound.queue_declare()
                for binding in bindings:
                    bound.bind_to(binding.exchange, routing_key=binding.routing_key)


def build_topology(providers: Iterable[str], retry_delays_ms: Iterable[int]) -> Topology:
    commands, checks, provider_events, events = map(_topic, (COMMANDS, CHECKS, PROVIDER_EVENTS, EVENTS))
    returns, dead_letters = Exchange(RETURNS, type="direct", durable=True), _topic(DEAD_LETTERS)
    webhooks = Exchange(WEBHOOKS, type="direct", durable=True)
    delays = {delay: Exchange(delay_exchange(delay), type="fanout", durable=True) for delay in _delays(retry_delays_ms)}
    queues: list[tuple[Queue, tuple[Binding, ...]]] = [
        (Queue(DEAD_LETTER_QUEUE, durable=True, queue_arguments=_KEPT), (Binding(dead_letters, "#"),))
    ]
    for provider in providers:
        queues.append(_work_queue(command_queue(provider), Binding(commands, f"{provider}.#"), returns))
        queues.append(_work_queue(check_queue(provider), Binding(checks, f"{provider}.#"), returns))
        queues.append(_work_queue(provider_event_queue(provider), Binding(provider_events, f"{provider}.#"), returns))
    queues.append(_work_queue(EVENTS_FOR_WEBHOOKS, Binding(events, "#"), returns))
    queues += [_work_queue(webhook_queue(lane), Binding(webhooks, lane), returns) for lane in WEBHOOK_LANES]
    queues += [(_delay_queue(delay), (Binding(exchange, ""),)) for delay, exchange in delays.items()]
    exchanges = (dead_letters, returns, commands, checks, provider_events, events, webhooks, *delays.values())
    return Topology(exchanges, tuple(queues))


def _delays(ladder_ms: Iterable[int]) -> list[int]:
    """Those of the ladder, and those of the schedule for merchants' webhooks that goes on from it."""
    ladder = tuple(ladder_ms)
    return sorted({*ladder, *DeliverySchedule(ladder).delays_ms})


def _topic(name: str) -> Exchange:
    return Exchange(name, type="topic", durable=True)


def _work_queue(name: str, work: Binding, returns: Exchange) -> tuple[Queue, tuple[Binding, ...]]:
    arguments = {
        **_QUORUM,
        **_AT_LEAST_ONCE,
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTERS,
    }
    return Queue(name, durable=True, queue_arguments=arguments), (work, Binding(returns, name))


def _delay_queue(delay_ms: int) -> Queue:
    # One fixed TTL a queue: all in it expires in order of arrival, so nothing waits behind a longer delay.
    arguments = {**_QUORUM, **_AT_LEAST_ONCE, "x-message-ttl": delay_ms, "x-dead-letter-exchange": RETURNS}
    return Queue(delay_queue(delay_ms), durable=True, queue_arguments=arguments)
