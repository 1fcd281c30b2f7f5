"""Ids as callers write them."""

from uuid import UUID

from shared.domain.errors import FieldError, NotFound, ValidationFailed


def uuid_of(text: str) -> UUID | None:
    """``None`` for what is no id."""
    try:
        return UUID(text)
    except ValueError:
        return None


def id_of(noun: str, text: str) -> UUID:
    """Raises ``NotFound`` for what is no id: there is no such ``noun``."""
    found = uuid_of(text)
    if found is None:
        raise NotFound(f"There is no such {noun}.")
    return found


def queried_id(field: str, text: str | None, what_is_right: str = "must be a next_cursor") -> UUID | None:
    """One that need not be given. Raises ``ValidationFailed`` naming the field, for what is no id."""
    found = None if text is None else uuid_of(text)
    if text is not None and found is None:
        raise ValidationFailed("Some fields are not acceptable.", FieldError(field, what_is_right))
    return found
