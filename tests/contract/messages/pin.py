"""Pins the schemas of messages that have no file yet: ``python -m tests.contract.messages.pin``."""

import json
from pathlib import Path
from typing import get_args

from shared.contracts.messages.codec import AnyMessage
from shared.contracts.messages.envelope import Message

PINNED = Path(__file__).parent / "pinned"


def message_types() -> dict[str, type[Message]]:
    """Every message that the codec knows, by type and version."""
    return {kind.model_fields["type"].default: kind for kind in get_args(AnyMessage)}


def schema_of(kind: type[Message]) -> object:
    """The JSON schema without the words: a docstring may be improved."""
    return _without_words(kind.model_json_schema())


def _without_words(schema: object) -> object:
    if isinstance(schema, dict):
        return {name: _without_words(part) for name, part in schema.items() if name not in {"description", "title"}}
    return [_without_words(part) for part in schema] if isinstance(schema, list) else schema


def main() -> None:
    for name, kind in message_types().items():
        file = PINNED / f"{name}.json"
        if not file.exists():
            file.write_text(json.dumps(schema_of(kind), indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
