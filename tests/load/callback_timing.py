"""Shows that the time of a refusal tells nothing about the right signature: ``python -m tests.load.callback_timing``.

Whoever could time how far a comparison came would find a signature digit by digit. So each place where what a stranger
sent is compared is timed with signatures that are right up to the last digit, and with those of another secret, in
random order. The exit code is 1 where Welch's t is 4.5 or more, or where the same look at a comparison that leaves
early sees nothing.
"""

import hmac
import random
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, sqrt
from statistics import fmean, variance
from uuid import uuid4

import click
from standardwebhooks import Webhook

from shared.domain.errors import WebhookRejected
from shared.provider_kit.provider import WebhookRequest
from shared.provider_kit.webhooks import is_any_signature
from shared.providers.cpay.webhooks import verify
from shared.providers.mpesa.callback_paths import About, CallbackPaths, Purpose
from shared.providers.paystack.webhooks import is_signed

MOST_T = 4.5

# Each text is right for one secret and wrong for all others: reading it takes the same time in either case. So many,
# because where a pair lies in memory has some nanoseconds of its own: over 256 pairs alone that looked like a leak.
KEYS = [secrets.token_bytes(32) for _ in range(4096)]

# What takes longest was interrupted; of both kinds alike.
SHARE_KEPT = 0.9

EVENT_ID, NOW = "evt_1", datetime.now(UTC)
TIMESTAMP = str(int(NOW.timestamp()))
BODY = b'{"type": "payment.received", "timestamp": "2026-01-15T10:00:00Z", "data": {}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``right``: of each key, in hexadecimal digits. ``refuses``: whether the key of that number does not believe
    these digits. One sample is ``times`` of it.
    """

    name: str
    right: Sequence[str]
    refuses: Callable[[int, str], bool]
    times: int = 1
    leaks: bool = False


@click.command()
@click.option("--samples", default=50_000, show_default=True, help="Of each place.")
def main(samples: int) -> None:
    """In this process alone."""
    is_right = True
    for place in _places():
        _check(place)
        t, nanoseconds = _welch_t(place, samples)
        is_as_meant = (t >= MOST_T) is place.leaks
        is_right &= is_as_meant
        verdict = "as it should be" if is_as_meant else "this look sees nothing" if place.leaks else "it leaks"
        click.echo(f"{place.name:<32} {nanoseconds:8.0f} ns  t {t:7.2f}  {verdict}")
    raise SystemExit(0 if is_right else 1)


def _places() -> Sequence[Place]:
    short = [hmac.digest(key, BODY, "sha256") for key in KEYS]
    long = [hmac.digest(key, BODY, "sha512") for key in KEYS]
    signed = f"{EVENT_ID}.{TIMESTAMP}.".encode() + BODY
    tokens = [CallbackPaths("", [key]).url(PAID).removeprefix(STEM) for key in KEYS]
    return [
        Place(name="a comparison that leaves early", right=_hex(short), refuses=_early(short), times=4, leaks=True),
        Place(name="the kit, 32 bytes", right=_hex(short), refuses=_kit(short), times=16),
        Place(name="the kit, 64 bytes", right=_hex(long), refuses=_kit(long), times=16),
        Place(name="CPay", right=_hex([hmac.digest(key, signed, "sha256") for key in KEYS]), refuses=_cpay),
        Place(name="Paystack", right=_hex(long), refuses=_paystack, times=2),
        Place(name="M-Pesa's paths", right=tokens, refuses=_mpesa),
    ]


def _early(right: Sequence[bytes]) -> Callable[[int, str], bool]:
    return lambda key, given: any(one != other for one, other in zip(bytes.fromhex(given), right[key], strict=True))


def _kit(right: Sequence[bytes]) -> Callable[[int, str], bool]:
    return lambda key, given: not is_any_signature([bytes.fromhex(given)], [right[key]])


def _cpay(key: int, given: str) -> bool:
    signature = f"v1,{b64encode(bytes.fromhex(given)).decode()}"
    headers = {"webhook-id": EVENT_ID, "webhook-timestamp": TIMESTAMP, "webhook-signature": signature}
    return _is_rejected(lambda: verify(WebhookRequest(headers=headers, body=BODY, received_at=NOW), [KEYS[key]]))


def _paystack(key: int, given: str) -> bool:
    return not is_signed(BODY, given, [KEYS[key]])


PAID = About(purpose=Purpose.STK, subject=str(uuid4()))
STEM = f"/{PAID.purpose}/{PAID.subject}/"
PATHS = [CallbackPaths("", [key]) for key in KEYS]


def _mpesa(key: int, given: str) -> bool:
    return _is_rejected(lambda: PATHS[key].read(STEM[1:] + given))


def _is_rejected(read: Callable[[], object]) -> bool:
    try:
        read()
    except WebhookRejected:
        return True
    return False


def _hex(right: Sequence[bytes]) -> Sequence[str]:
    return [each.hex() for each in right]


def _check(place: Place) -> None:
    """That it is the signature which decides, and that it is what the provider's own library makes."""
    assert not place.refuses(0, place.right[0])
    assert place.refuses(0, _spoilt(place.right[0]))
    assert place.refuses(0, place.right[1])
    if place.name == "CPay":
        assert Webhook(KEYS[0]).sign(EVENT_ID, NOW, BODY.decode()) == (
            f"v1,{b64encode(bytes.fromhex(place.right[0])).decode()}"
        )


def _welch_t(place: Place, samples: int) -> tuple[float, float]:
    """Between the two kinds, without its sign; and the mean time of one refusal."""
    spoilt = [_spoilt(each) for each in place.right]
    taken: tuple[list[float], list[float]] = ([], [])
    drawn = random.Random(secrets.randbits(64))
    for _ in range(samples):
        key, kind = drawn.randrange(len(KEYS)), drawn.getrandbits(1)
        chosen = spoilt[(key + kind * drawn.randrange(1, len(KEYS))) % len(KEYS)]
        given = chosen[:1] + chosen[1:]  # of no place in memory that goes with its key
        began = time.perf_counter_ns()
        for _ in range(place.times):
            place.refuses(key, given)
        taken[kind].append(time.perf_counter_ns() - began)
    longest = sorted([*taken[0], *taken[1]])[int(samples * SHARE_KEPT)]
    near, far = ([each for each in kind if each <= longest] for kind in taken)
    error = sqrt(variance(near) / len(near) + variance(far) / len(far))
    return abs(fmean(near) - fmean(far)) / error if error else inf, fmean([*near, *far]) / place.times


def _spoilt(right: str) -> str:
    """Another last digit."""
    return right[:-1] + "0123456789abcdef"[int(right[-1], 16) - 1]


if __name__ == "__main__":
    main()
