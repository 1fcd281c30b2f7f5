"""A pair of keys for tests, made once in a process: making one takes a moment."""

from functools import cache

from shared.providers.mpesa.simulator.credential import new_pair


@cache
def pair() -> tuple[str, str]:
    """The certificate and the private key."""
    return new_pair()
