"""The form in which a row of the audit trail is signed and sealed: the same bytes from an entry and from the database.

What is signed is canonical JSON (``canonical_json``) of an object with every column of ``SIGNED_COLUMNS`` by its name:
ids in lower case with dashes, the time as ``2026-01-15T10:00:00.123456Z``, ``event_data`` as the JSON that PostgreSQL
holds, ``null`` for NULL. A leaf of a seal is canonical JSON of ``{"mac": hex, "row": <what is signed>, "written_by"}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.persistence.audit_entry import AuditEntry
from shared.persistence.engine import storable_json
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.canonical_json import canonical_json, parse_exactly

# For ever: a column that is added later is no part of what has been signed, and needs a second version of the form.
SIGNED_COLUMNS = (
    "event_data",
    "event_type",
    "id",
    "ip_address",
    "merchant_id",
    "request_id",
    "timestamp",
    "transaction_id",
    "user_agent",
    "user_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAuditRow:
    """A row as it is sealed and verified. ``content`` is what its MAC covers; ``written_by`` is the transaction."""

    id: UUID
    content: str
    mac: bytes | None
    written_by: int

    @property
    def place(self) -> tuple[int, UUID]:
        """By which rows are put in order."""
        return self.written_by, self.id

    @property
    def leaf(self) -> str:
        """What its leaf in a seal is the hash of."""
        mac = "null" if self.mac is None else f'"{self.mac.hex()}"'
        return f'{{"mac":{mac},"row":{self.content},"written_by":"{self.written_by}"}}'

    def is_genuine(self, keys: AuditKeys) -> bool:
        return keys.is_row_genuine(self.content, self.mac)


def content_of(entry: AuditEntry) -> str:
    """What is signed of an entry that is about to be written.

    Raises:
        ValueError, TypeError: something that PostgreSQL would refuse too.
    """
    columns = {
        "event_type": entry.event_type,
        "id": str(entry.id),
        "ip_address": entry.ip_address,
        "merchant_id": _id(entry.merchant_id),
        "request_id": entry.request_id,
        "timestamp": time_text(entry.timestamp),
        "transaction_id": _id(entry.transaction_id),
        "user_agent": entry.user_agent,
        "user_id": entry.user_id,
    }
    return _content(columns, storable_json(dict(entry.event_data)))


def content_of_texts(texts: Mapping[str, str | None]) -> str:
    """The same of a stored row; ``texts`` are PostgreSQL's words for its columns, whatever somebody put there."""
    columns = dict(texts)
    event_data = columns.pop("event_data")
    columns["timestamp"] = stored_time_text(columns["timestamp"])
    try:
        return _content(columns, event_data or "null")
    except (ValueError, RecursionError):
        # Nothing that we wrote: so it must fit no MAC, but have a form that can be sealed and told.
        return canonical_json({**columns, "event_data": f"unreadable: {event_data}"})


def time_text(moment: datetime) -> str:
    """To the microsecond, in UTC. Raises ``ValueError`` for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def stored_time_text(text: str | None) -> str | None:
    """The same of PostgreSQL's text; what is no time of ours (``infinity``, years before Christ) stays as it is."""
    try:
        return None if text is None else time_text(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return text


def _content(columns: Mapping[str, str | None], event_data: str) -> str:
    return canonical_json({**columns, "event_data": parse_exactly(event_data)})


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)
