"""Identifiers that sort by the time of their making and hold no dots (a webhook id may not)."""

import secrets
from datetime import datetime

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ulid(now: datetime) -> str:
    """26 characters: 48 bits of milliseconds, then 80 random ones."""
    number = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
