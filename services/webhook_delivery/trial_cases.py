"""What "test my endpoint" sends on purpose, how each should be taken, and what to do where it is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.application.event_frame import notice
from shared.application.views import time_view
from shared.application.webhook_secrets import new_secret, signed_headers
from shared.domain.event_types import ENDPOINT_TEST
from shared.runtime.identifiers import new_id

# Receivers refuse what is signed more than five minutes ago.
LATE = timedelta(minutes=10)

DRIP_SECONDS = 5.0


class Expected(StrEnum):
    """``TAKEN``: 2xx. ``REFUSED``: 4xx."""

    TAKEN = "2xx"
    REFUSED = "4xx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One POST; ``over_seconds``: how slowly its body comes."""

    headers: Mapping[str, str]
    body: bytes
    over_seconds: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the cases are made of: ``secrets`` of the endpoint, the newest first; ``first_id`` is sent twice."""

    secrets: Sequence[str]
    first_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """``advice`` is told where the endpoint did something else than expected."""

    name: str
    expected: Expected
    advice: str
    sendings: Callable[[Material], Sequence[Sending]]


def _good(material: Material) -> Sequence[Sending]:
    return [_sending(material, "good", event_id=material.first_id)]


def _late(material: Material) -> Sequence[Sending]:
    return [_sending(material, "late", sent_at=material.now - LATE)]


def _out_of_order(material: Material) -> Sequence[Sending]:
    return [_sending(material, "out_of_order", sequence=sequence) for sequence in (3, 2)]


def _badly_signed(material: Material) -> Sequence[Sending]:
    return [_sending(material, "bad_signature", secrets=[new_secret()])]


def _two_signatures(material: Material) -> Sequence[Sending]:
    """As while a secret is rotated: the one that the endpoint may not have comes first."""
    other = material.secrets[1] if len(material.secrets) > 1 else new_secret()
    return [_sending(material, "previous_secret", secrets=[other, material.secrets[0]])]


def _slow(material: Material) -> Sequence[Sending]:
    made = _sending(material, "slow")
    return [Sending(headers=made.headers, body=made.body, over_seconds=DRIP_SECONDS)]


CASES: tuple[Case, ...] = (
    Case(
        name="good",
        expected=Expected.TAKEN,
        advice="answer 2xx within 15 seconds: nothing else counts as delivered",
        sendings=_good,
    ),
    Case(
        name="duplicate",
        expected=Expected.TAKEN,
        advice="answer 2xx to a webhook-id that you have had, and do nothing: it comes twice now and then",
        sendings=_good,
    ),
    Case(
        name="late",
        expected=Expected.REFUSED,
        advice="accepted a signature of ten minutes ago: refuse a webhook-timestamp that is more than five minutes off,"
        " or whoever has an old delivery can repeat it",
        sendings=_late,
    ),
    Case(
        name="out_of_order",
        expected=Expected.TAKEN,
        advice="answer 2xx to what comes out of order: go by the sequence in the body, not by the order of arrival",
        sendings=_out_of_order,
    ),
    Case(
        name="bad_signature",
        expected=Expected.REFUSED,
        advice="accepted a bad signature: verify before you parse, over the raw bytes of the body, and answer 4xx",
        sendings=_badly_signed,
    ),
    Case(
        name="previous_secret",
        expected=Expected.TAKEN,
        advice="try every signature in webhook-signature: while a secret is rotated there is one of each",
        sendings=_two_signatures,
    ),
    Case(
        name="slow",
        expected=Expected.TAKEN,
        advice=f"wait for a body that takes {DRIP_SECONDS:.0f} seconds to come",
        sendings=_slow,
    ),
)


def _sending(
    material: Material,
    case: str,
    *,
    event_id: UUID | None = None,
    sequence: int = 1,
    secrets: Sequence[str] | None = None,
    sent_at: datetime | None = None,
) -> Sending:
    named = event_id or new_id()
    body = notice(named, ENDPOINT_TEST, time_view(material.now), {"case": case}, sequence=sequence)
    signing = material.secrets if secrets is None else secrets
    return Sending(headers=signed_headers(named, body, signing, sent_at or material.now), body=body)
