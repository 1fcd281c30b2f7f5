"""POST /payments/initialize, GET /payments, GET /payments/{id}."""

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from services.api.idempotency import IdempotentRequest, fingerprint_of, idempotency_key
from services.api.routes.answers import answer, idempotent_answer
from services.api.routes.caller import actor, merchant_id, principal
from services.api.routes.refusals import accepted, refusals
from services.api.schemas.payments import (
    IdempotentHeaders,
    InitializePaymentBody,
    ListQuery,
    PaymentDetailView,
    PaymentPage,
    PaymentPath,
    PaymentView,
)
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.ids import uuid_of
from services.api.use_cases.initialize_payment import InitializePayment, PaymentOrder
from services.api.use_cases.pages import PageRequest
from services.api.use_cases.read_payments import ReadPayments
from shared.application.views import View
from shared.domain.customer import Customer
from shared.domain.money import Money
from shared.persistence.transactions import TransactionFilter
from shared.runtime.correlation import bind

INITIALIZE = "POST /api/v1/payments/initialize"


def build_payment_routes(acceptance: Acceptance, initialize: InitializePayment, read: ReadPayments) -> APIBlueprint:
    routes = APIBlueprint("payments", __name__, abp_tags=[Tag(name="Payments")], abp_security=[{"bearer": []}])

    @routes.post("/payments/initialize", responses=accepted(PaymentView))
    def initialize_payment(header: IdempotentHeaders, body: InitializePaymentBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Start a payment.

        Answers 202 once the payment is safely recorded; follow it by WebSocket, or by GET. With Prefer: wait=N it
        answers 200 instead, if the first outcome is known within N seconds. Repeat a request whose answer was lost with
        the same Idempotency-Key: it is never taken twice.
        """
        order, key = _order(body), idempotency_key(request.headers.getlist("Idempotency-Key"))
        money = initialize.money_of(order)
        asked = IdempotentRequest(
            merchant_id=merchant_id(),
            key=key,
            endpoint=INITIALIZE,
            fingerprint=fingerprint_of(INITIALIZE, _meaning(body, money)),
        )
        make = initialize.accept(order, money, key, principal(), actor())
        stored = acceptance.run(asked, make, read.payments_of(merchant_id()), request.headers.getlist("Prefer"))
        return idempotent_answer(stored, read.client_token_of(stored.body))

    @routes.get("/payments", responses={200: PaymentPage, **refusals()})
    def list_payments(query: ListQuery) -> Response:
        """List payments, newest first."""
        narrowed_to = TransactionFilter(
            merchant_id=merchant_id(),
            provider=query.provider,
            status=query.status,
            customer_id=query.customer_id,
            idempotency_key=query.idempotency_key,
        )
        page = PageRequest(page=query.page, limit=query.limit, after=query.after, before=query.before)
        return answer(read.page(narrowed_to, page))

    @routes.get("/payments/<transaction_id>", responses={200: PaymentDetailView, **refusals(one_of="payment")})
    def get_payment(path: PaymentPath) -> Response:
        """Get a payment with its whole life: audit trail, attempts at the provider, captures, refunds."""
        bind(transaction_id=path.transaction_id if uuid_of(path.transaction_id) else None)
        return answer(read.one(path.transaction_id, merchant_id()))

    return routes


# What later releases have added to the body.
_LATER_FIELDS = {"capture_method", "payment_method_token", "return_url"}


def _order(body: InitializePaymentBody) -> PaymentOrder:
    return PaymentOrder(
        provider=body.provider,
        amount=body.amount,
        currency=body.currency,
        customer=Customer(phone=body.customer.phone, email=body.customer.email, name=body.customer.name),
        customer_id=body.customer_id,
        payment_method=body.payment_method,
        payment_method_token=body.payment_method_token,
        return_url=body.return_url,
        metadata=body.metadata,
        capture_method=body.capture_method,
    )


def _meaning(body: InitializePaymentBody, money: Money) -> View:
    """What the request says, whatever its form: 1000 and "1000.00" are one amount."""
    meaning = body.model_dump(mode="json", exclude={"amount", *_LATER_FIELDS})
    # Only where they say something: keys from before there was a choice still mean the same.
    meaning |= body.model_dump(mode="json", include=_LATER_FIELDS, exclude_defaults=True)
    return meaning | {"amount_minor": money.amount_minor_units}
