"""Identifiers: new ones, and ones that are nobody's."""

import secrets
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ulid(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds, then 80 random ones. They sort by the time of their making, and hold no
    dots (a webhook id may not).
    """
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def nobodys(name: object) -> str:
    """Another name, always the same for the same one, that nobody here has been given."""
    return str(uuid5(NAMESPACE_URL, f"nobody's {name}"))
