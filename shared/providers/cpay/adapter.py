"""CPay as a ``PaymentProvider``: asks over HTTP, and turns every answer and every silence into an outcome."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import httpx2

from shared.domain.outcome import Outcome
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.bearer_api import BearerApi
from shared.provider_kit.http import path_of
from shared.provider_kit.plugin import ProviderConfig, ProviderTools
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    CredentialCheck,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    PayoutQuery,
    PayoutRequest,
    ProviderReport,
    RefundQuery,
    RefundRequest,
    StatementLine,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.providers.cpay import outcomes
from shared.providers.cpay.answers import (
    credential_check,
    outcome_among,
    outcome_in_list,
    outcome_of_cancellation,
    outcome_of_query,
    outcome_of_request,
    outcome_of_same_capture,
    outcome_of_same_payment,
    outcome_of_same_payout,
    outcome_of_same_refund,
)
from shared.providers.cpay.config import CPayConfig, webhook_key
from shared.providers.cpay.statement import statement_lines
from shared.providers.cpay.webhooks import report_of, verify
from shared.providers.cpay.wire import (
    Capture,
    CreateCapture,
    CreatePayment,
    CreatePayout,
    CreateRefund,
    CustomerSent,
    Listed,
    Payment,
    Payout,
    RecipientSent,
    Refund,
)

# No payment of ours has this id: whoever may look finds nothing.
NOBODYS = UUID(int=0)


def build_cpay(config: ProviderConfig, tools: ProviderTools) -> PaymentProvider:
    """The adapter for one configuration; its tools stay the caller's."""
    assert isinstance(config, CPayConfig)
    return CPay(config, tools.client)


class CPay:
    """See ``PaymentProvider``, ``TakesCaptures``, ``TakesCancellations``, ``SendsPayouts``, ``GivesStatements`` and
    ``ChecksCredentials``.
    """

    def __init__(self, config: CPayConfig, client: httpx2.Client) -> None:
        self._cpay = BearerApi(config, client)
        self._webhook_keys = tuple(webhook_key(secret.get_secret_value()) for secret in config.webhook_secrets)

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        body = CreatePayment(
            amount=request.amount.amount_minor_units,
            currency=request.amount.currency,
            merchant_reference=str(request.transaction_id),
            customer=CustomerSent(phone=request.customer.phone, email=request.customer.email),
            capture_method="manual" if request.capture_method is CaptureMethod.MANUAL else None,
            metadata=dict(request.metadata),
        )
        answer = self._cpay.post("/payments", body.to_json(), request.idempotency_key)
        return outcome_of_request(
            answer,
            outcomes.PAYMENT_ERRORS,
            Payment,
            lambda payment: outcome_of_same_payment(payment, request.transaction_id, request.amount),
        )

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        def judge(payment: Payment) -> Outcome:
            return outcome_of_same_payment(payment, query.transaction_id, query.amount)

        if query.reference is not None:
            return outcome_of_query(self._cpay.get(path_of("payments", query.reference)), Payment, judge)
        answer = self._cpay.get(f"/payments?merchant_reference={query.transaction_id}")
        return outcome_of_query(answer, Listed[Payment], lambda listed: outcome_in_list(listed, judge))

    def refund_payment(self, request: RefundRequest) -> Outcome:
        body = CreateRefund(
            amount=request.amount.amount_minor_units, reason=request.reason, merchant_reference=str(request.refund_id)
        )
        to = path_of("payments", request.payment.reference, "refunds")
        answer = self._cpay.post(to, body.to_json(), request.idempotency_key)
        return outcome_of_request(
            answer, outcomes.REFUND_ERRORS, Refund, lambda refund: outcome_of_same_refund(refund, request)
        )

    def verify_refund(self, query: RefundQuery) -> Outcome:
        def judge(refund: Refund) -> Outcome:
            return outcome_of_same_refund(refund, query)

        if query.reference is not None:
            return outcome_of_query(self._cpay.get(path_of("refunds", query.reference)), Refund, judge)
        answer = self._cpay.get(path_of("payments", query.payment.reference, "refunds"))
        return outcome_of_query(answer, Listed[Refund], lambda listed: outcome_among(listed, query.refund_id, judge))

    def capture_payment(self, request: CaptureRequest) -> Outcome:
        body = CreateCapture(
            amount=request.amount.amount_minor_units,
            final=request.is_final,
            merchant_reference=str(request.capture_id),
        )
        to = path_of("payments", request.payment_reference, "captures")
        answer = self._cpay.post(to, body.to_json(), request.idempotency_key)
        return outcome_of_request(
            answer, outcomes.CAPTURE_ERRORS, Capture, lambda capture: outcome_of_same_capture(capture, request)
        )

    def verify_capture(self, query: CaptureQuery) -> Outcome:
        def judge(capture: Capture) -> Outcome:
            return outcome_of_same_capture(capture, query)

        if query.reference is not None:
            return outcome_of_query(self._cpay.get(path_of("captures", query.reference)), Capture, judge)
        answer = self._cpay.get(path_of("payments", query.payment_reference, "captures"))
        return outcome_of_query(answer, Listed[Capture], lambda listed: outcome_among(listed, query.capture_id, judge))

    def cancel_payment(self, request: CancelRequest) -> Outcome:
        to = path_of("payments", request.payment_reference, "cancel")
        answer = self._cpay.post(to, {}, request.idempotency_key)
        return outcome_of_request(
            answer, outcomes.CANCEL_ERRORS, Payment, lambda payment: outcome_of_cancellation(payment, request)
        )

    def send_payout(self, request: PayoutRequest) -> Outcome:
        body = CreatePayout(
            amount=request.amount.amount_minor_units,
            currency=request.amount.currency,
            merchant_reference=str(request.payout_id),
            recipient=RecipientSent(phone=request.recipient.phone),
            reason=request.reason,
        )
        answer = self._cpay.post("/payouts", body.to_json(), request.idempotency_key)
        return outcome_of_request(
            answer, outcomes.PAYMENT_ERRORS, Payout, lambda payout: outcome_of_same_payout(payout, request)
        )

    def verify_payout(self, query: PayoutQuery) -> Outcome:
        def judge(payout: Payout) -> Outcome:
            return outcome_of_same_payout(payout, query)

        if query.reference is not None:
            return outcome_of_query(self._cpay.get(path_of("payouts", query.reference)), Payout, judge)
        answer = self._cpay.get(f"/payouts?merchant_reference={query.payout_id}")
        return outcome_of_query(answer, Listed[Payout], lambda listed: outcome_in_list(listed, judge))

    def check_credentials(self) -> CredentialCheck:
        return credential_check(self._cpay.get(f"/payments?merchant_reference={NOBODYS}"))

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        return statement_lines(self._cpay, since, until)

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        return verify(request, self._webhook_keys)

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        return report_of(payload)
