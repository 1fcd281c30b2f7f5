"""What tests of sockets have in common: a payment to watch, how a connection ended, and patience."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prometheus_client import REGISTRY
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from shared.coordination.ws_tickets import TicketGrant
from shared.domain.channel import Channel
from shared.domain.transaction import Transaction
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.makers import MERCHANT, a_payment
from tests.fakes.notifier import Json, NotifierOnFakes


def payment_at(notifier: NotifierOnFakes, **facts: Any) -> Transaction:
    payment = a_payment(status=TransactionStatus.PROCESSING, **facts)
    notifier.books.put(payment)
    return payment


def closed(socket: ClientConnection) -> tuple[int, Json]:
    """The code and the reason with which the server ends it."""
    ended = code(socket)
    return ended, json.loads(socket.close_reason or "")


def code(socket: ClientConnection) -> int:
    with suppress(ConnectionClosed):
        while True:
            socket.recv(timeout=15)
    found = socket.close_code
    assert found is not None
    return found


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def until(happened: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 15
    while not happened():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def ticket_for(notifier: NotifierOnFakes, channel: Channel) -> str:
    return f"?ticket={notifier.tickets.issue(TicketGrant(channel, MERCHANT))}"
