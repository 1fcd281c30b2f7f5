"""Our refund ids in Paystack's ``merchant_note``: the only field of a refund that is ours to write and comes back."""

from uuid import UUID

UUID_CHARACTERS = 36
MAX_NOTE_CHARACTERS = 200


def note_of(refund_id: UUID, reason: str) -> str:
    """Such as ``01980000-0000-7000-8000-000000000002 returned``."""
    return f"{refund_id} {reason}"[:MAX_NOTE_CHARACTERS].rstrip()


def refund_id_in(note: str | None) -> UUID | None:
    """Our refund id; ``None`` in a note that we did not write, such as the dashboard's."""
    return uuid_or_none((note or "")[:UUID_CHARACTERS])


def uuid_or_none(text: str) -> UUID | None:
    """A UUID in the form in which we write it, and no other."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
