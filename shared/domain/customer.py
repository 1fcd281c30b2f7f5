"""Who pays."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """What the merchant told of the payer; ``phone`` in E.164 (``+254700000000``)."""

    phone: str | None = None
    email: str | None = None
    name: str | None = None
