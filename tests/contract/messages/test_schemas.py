"""A published message never changes: its JSON schema is pinned in ``pinned/``, one file per type and version.

A new shape is a new version beside the old one, with a file of its own:
``python -m tests.contract.messages.pin`` writes what is missing, and never touches what is there.
"""

import json
from typing import get_args

import pytest

from shared.contracts.messages.codec import AnyMessage
from shared.contracts.messages.envelope import Message
from tests.contract.messages.pin import PINNED, message_types, schema_of


@pytest.mark.parametrize("name", sorted(message_types()))
def test_every_message_has_exactly_its_pinned_shape(name: str) -> None:
    file = PINNED / f"{name}.json"
    assert file.exists(), f"{name} is not pinned: run python -m tests.contract.messages.pin"

    assert schema_of(message_types()[name]) == json.loads(file.read_text())


def test_every_pinned_shape_still_has_its_message() -> None:
    assert {file.stem for file in PINNED.iterdir()} == set(message_types())


def test_every_class_of_messages_can_be_decoded() -> None:
    assert set(get_args(AnyMessage)) == set(Message.__subclasses__())


@pytest.mark.parametrize("name", sorted(message_types()))
def test_a_type_names_its_version(name: str) -> None:
    subject, verb, version = name.split(".")

    assert subject
    assert verb
    assert version.startswith("v")
    assert version.removeprefix("v").isdecimal()


@pytest.mark.parametrize("name", sorted(message_types()))
def test_messages_are_frozen_and_take_nothing_extra(name: str) -> None:
    config = message_types()[name].model_config

    assert config.get("frozen") is True
    assert config.get("extra") == "forbid"


@pytest.mark.parametrize("name", sorted(message_types()))
def test_no_message_has_a_place_for_secrets_or_personal_facts(name: str) -> None:
    fields = set(message_types()[name].model_fields)

    assert not fields & {"phone", "email", "name", "customer", "metadata", "payload", "secret", "token", "card"}
