"""CPay as a ``PaymentProvider``: asks over HTTP, and turns every answer and every silence into an outcome."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ValidationError

from shared.domain.money import Money
from shared.domain.outcome import InDoubt, NotSent, Outcome
from shared.provider_kit.http import ProviderResponse, call
from shared.provider_kit.plugin import ProviderConfig
from shared.provider_kit.provider import (
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    ProviderReport,
    RefundQuery,
    RefundRequest,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.providers.cpay import outcomes
from shared.providers.cpay.config import CPayConfig, webhook_key
from shared.providers.cpay.outcomes import answer_of, outcome_of_error, outcome_of_payment, outcome_of_refund
from shared.providers.cpay.webhooks import report_of, verify
from shared.providers.cpay.wire import (
    CreatePayment,
    CreateRefund,
    CustomerSent,
    ErrorBody,
    ErrorDetail,
    Payment,
    PaymentList,
    Refund,
    RefundList,
)

ACCEPTED = frozenset({200, 201})

Model = TypeVar("Model", bound=BaseModel)


def build_cpay(config: ProviderConfig, client: httpx2.Client) -> PaymentProvider:
    """The adapter for one configuration; ``client`` stays the caller's, with its timeouts."""
    assert isinstance(config, CPayConfig)
    return CPay(config, client)


class CPay:
    """See ``PaymentProvider``. No answer is believed that differs from what was asked."""

    def __init__(self, config: CPayConfig, client: httpx2.Client) -> None:
        self._base_url = config.base_url
        self._client = client
        self._api_key = config.api_key
        self._webhook_keys = tuple(webhook_key(secret.get_secret_value()) for secret in config.webhook_secrets)
        self._secrets = (config.api_key, *config.webhook_secrets)

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        body = CreatePayment(
            amount=request.amount.amount_minor_units,
            currency=request.amount.currency,
            merchant_reference=str(request.transaction_id),
            customer=CustomerSent(phone=request.customer.phone, email=request.customer.email),
            metadata=dict(request.metadata),
        )
        answer = self._post("/payments", body.to_json(), request.idempotency_key)
        return answer if not isinstance(answer, ProviderResponse) else self._payment_accepted(answer, request)

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        if query.reference is None:
            return self._payment_by_our_id(query)
        answer = self._get(f"/payments/{quote(query.reference, safe='')}")
        return answer if not isinstance(answer, ProviderResponse) else self._payment_found(answer, query)

    def refund_payment(self, request: RefundRequest) -> Outcome:
        body = CreateRefund(
            amount=request.amount.amount_minor_units, reason=request.reason, merchant_reference=str(request.refund_id)
        )
        path = f"/payments/{quote(request.payment_reference, safe='')}/refunds"
        answer = self._post(path, body.to_json(), request.idempotency_key)
        return answer if not isinstance(answer, ProviderResponse) else self._refund_accepted(answer, request)

    def verify_refund(self, query: RefundQuery) -> Outcome:
        if query.reference is None:
            return self._refund_by_our_id(query)
        answer = self._get(f"/refunds/{quote(query.reference, safe='')}")
        return answer if not isinstance(answer, ProviderResponse) else self._refund_found(answer, query)

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        return verify(request, self._webhook_keys)

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        return report_of(payload)

    def _payment_accepted(self, answer: ProviderResponse, request: PaymentRequest) -> Outcome:
        if answer.status not in ACCEPTED:
            return outcome_of_error(answer, error_in(answer), outcomes.PAYMENT_ERRORS)
        payment = read(Payment, answer)
        if payment is None:
            return unreadable(answer)
        return outcome_of_same_payment(payment, str(request.transaction_id), request.amount)

    def _payment_found(self, answer: ProviderResponse, query: PaymentQuery) -> Outcome:
        if answer.status != 200:
            return outcome_of_error(answer, error_in(answer), outcomes.QUERY_ERRORS)
        payment = read(Payment, answer)
        if payment is None:
            return unreadable(answer)
        return outcome_of_same_payment(payment, str(query.transaction_id), query.amount)

    def _payment_by_our_id(self, query: PaymentQuery) -> Outcome:
        answer = self._get(f"/payments?merchant_reference={query.transaction_id}")
        if not isinstance(answer, ProviderResponse):
            return answer
        if answer.status != 200:
            return outcome_of_error(answer, error_in(answer), outcomes.QUERY_ERRORS)
        listed = read(PaymentList, answer)
        if listed is None:
            return unreadable(answer)
        if len(listed.data) > 1:
            return InDoubt(reason="several payments have our reference")
        for payment in listed.data:
            return outcome_of_same_payment(payment, str(query.transaction_id), query.amount)
        return not_listed(listed)

    def _refund_accepted(self, answer: ProviderResponse, request: RefundRequest) -> Outcome:
        if answer.status not in ACCEPTED:
            return outcome_of_error(answer, error_in(answer), outcomes.REFUND_ERRORS)
        refund = read(Refund, answer)
        if refund is None:
            return unreadable(answer)
        return outcome_of_same_refund(refund, request)

    def _refund_found(self, answer: ProviderResponse, query: RefundQuery) -> Outcome:
        if answer.status != 200:
            return outcome_of_error(answer, error_in(answer), outcomes.QUERY_ERRORS)
        refund = read(Refund, answer)
        if refund is None:
            return unreadable(answer)
        return outcome_of_same_refund(refund, query)

    def _refund_by_our_id(self, query: RefundQuery) -> Outcome:
        answer = self._get(f"/payments/{quote(query.payment_reference, safe='')}/refunds")
        if not isinstance(answer, ProviderResponse):
            return answer
        if answer.status != 200:
            return outcome_of_error(answer, error_in(answer), outcomes.QUERY_ERRORS)
        listed = read(RefundList, answer)
        if listed is None:
            return unreadable(answer)
        for refund in listed.data:
            if refund.merchant_reference == str(query.refund_id):
                return outcome_of_same_refund(refund, query)
        return not_listed(listed)

    def _post(
        self, path: str, body: Mapping[str, object], idempotency_key: str
    ) -> ProviderResponse | NotSent | InDoubt:
        headers = {**self._authorization(), "Idempotency-Key": idempotency_key}
        return self._redacted(call(self._client, "POST", self._base_url + path, headers=headers, json=body))

    def _get(self, path: str) -> ProviderResponse | InDoubt:
        answer = self._redacted(call(self._client, "GET", self._base_url + path, headers=self._authorization()))
        # A query's NotSent is proof that there is nothing; a query that did not get out proves nothing.
        return InDoubt(reason=answer.reason) if isinstance(answer, NotSent) else answer

    def _authorization(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._api_key.get_secret_value()}"}

    def _redacted(self, answer: ProviderResponse | NotSent | InDoubt) -> ProviderResponse | NotSent | InDoubt:
        """An answer that repeats a secret of ours, as some error messages do, loses it here."""
        if not isinstance(answer, ProviderResponse):
            return answer
        body = answer.body
        for secret in self._secrets:
            body = body.replace(secret.get_secret_value().encode(), b"[redacted]")
        return ProviderResponse(status=answer.status, headers=answer.headers, body=body)


def outcome_of_same_payment(payment: Payment, merchant_reference: str, amount: Money) -> Outcome:
    """The payment's outcome, if it is the one that was asked for, to the minor unit."""
    asked = (merchant_reference, amount.amount_minor_units, amount.currency)
    if (payment.merchant_reference, payment.amount, payment.currency) != asked:
        return InDoubt(reason="the answer is about another payment", answer=answer_of(payment))
    return outcome_of_payment(payment)


def outcome_of_same_refund(refund: Refund, asked: RefundRequest | RefundQuery) -> Outcome:
    """The refund's outcome, if it is the one that was asked for, to the minor unit."""
    ours = (asked.payment_reference, asked.amount.amount_minor_units, asked.amount.currency)
    is_ours = refund.merchant_reference in {None, str(asked.refund_id)}
    if not is_ours or (refund.payment_id, refund.amount, refund.currency) != ours:
        return InDoubt(reason="the answer is about another refund", answer=answer_of(refund))
    return outcome_of_refund(refund)


def not_listed(listed: PaymentList | RefundList) -> NotSent | InDoubt:
    """Absence is proof only in a whole list."""
    if listed.has_more:
        return InDoubt(reason="the list goes on")
    return NotSent(reason="not_found")


def read(model: type[Model], answer: ProviderResponse) -> Model | None:
    """The body as ``model``; ``None`` if it is HTML, empty, cut off or of another shape."""
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None


def error_in(answer: ProviderResponse) -> ErrorDetail | None:
    body = read(ErrorBody, answer)
    return body.error if body else None


def unreadable(answer: ProviderResponse) -> InDoubt:
    return InDoubt(reason=f"http {answer.status} unreadable")
