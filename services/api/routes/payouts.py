"""POST /payouts, GET /payouts, GET /payouts/{id}."""

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from services.api.idempotency import IdempotentRequest, fingerprint_of, idempotency_key
from services.api.routes.answers import answer, idempotent_answer
from services.api.routes.caller import actor, merchant_id, principal
from services.api.routes.refusals import accepted, refusals
from services.api.schemas.payments import IdempotentHeaders
from services.api.schemas.payouts import (
    PayoutBody,
    PayoutDetailView,
    PayoutListQuery,
    PayoutPage,
    PayoutPath,
    PayoutView,
)
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.pages import PageRequest
from services.api.use_cases.read_payouts import ReadPayouts
from services.api.use_cases.send_payout import PayoutOrder, SendPayout
from shared.application.views import View
from shared.domain.customer import Customer
from shared.domain.money import Money
from shared.persistence.payouts import PayoutFilter

SEND = "POST /api/v1/payouts"


def build_payout_routes(acceptance: Acceptance, send: SendPayout, read: ReadPayouts) -> APIBlueprint:
    routes = APIBlueprint("payouts", __name__, abp_tags=[Tag(name="Payouts")], abp_security=[{"bearer": []}])

    @routes.post("/payouts", responses=accepted(PayoutView))
    def send_payout(header: IdempotentHeaders, body: PayoutBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Send money to somebody.

        Answers 202 once the payout is safely recorded; with Prefer: wait=N it answers 200 instead, if the first outcome
        is known within N seconds. Repeat a request whose answer was lost with the same Idempotency-Key: it is never
        sent twice.
        """
        order, key = _order(body), idempotency_key(request.headers.getlist("Idempotency-Key"))
        money = send.money_of(order)
        asked = IdempotentRequest(
            merchant_id=merchant_id(),
            key=key,
            endpoint=SEND,
            fingerprint=fingerprint_of(SEND, _meaning(body, money)),
        )
        make = send.accept(order, money, key, principal(), actor())
        stored = acceptance.run(asked, make, read.payouts_of(merchant_id()), request.headers.getlist("Prefer"))
        return idempotent_answer(stored)

    @routes.get("/payouts", responses={200: PayoutPage, **refusals()})
    def list_payouts(query: PayoutListQuery) -> Response:
        """List payouts, newest first."""
        narrowed_to = PayoutFilter(
            merchant_id=merchant_id(),
            provider=query.provider,
            status=query.status,
            idempotency_key=query.idempotency_key,
        )
        page = PageRequest(page=query.page, limit=query.limit, after=query.after, before=query.before)
        return answer(read.page(narrowed_to, page))

    @routes.get("/payouts/<payout_id>", responses={200: PayoutDetailView, **refusals(one_of="payout")})
    def get_payout(path: PayoutPath) -> Response:
        """Get a payout with its audit trail and the attempts at the provider."""
        return answer(read.one(path.payout_id, merchant_id()))

    return routes


def _order(body: PayoutBody) -> PayoutOrder:
    return PayoutOrder(
        provider=body.provider,
        amount=body.amount,
        currency=body.currency,
        recipient=Customer(phone=body.recipient.phone, email=body.recipient.email, name=body.recipient.name),
        reason=body.reason,
        metadata=body.metadata,
    )


def _meaning(body: PayoutBody, money: Money) -> View:
    """What the request says, whatever its form: 1000 and "1000.00" are one amount."""
    return body.model_dump(mode="json", exclude={"amount"}) | {"amount_minor": money.amount_minor_units}
