"""Brings forward messages that wait on a delay level: for a sandbox in which nobody wants to wait."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from kombu.message import Message as Delivery
from kombu.transport.pyamqp import Channel

from shared.messaging.connection import publishing_connection
from shared.messaging.deliveries import copy_of
from shared.messaging.publisher import Publisher
from shared.messaging.topology import RETURNS, delay_queue


class ParkedMessages:
    """``delays_ms``: the levels there are."""

    def __init__(self, amqp_url: str, delays_ms: Sequence[int]) -> None:
        self._url, self._delays_ms = amqp_url, delays_ms

    def release(self, now: datetime, within: timedelta) -> Mapping[str, int]:
        """Send back what is due ``within`` this time; how many, by the queue they waited in.

        Each goes where it would have gone by itself, and is taken from its level afterwards: a crash in between leaves
        two of it. Raises what talking to a broker raises, and ``PublishFailed``.
        """
        publisher = Publisher(self._url)
        try:
            # The longest first: what is released may fail again at once, and wait on the next level.
            levels = sorted(self._delays_ms, reverse=True)
            return {delay_queue(delay): self._level(publisher, delay, now, within) for delay in levels}
        finally:
            publisher.close()

    def _level(self, publisher: Publisher, delay_ms: int, now: datetime, within: timedelta) -> int:
        queue, released = delay_queue(delay_ms), 0
        with publishing_connection(self._url) as connection:
            channel = connection.default_channel
            assert isinstance(channel, Channel)
            for _ in range(channel.queue_declare(queue, passive=True).message_count):
                waiting = channel.basic_get(queue)
                if waiting is None:
                    break
                if _parked_at(waiting) + timedelta(milliseconds=delay_ms) > now + within:
                    # They wait in order of arrival: whatever stands behind this one is due later still.
                    channel.basic_reject(waiting.delivery_tag, requeue=True)
                    break
                kept = {name: str(value) for name, value in waiting.headers.items() if not _is_brokers(name)}
                publisher.publish(copy_of(waiting, RETURNS, waiting.delivery_info["routing_key"], kept, now))
                channel.basic_ack(waiting.delivery_tag)
                released += 1
        return released


def _parked_at(waiting: Delivery) -> datetime:
    """In whole seconds, as AMQP tells the time."""
    return datetime.fromtimestamp(int(waiting.properties.get("timestamp") or 0), UTC)


def _is_brokers(header: str) -> bool:
    return header.endswith("-count") or "death" in header
