"""Turns messages into bytes and back: one tagged union, told apart by ``type``."""

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from shared.contracts.messages.commands import Command, WebhookCommand
from shared.contracts.messages.envelope import Message
from shared.contracts.messages.events import Event

AnyMessage = Command | WebhookCommand | Event

# A message is ids and times; whatever is larger is not one of ours.
MAX_BODY_BYTES = 65_536

_ADAPTER: TypeAdapter[AnyMessage] = TypeAdapter(Annotated[AnyMessage, Field(discriminator="type")])


class MessageUnreadable(Exception):
    """Not one of our messages: too large, no JSON, of an unknown type or version, or of another shape."""


def encode(message: Message) -> bytes:
    return message.model_dump_json().encode()


def decode(body: bytes) -> AnyMessage:
    """Raises ``MessageUnreadable``; repeating cannot help."""
    if len(body) > MAX_BODY_BYTES:
        raise MessageUnreadable("larger than a message can be")
    try:
        return _ADAPTER.validate_json(body)
    except ValidationError as error:
        raise MessageUnreadable(", ".join(problem["type"] for problem in error.errors(include_input=False))) from None
