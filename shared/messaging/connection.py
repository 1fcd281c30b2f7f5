"""Connections to RabbitMQ that fail fast and never hang."""

from amqp.exceptions import AMQPError
from kombu.connection import Connection
from kombu.exceptions import OperationalError

# What talking to a broker raises when it is away or breaks off.
BROKER_ERRORS = (OSError, AMQPError, OperationalError)


def publishing_connection(amqp_url: str) -> Connection:
    """For one publishing thread, which asks for confirms itself; nothing blocks longer than four seconds.

    A dead broker costs one refused connect: kombu would otherwise try for six seconds.
    """
    return Connection(
        amqp_url,
        connect_timeout=2,
        heartbeat=0,
        transport_options={
            "max_retries": 0,
            "interval_start": 0,
            "read_timeout": 4,
            "write_timeout": 4,
        },
    )


def consuming_connection(amqp_url: str) -> Connection:
    """For one consuming thread. The heartbeat is longer than any handler: it is only served between messages."""
    return Connection(amqp_url, connect_timeout=3, heartbeat=60)


def check_broker(amqp_url: str) -> None:
    """Raises unless a broker answers the AMQP handshake: an open port is not yet a broker."""
    with publishing_connection(amqp_url) as connection:
        # Unlike connect(), this heeds max_retries: a dead broker is noticed at once.
        assert connection.default_channel is not None
