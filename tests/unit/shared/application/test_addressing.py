"""Where each kind of message goes: to a queue of the topology, and with the ids of its request."""

import re

import pytest

from shared.application.addressing import (
    change_event,
    command_later,
    command_now,
    provider_event_later,
    provider_event_now,
)
from shared.application.commands import next_payment_command, next_refund_command
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import Command
from shared.contracts.messages.envelope import OutgoingMessage
from shared.contracts.messages.events import PaymentChanged, ProviderEventReceived
from shared.domain.refund_status import RefundStatus
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.topology import build_topology
from shared.runtime.correlation import logging_context
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, a_payment, a_refund

PAYMENT = a_payment()
COMMANDS: list[Command] = [
    next_payment_command(PAYMENT, NOON),
    next_payment_command(a_payment(status=TransactionStatus.PROCESSING), NOON),
    next_refund_command(a_refund(PAYMENT), NOON),
    next_refund_command(a_refund(PAYMENT, status=RefundStatus.PROCESSING), NOON),
]
CALLBACK = ProviderEventReceived(
    message_id=new_id(), occurred_at=NOON, correlation_id=new_id(), webhook_event_id=new_id(), provider="cpay"
)


def _queues(message: OutgoingMessage) -> set[str]:
    """The queues of the topology that the message reaches at once, or when its delay is over."""
    topology = build_topology(["cpay", "other"], [60_000])
    reached = set()
    for queue, bindings in topology.queues:
        for binding in bindings:
            if binding.exchange.name == message.exchange and (
                binding.exchange.type == "fanout" or _matches(binding.routing_key, message.routing_key)
            ):
                reached.add(queue.name)
    return reached


def _matches(pattern: str, key: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\#", ".*"), key) is not None


def _kind(command: Command) -> str:
    return "check" if ".verify." in command.type else "cmd"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.type)
def test_a_command_goes_to_one_queue_of_its_provider_and_what_only_asks_to_another(command: Command) -> None:
    message = command_now(command)

    assert (message.exchange, message.routing_key) == (f"gw.{_kind(command)}", f"cpay.{command.type}")
    assert _queues(message) == {f"gw.q.{_kind(command)}.cpay"}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.type)
def test_a_command_for_later_waits_on_its_level_and_names_the_queue_that_it_comes_back_to(command: Command) -> None:
    message = command_later(command, 60_000)

    assert (message.exchange, message.routing_key) == ("gw.delay.60000", f"gw.q.{_kind(command)}.cpay")
    assert _queues(message) == {"gw.q.delay.60000"}


def test_a_callback_goes_to_its_providers_queue_alone() -> None:
    message = provider_event_now(CALLBACK, "payment.completed")

    assert (message.exchange, message.routing_key) == ("gw.hook", "cpay.payment.completed")
    assert _queues(message) == {"gw.q.hook.cpay"}


def test_a_callback_for_later_comes_back_to_the_queue_of_callbacks() -> None:
    message = provider_event_later(CALLBACK, 60_000)

    assert (message.exchange, message.routing_key) == ("gw.delay.60000", "gw.q.hook.cpay")


def test_an_event_goes_to_whoever_listens_for_its_kind() -> None:
    event = PaymentChanged(
        message_id=new_id(),
        occurred_at=NOON,
        correlation_id=PAYMENT.id,
        event_id=new_id(),
        event_type="payment.completed",
        transaction_id=PAYMENT.id,
        merchant_id=MERCHANT,
        user_id=None,
        sequence=2,
    )

    message = change_event(event)

    assert (message.exchange, message.routing_key) == ("gw.evt", "payment.completed")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each.type)
def test_the_outside_of_a_message_says_the_same_as_its_inside(command: Command) -> None:
    message = command_now(command)

    assert decode(message.body) == command
    assert (message.message_id, message.type) == (command.message_id, command.type)
    assert (message.correlation_id, message.occurred_at) == (str(command.correlation_id), command.occurred_at)


def test_a_message_carries_on_the_ids_of_the_request_that_made_it() -> None:
    with logging_context(request_id="r1", correlation_id="c1"):
        message = command_now(COMMANDS[0])

    assert message.headers == {"x-request-id": "r1", "x-correlation-id": "c1"}
    assert command_now(COMMANDS[0]).headers == {}
