"""What M-Pesa's gateway says of a request that it does not accept, by HTTP status, code and message together.

One code has many meanings: ``500.001.1001`` alone has five. What is in no row may have been executed: in doubt.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome
from shared.provider_kit.http import ProviderResponse, retry_after_seconds
from shared.provider_kit.wire import read
from shared.providers.mpesa.outcomes import Alert, alerted, redacted
from shared.providers.mpesa.wire import ErrorEnvelope, FaultEnvelope

BUSY_CUSTOMER_SECONDS = 60
QUOTA_SECONDS = 300
ANY_STATUS = 0
ANY = ""


class Verdict(StrEnum):
    """What an error says about the request that got it."""

    REFUSED = "refused"
    NO_SUCH_PHONE = "no_such_phone"
    NO_SUCH_PAYMENT = "no_such_payment"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a word
    CUSTOMER_BUSY = "customer_busy"
    THROTTLED = "throttled"
    QUOTA_SPENT = "quota_spent"
    AT_WORK = "at_work"
    ACCEPTED_EARLIER = "accepted_earlier"
    IN_DOUBT = "in_doubt"


V = Verdict

# HTTP status, errorCode, what the message contains (in lower case) -> what it says. The first row that fits counts.
ERRORS: tuple[tuple[int, str, str, Verdict], ...] = (
    (ANY_STATUS, ANY, "no apiproduct match", V.REFUSED),
    (400, "400.002.02", "invalid phonenumber", V.NO_SUCH_PHONE),
    (400, "400.002.02", "invalid partya", V.NO_SUCH_PHONE),
    (400, "400.002.02", "invalid partyb", V.NO_SUCH_PHONE),
    (400, "400.002.02", "invalid transactionid", V.NO_SUCH_PAYMENT),
    (400, "400.002.02", ANY, V.REFUSED),
    (400, "400.002.05", ANY, V.REFUSED),
    (400, "400.003.01", ANY, V.TOKEN_REFUSED),
    (400, "400.003.02", ANY, V.REFUSED),
    (400, "400.008.01", ANY, V.REFUSED),
    (400, "400.008.02", ANY, V.REFUSED),
    (401, "401.002.01", ANY, V.TOKEN_REFUSED),
    (401, "401.003.01", ANY, V.TOKEN_REFUSED),
    (404, "404.001.01", ANY, V.REFUSED),
    (404, "404.001.03", ANY, V.TOKEN_REFUSED),
    (404, "404.001.04", ANY, V.TOKEN_REFUSED),
    (404, "404.002.01", ANY, V.REFUSED),
    (404, "404.003.01", ANY, V.REFUSED),
    (405, "405.001", ANY, V.REFUSED),
    (429, ANY, ANY, V.THROTTLED),
    (500, "500.001.1001", "merchant does not exist", V.REFUSED),
    (500, "500.001.1001", "wrong credentials", V.REFUSED),
    (500, "500.001.1001", "unable to lock subscriber", V.CUSTOMER_BUSY),
    (500, "500.001.1001", "being processed", V.AT_WORK),
    (500, "500.002.1001", "duplicate originatorconversationid", V.ACCEPTED_EARLIER),
    (500, "500.003.02", ANY, V.THROTTLED),
    (500, "500.003.03", ANY, V.QUOTA_SPENT),
    (ANY_STATUS, "00.002.1001", "maintenance", V.THROTTLED),
)

# What Apigee says itself, by what its code contains (in lower case).
FAULTS: tuple[tuple[str, Verdict], ...] = (
    ("apiproduct", V.REFUSED),
    ("spikearrest", V.THROTTLED),
    ("ratelimit", V.QUOTA_SPENT),
    ("quota", V.QUOTA_SPENT),
    ("accesstoken", V.TOKEN_REFUSED),
    ("access_token", V.TOKEN_REFUSED),
)

# By HTTP status alone: their gate says both before anything is executed.
_UNREADABLE = {401: V.TOKEN_REFUSED, 429: V.THROTTLED}
_DECLINES = {
    V.REFUSED: (FailureCode.PROVIDER_REFUSED, Alert.CONFIGURATION),
    V.NO_SUCH_PHONE: (FailureCode.INVALID_ACCOUNT, None),
    V.NO_SUCH_PAYMENT: (FailureCode.REFUND_NOT_POSSIBLE, None),
}
_WAITS = {V.CUSTOMER_BUSY: BUSY_CUSTOMER_SECONDS, V.QUOTA_SPENT: QUOTA_SECONDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayError:
    """An answer that accepts nothing; ``code`` is empty where it cannot be read."""

    status: int
    code: str
    message: str
    verdict: Verdict
    retry_after_seconds: int | None = None

    @property
    def reason(self) -> str:
        """Such as ``http 500 500.003.02 System is busy``."""
        words = f"{self.code} {redacted(self.message)}".strip() if self.code else "unreadable"
        return f"http {self.status} {words}"[:300]


def error_in(response: ProviderResponse) -> GatewayError | None:
    """The error that an answer is, also with HTTP 200; ``None``: it is none."""
    envelope, fault = read(ErrorEnvelope, response.body), read(FaultEnvelope, response.body)
    if envelope is not None:
        verdict = _verdict(_meant_status(response.status, envelope.code), envelope)
        code, message = envelope.code, envelope.message
    elif fault is not None:
        code, message = fault.fault.detail.errorcode or "fault", fault.fault.faultstring
        verdict = _fault_verdict(f"{code} {message}")
    elif response.status == 200:
        return None
    else:
        code, message, verdict = "", "", _UNREADABLE.get(response.status, V.IN_DOUBT)
    wish = retry_after_seconds(response.headers)
    return GatewayError(status=response.status, code=code, message=message, verdict=verdict, retry_after_seconds=wish)


def outcome_of_error(error: GatewayError) -> Outcome:
    """What it makes of a request that was to move money."""
    answer = {"code": error.code, "description": redacted(error.message), "http": error.status}
    if error.verdict in _DECLINES:
        code, alert = _DECLINES[error.verdict]
        words = redacted(error.message)
        return Declined(code=code, provider_code=error.code, provider_message=words, answer=alerted(answer, alert))
    if error.verdict is V.TOKEN_REFUSED:
        return NotSent(reason=f"misconfigured: {error.reason}")
    if error.verdict in {V.CUSTOMER_BUSY, V.THROTTLED, V.QUOTA_SPENT}:
        wait = error.retry_after_seconds or _WAITS.get(error.verdict)
        return NotSent(reason=error.reason, retry_after_seconds=wait)
    return InDoubt(reason=error.reason, answer=alerted(answer, Alert.UNEXPECTED) if error.code else {})


def _verdict(status: int, envelope: ErrorEnvelope) -> Verdict:
    message = envelope.message.lower()
    for wanted_status, code, words, verdict in ERRORS:
        fits = wanted_status in {ANY_STATUS, status} and code in {ANY, envelope.code}
        if fits and words in message:
            return verdict
    return V.IN_DOUBT


def _fault_verdict(words: str) -> Verdict:
    joined = words.lower().replace(" ", "")
    return next((verdict for part, verdict in FAULTS if part in joined), V.IN_DOUBT)


def _meant_status(status: int, code: str) -> int:
    """An error that comes with 200 means the status that its code begins with."""
    prefix = code.partition(".")[0]
    return int(prefix) if status == 200 and len(prefix) == 3 and prefix.isdigit() and prefix.isascii() else status
