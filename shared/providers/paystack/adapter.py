"""Paystack as a ``PaymentProvider``: asks over HTTP, and turns every answer and every silence into an outcome."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import httpx2

from shared.domain.failure import FailureCode
from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending
from shared.provider_kit.http import Answered, ProviderResponse, path_of
from shared.provider_kit.plugin import ProviderConfig, ProviderTools
from shared.provider_kit.provider import (
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
from shared.providers.paystack import outcomes
from shared.providers.paystack.answers import (
    outcome_of_checkout,
    outcome_of_query,
    outcome_of_request,
    outcome_of_same_charge,
    outcome_of_same_payment,
    outcome_of_same_refund,
)
from shared.providers.paystack.config import PaystackConfig
from shared.providers.paystack.notes import note_of, refund_id_in
from shared.providers.paystack.outcomes import Verdict, outcome_of_error, verdict_on
from shared.providers.paystack.statement import statement_lines
from shared.providers.paystack.transport import Transport, Unlisted, error_in
from shared.providers.paystack.webhooks import report_of, verify
from shared.providers.paystack.wire import (
    Answer,
    Charge,
    Checkout,
    CreateCharge,
    CreateRefund,
    InitializeTransaction,
    Listed,
    Payment,
    Phone,
    Refund,
)

PHONE_CURRENCY = "KES"


def build_paystack(config: ProviderConfig, tools: ProviderTools) -> PaymentProvider:
    """The adapter for one configuration; its tools stay the caller's."""
    assert isinstance(config, PaystackConfig)
    return Paystack(config, tools.client)


class Paystack:
    """See ``PaymentProvider``, ``GivesStatements`` and ``ChecksCredentials``.

    Our transaction id is their ``reference``, which they take once; it needs no idempotency key beside it.
    """

    def __init__(self, config: PaystackConfig, client: httpx2.Client) -> None:
        self._paystack = Transport(config, client)
        self._webhook_keys = tuple(key.get_secret_value().encode() for key in (config.api_key, *config.webhook_secrets))
        self._senders = frozenset(config.callback_senders)
        self._mobile_money = config.mobile_money

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        if request.customer.email is None:
            return incomplete("an email is needed")
        if not self._is_by_phone(request.amount.currency):
            return self._open_checkout(request, request.customer.email)
        if request.customer.phone is None:
            return incomplete("a phone is needed")
        return self._ask_phone(request, request.customer.email, request.customer.phone)

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        answer = self._paystack.get(path_of("transaction", "verify", str(query.transaction_id)))
        is_at_page = query.reference is not None and not self._is_by_phone(query.amount.currency)
        outcome = outcome_of_query(
            answer,
            Answer[Payment],
            lambda found: outcome_of_same_payment(
                found.data, query.transaction_id, query.amount, at_the_page=is_at_page
            ),
        )
        # Where the address of the page was lost with their answer, nothing may be said to wait at it later either.
        return replace(outcome, reference=query.reference) if isinstance(outcome, Pending) else outcome

    def refund_payment(self, request: RefundRequest) -> Outcome:
        """They take no key for a refund, so what they have is looked through first: no repetition gives twice."""
        try:
            made_before = self._refund_with_our_id(request)
        except Unlisted as unlisted:
            # Of this one nothing was sent; what was sent before is for a query to find out.
            return not_sent_because(unlisted)
        if made_before is not None:
            return made_before
        body = CreateRefund(
            transaction=request.payment.reference,
            amount=request.amount.amount_minor_units,
            currency=request.amount.currency,
            merchant_note=note_of(request.refund_id, request.reason),
        )
        return outcome_of_request(
            self._paystack.post("/refund", body.to_json()),
            outcomes.REFUND_ERRORS,
            Answer[Refund],
            lambda made: outcome_of_same_refund(made.data, request),
        )

    def verify_refund(self, query: RefundQuery) -> Outcome:
        if query.reference is not None:
            answer = self._paystack.get(path_of("refund", query.reference))
            return outcome_of_query(answer, Answer[Refund], lambda found: outcome_of_same_refund(found.data, query))
        try:
            return self._refund_with_our_id(query) or NotSent(reason="not_found")
        except Unlisted as unlisted:
            return InDoubt(reason=unlisted.reason)

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        return statement_lines(self._paystack, since, until)

    def check_credentials(self) -> CredentialCheck:
        answer = self._paystack.get("/balance")
        if not isinstance(answer, ProviderResponse):
            return CredentialCheck(accepted=None, detail=answer.reason)
        accepted = {200: True, 401: False, 403: False}.get(answer.status)
        return CredentialCheck(accepted=accepted, detail=f"http {answer.status}")

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        return verify(request, self._webhook_keys, self._senders)

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        return report_of(payload)

    def _is_by_phone(self, currency: str) -> bool:
        return self._mobile_money and currency == PHONE_CURRENCY

    def _open_checkout(self, request: PaymentRequest, email: str) -> Outcome:
        body = InitializeTransaction(
            email=email,
            amount=request.amount.amount_minor_units,
            currency=request.amount.currency,
            reference=str(request.transaction_id),
            metadata=dict(request.metadata),
            callback_url=request.return_url,
        )
        answer = self._paystack.post("/transaction/initialize", body.to_json())
        if is_duplicate(answer):
            return self._made_before(request)
        return outcome_of_request(
            answer, outcomes.PAYMENT_ERRORS, Answer[Checkout], lambda made: outcome_of_checkout(made.data, request)
        )

    def _ask_phone(self, request: PaymentRequest, email: str, phone: str) -> Outcome:
        body = CreateCharge(
            email=email,
            amount=request.amount.amount_minor_units,
            currency=request.amount.currency,
            reference=str(request.transaction_id),
            metadata=dict(request.metadata),
            mobile_money=Phone(phone=phone),
        )
        answer = self._paystack.post("/charge", body.to_json())
        if is_duplicate(answer):
            return self._made_before(request)
        return outcome_of_request(
            answer, outcomes.PAYMENT_ERRORS, Answer[Charge], lambda made: outcome_of_same_charge(made.data, request)
        )

    def _made_before(self, request: PaymentRequest) -> Outcome:
        """Our reference is taken, by ourselves: what became of that is the answer to this."""
        answer = self._paystack.get(path_of("transaction", "verify", str(request.transaction_id)))
        outcome = outcome_of_query(
            answer,
            Answer[Payment],
            lambda found: outcome_of_same_payment(found.data, request.transaction_id, request.amount),
        )
        if isinstance(outcome, NotSent):
            return InDoubt(reason="taken and not found")
        return replace(outcome, reference=None) if isinstance(outcome, Pending) else outcome

    def _refund_with_our_id(self, asked: RefundRequest | RefundQuery) -> Outcome | None:
        """What became of the refund that has our id in its note; ``None``: it is in no page of them.

        Raises:
            Unlisted: the list could not be read to its end.
        """
        listed = self._paystack.every("/refund", Listed[Refund], {"reference": asked.payment.reference})
        # Whether they heed the reference or list all they have: the note decides.
        ours = {refund.id: refund for refund in listed if refund_id_in(refund.merchant_note) == asked.refund_id}
        if len(ours) > 1:
            return InDoubt(reason=f"{len(ours)} have our refund id")
        for refund in ours.values():
            return outcome_of_same_refund(refund, asked)
        return None


def incomplete(what: str) -> Declined:
    """Refused here, before anything is sent."""
    return Declined(code=FailureCode.INVALID_ACCOUNT, provider_message=what)


def is_duplicate(answer: Answered) -> bool:
    if not isinstance(answer, ProviderResponse):
        return False
    return verdict_on(answer.status, error_in(answer), outcomes.PAYMENT_ERRORS) is Verdict.DUPLICATE


def not_sent_because(unlisted: Unlisted) -> NotSent:
    if unlisted.answer is not None:
        outcome = outcome_of_error(unlisted.answer, error_in(unlisted.answer), outcomes.AT_THE_GATE)
        if isinstance(outcome, NotSent):
            return outcome
    return NotSent(reason=f"refunds not listed: {unlisted.reason}")
