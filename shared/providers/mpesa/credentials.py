"""What M-Pesa wants beside an access token: a password for each prompt, a credential for each command."""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from shared.providers.mpesa.config import MpesaConfig, public_key_in

# Kenya has no summer time. No document names the zone; practitioners send the local one.
EAST_AFRICA = timezone(timedelta(hours=3))
COMPACT = "%Y%m%d%H%M%S"
FOURTEEN_DIGITS = re.compile(r"[0-9]{14}")


@dataclass(frozen=True, slots=True)
class Initiator:
    """Who orders refunds and payouts, and the proof that it is them."""

    name: str
    credential: str


def timestamp(moment: datetime) -> str:
    return moment.astimezone(EAST_AFRICA).strftime(COMPACT)


def moment_of(text: str) -> datetime | None:
    """The moment, in UTC, of fourteen digits in East Africa's time; ``None`` if it is none."""
    if not FOURTEEN_DIGITS.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, COMPACT).replace(tzinfo=EAST_AFRICA).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stk_password(config: MpesaConfig, stamp: str) -> str:
    plain = f"{config.shortcode}{config.passkey.get_secret_value()}{stamp}"
    return base64.b64encode(plain.encode()).decode()


def initiator_of(config: MpesaConfig) -> Initiator | None:
    """With a credential that differs every time; ``None`` where none is configured."""
    if config.initiator_name is None or config.initiator_password is None or config.certificate_pem is None:
        return None
    # The raw password: the portal's "base64-encoded" is contradicted by every SDK that works.
    password = config.initiator_password.get_secret_value().encode()
    sealed = public_key_in(config.certificate_pem).encrypt(password, PKCS1v15())
    return Initiator(name=config.initiator_name, credential=base64.b64encode(sealed).decode())
