"""Stripe as a ``PaymentProvider``: asks through its SDK, and turns every answer and every silence into an outcome."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.domain.errors import AmountRejected, CurrencyUnknown
from shared.domain.failure import FailureCode
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome
from shared.provider_kit.plugin import ProviderConfig, ProviderTools
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    CredentialCheck,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    ProviderReport,
    RefundQuery,
    RefundRequest,
    StatementLine,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.providers.stripe import outcomes
from shared.providers.stripe.answers import (
    about_another,
    is_about_payment,
    outcome_among,
    outcome_of_cancellation,
    outcome_of_capture_query,
    outcome_of_capture_request,
    outcome_of_declined,
    outcome_of_query,
    outcome_of_request,
    outcome_of_same_refund,
)
from shared.providers.stripe.calls import Refusal, StripeCalls
from shared.providers.stripe.config import StripeConfig
from shared.providers.stripe.entries import PAYMENT_ENTRY, REFUND_ENTRY
from shared.providers.stripe.outcomes import Verdict, outcome_of_intent, outcome_of_refusal, verdict_on
from shared.providers.stripe.sending import capture_params, intent_params, refund_params
from shared.providers.stripe.statement import statement_lines
from shared.providers.stripe.webhooks import report_of, verify
from shared.providers.stripe.wire import Intent

# Between our clock and Stripe's.
CLOCK_TOLERANCE = timedelta(minutes=5)


def build_stripe(config: ProviderConfig, tools: ProviderTools) -> PaymentProvider:
    """The adapter for one configuration; its tools stay the caller's."""
    assert isinstance(config, StripeConfig)
    return Stripe(config, StripeCalls(config, tools.client))


class Stripe:
    """See ``PaymentProvider``, ``TakesCaptures``, ``TakesCancellations``, ``GivesStatements`` and
    ``ChecksCredentials``.
    """

    def __init__(self, config: StripeConfig, calls: StripeCalls) -> None:
        self._config, self._calls = config, calls

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        """With a token, the payment is confirmed at once; without one, the customer's browser confirms it."""

        def judge(intent: Intent) -> Outcome:
            return self._judged(intent, request, None)

        try:
            params = intent_params(request, multicapture=self._config.multicapture)
        except (AmountRejected, CurrencyUnknown) as error:
            return unfit(request.amount, error, FailureCode.PROVIDER_REFUSED)
        found = self._calls.create_intent(params, request.idempotency_key)
        if isinstance(found, Refusal) and verdict_on(found, outcomes.PAYMENT_ERRORS) is Verdict.DECLINED:
            return outcome_of_declined(found, judge)
        return outcome_of_request(found, outcomes.PAYMENT_ERRORS, judge)

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        """Without a reference, every intent made since shortly before the payment is looked through. The list, unlike
        Stripe's search, shows at once what was made.
        """

        def judge(intent: Intent) -> Outcome:
            return self._judged(intent, query, query.reference)

        if query.reference is not None:
            return outcome_of_query(self._calls.intent(query.reference), judge)
        since = int((query.created_at - CLOCK_TOLERANCE).timestamp())
        listed = self._calls.intents({"created": {"gte": since}})
        return outcome_among(listed, PAYMENT_ENTRY, query.transaction_id, judge)

    def refund_payment(self, request: RefundRequest) -> Outcome:
        try:
            params = refund_params(request)
        except (AmountRejected, CurrencyUnknown) as error:
            return unfit(request.amount, error, FailureCode.REFUND_NOT_POSSIBLE)
        found = self._calls.create_refund(params, request.idempotency_key)
        return outcome_of_request(found, outcomes.REFUND_ERRORS, lambda refund: outcome_of_same_refund(refund, request))

    def verify_refund(self, query: RefundQuery) -> Outcome:
        if query.reference is not None:
            found = self._calls.refund(query.reference)
            return outcome_of_query(found, lambda refund: outcome_of_same_refund(refund, query))
        listed = self._calls.refunds({"payment_intent": query.payment.reference})
        return outcome_among(
            listed, REFUND_ENTRY, query.refund_id, lambda refund: outcome_of_same_refund(refund, query)
        )

    def capture_payment(self, request: CaptureRequest) -> Outcome:
        """One capture that is final, or several, where ``multicapture`` is configured; else Stripe refuses."""
        try:
            params = capture_params(request)
        except (AmountRejected, CurrencyUnknown) as error:
            return unfit(request.amount, error, FailureCode.CAPTURE_NOT_POSSIBLE)
        found = self._calls.capture(request.payment_reference, params, request.idempotency_key)
        if isinstance(found, Refusal) and verdict_on(found, outcomes.CAPTURE_ERRORS) is Verdict.LOOK:
            return self._capture_after_all(request, found)
        return outcome_of_request(
            found, outcomes.CAPTURE_ERRORS, lambda intent: outcome_of_capture_request(intent, request)
        )

    def verify_capture(self, query: CaptureQuery) -> Outcome:
        found = self._calls.intent(query.payment_reference)
        return outcome_of_query(found, lambda intent: outcome_of_capture_query(intent, query))

    def cancel_payment(self, request: CancelRequest) -> Outcome:
        found = self._calls.cancel(
            request.payment_reference, {"cancellation_reason": "abandoned"}, request.idempotency_key
        )
        if isinstance(found, Refusal) and verdict_on(found, outcomes.CANCEL_ERRORS) is Verdict.LOOK:
            return self._cancelled_after_all(request, found)
        return outcome_of_request(
            found, outcomes.CANCEL_ERRORS, lambda intent: outcome_of_cancellation(intent, request)
        )

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        return statement_lines(self._calls, since, until)

    def check_credentials(self) -> CredentialCheck:
        """Reads the balance; a restricted key that may not is good if it may see payments."""
        balance = self._calls.balance()
        may_not = isinstance(balance, Refusal) and balance.status == 403
        found = self._calls.any_intent() if may_not else balance
        if isinstance(found, NotSent | InDoubt):
            return CredentialCheck(accepted=None, detail=found.reason)
        if isinstance(found, Refusal):
            is_no = found.status in {401, 403}
            return CredentialCheck(accepted=False if is_no else None, detail=found.reason())
        return CredentialCheck(accepted=True, detail="live" if self._config.livemode else "test")

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        return verify(request, self._config)

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        return report_of(payload, self._config)

    def _judged(self, intent: Intent, asked: PaymentRequest | PaymentQuery, reference: str | None) -> Outcome:
        """The payment's outcome, if the intent is the one that was asked for."""
        if not is_about_payment(intent, asked.transaction_id, reference, asked.amount):
            return about_another(intent)
        return outcome_of_intent(intent, self._config.publishable_key)

    def _capture_after_all(self, request: CaptureRequest, refusal: Refusal) -> Outcome:
        """The intent is in no state to be captured; perhaps because this capture has been made."""
        query = CaptureQuery(
            capture_id=request.capture_id,
            payment_reference=request.payment_reference,
            amount=request.amount,
            reference=None,
        )
        seen = self.verify_capture(query)
        return outcome_of_refusal(refusal, Verdict.CAPTURE_NOT_POSSIBLE) if isinstance(seen, NotSent) else seen

    def _cancelled_after_all(self, request: CancelRequest, refusal: Refusal) -> Outcome:
        """The intent is in no state to be cancelled: it is cancelled already, or it is too late."""

        def judge(intent: Intent) -> Outcome:
            if intent.status in outcomes.TOO_LATE_TO_CANCEL:
                return outcome_of_refusal(refusal, Verdict.DECLINED)
            return outcome_of_cancellation(intent, request)

        seen = outcome_of_query(self._calls.intent(request.payment_reference), judge)
        return InDoubt(reason=seen.reason) if isinstance(seen, NotSent) else seen


def unfit(amount: Money, error: Exception, code: FailureCode) -> Declined:
    """Refused before anything is sent: rounding would take another amount."""
    return Declined(code=code, provider_code="amount_unfit", provider_message=f"{amount.currency} {amount} {error}")
