"""Who acts: a person or key with an address, or a process of ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """What the audit trail says of who did it."""

    user_id: str | None
    ip_address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


def process_actor(service: str, request_id: str | None = None) -> Actor:
    return Actor(user_id=service, request_id=request_id)
