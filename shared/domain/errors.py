"""The tree of errors; each is named for the fact and carries fields. Declines are not here: they are outcomes."""

from dataclasses import dataclass

from shared.domain.ids import TransactionId


class GatewayError(Exception):
    """The root of everything that we raise on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of a request and what would be right for it; ``pointer`` is a JSON pointer or a header's name."""

    pointer: str
    detail: str


class RequestRejected(GatewayError):
    """The caller's fault; ``code`` and ``detail`` are told to them."""

    code = "request_rejected"

    def __init__(self, detail: str, *errors: FieldError) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class ValidationFailed(RequestRejected):
    """Well-formed JSON whose fields are not acceptable."""

    code = "validation_failed"


class BodyMalformed(RequestRejected):
    """The body is not one JSON object in UTF-8."""

    code = "body_malformed"


class MediaTypeUnsupported(RequestRejected):
    code = "unsupported_media_type"


class BodyTooLarge(RequestRejected):
    code = "body_too_large"


class LengthRequired(RequestRejected):
    """A chunked body: it would be cut off silently at the size limit."""

    code = "length_required"


class PlaceLost(RequestRejected):
    """The event log does not go on from the place that the caller stands at."""

    code = "place_lost"


class NotAuthenticated(RequestRejected):
    """No valid credentials."""

    code = "not_authenticated"


class NotAuthorised(RequestRejected):
    """Valid credentials whose role does not allow this."""

    code = "not_authorised"


class NotFound(RequestRejected):
    """There is no such thing, or it is another merchant's: the answer is the same."""

    code = "not_found"


class IdempotencyKeyMissing(RequestRejected):
    code = "idempotency_key_missing"


class IdempotencyKeyInvalid(RequestRejected):
    code = "idempotency_key_invalid"


class IdempotencyKeyReused(RequestRejected):
    """The key came before with another body or on another endpoint."""

    code = "idempotency_key_reused"


class IdempotencyInFlight(RequestRejected):
    """The first request with this key has not committed yet."""

    code = "idempotency_in_flight"


class PaymentUnfinished(RequestRejected):
    """What was asked for needs to know how the payment ends; ``found`` is the status that it was in."""

    code = "payment_unfinished"

    def __init__(self, detail: str, transaction_id: TransactionId, found: str) -> None:
        super().__init__(detail)
        self.transaction_id = transaction_id
        self.found = found


class AmountAvailableMismatch(RequestRejected):
    """The merchant's books and ours differ in what is left of the payment."""

    code = "amount_available_mismatch"


class CancelNotPossible(RequestRejected):
    """The payment is over, is being captured, or its provider cannot cancel."""

    code = "cancel_not_possible"


class CaptureNotPossible(RequestRejected):
    """The payment is in no state that can be captured."""

    code = "capture_not_possible"


class CaptureExceedsAuthorization(RequestRejected):
    """More than what is reserved, and not yet taken or promised to another capture."""

    code = "capture_exceeds_authorization"


class RefundNotPossible(RequestRejected):
    """The payment is in no state that can be refunded."""

    code = "refund_not_possible"


class RefundExceedsPayment(RequestRejected):
    """More than what was taken and not yet given back."""

    code = "refund_exceeds_payment"


class CredentialsRefused(RequestRejected):
    """The provider was asked, and does not take these credentials."""

    code = "credentials_refused"


class ConfigurationChanged(RequestRejected):
    """Somebody else changed the same account in the meantime."""

    code = "configuration_changed"


class EndpointConflict(RequestRejected):
    """The merchant's webhook endpoints, as they are, do not allow it."""

    code = "webhook_endpoint_conflict"


class AmountRejected(GatewayError):
    """A number that is no amount of the currency; the message completes "amount …"."""


class CurrencyUnknown(GatewayError):
    def __init__(self, currency: str) -> None:
        super().__init__("is not the code of an ISO 4217 currency, such as KES")
        self.currency = currency


class IllegalTransition(GatewayError):
    """The state table has no such edge."""

    def __init__(self, status: str, trigger: str) -> None:
        super().__init__(f"{status} does not take {trigger}")
        self.from_status = status
        self.trigger = trigger


class ProviderError(GatewayError):
    """A provider could not be asked; adapters turn these into outcomes before they leave."""


class Misconfigured(ProviderError):
    """Credentials or settings of a provider are missing or refused: somebody must look."""


class WebhookRejected(GatewayError):
    """A callback that is not believed: nothing is stored, nothing is published."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
