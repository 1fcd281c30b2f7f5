"""POST /payments/{id}/refund."""

from decimal import Decimal

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from services.api.idempotency import IdempotentRequest, fingerprint_of, idempotency_key
from services.api.routes.answers import idempotent_answer
from services.api.routes.caller import actor, merchant_id, principal
from services.api.routes.refusals import accepted
from services.api.schemas.payments import IdempotentHeaders, PaymentPath
from services.api.schemas.refunds import RefundBody, RefundView
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.read_payments import ReadPayments, payment_id
from services.api.use_cases.refund_payment import RefundOrder, RefundPayment


def build_refund_routes(acceptance: Acceptance, refund: RefundPayment, read: ReadPayments) -> APIBlueprint:
    routes = APIBlueprint("refunds", __name__, abp_tags=[Tag(name="Refunds")], abp_security=[{"bearer": []}])

    @routes.post("/payments/<transaction_id>/refund", responses=accepted(RefundView, of_payment=True))
    def refund_payment(path: PaymentPath, header: IdempotentHeaders, body: RefundBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Give back some or all of a payment.

        Several refunds of one payment may run at once; together they never exceed what was taken. If the end of the
        payment is not known, its provider is asked: 409 payment_unfinished, or with Prefer: wait=N the answer waits.
        """
        key = idempotency_key(request.headers.getlist("Idempotency-Key"))
        order = RefundOrder(
            transaction_id=payment_id(path.transaction_id),
            merchant_id=merchant_id(),
            amount=body.amount,
            reason=body.reason,
            amount_available=body.amount_available,
        )
        endpoint = f"POST /api/v1/payments/{order.transaction_id}/refund"
        asked = IdempotentRequest(
            merchant_id=order.merchant_id,
            key=key,
            endpoint=endpoint,
            fingerprint=fingerprint_of(endpoint, _meaning(body)),
        )
        make = refund.accept(order, key, principal(), actor())
        stored = acceptance.run(asked, make, read.refunds_of(order.merchant_id), request.headers.getlist("Prefer"))
        return idempotent_answer(stored)

    return routes


def _meaning(body: RefundBody) -> dict[str, str]:
    """What the request says, whatever its form; what it leaves out has no part in it."""
    said = {"amount": _digits(body.amount), "reason": body.reason}
    if body.amount_available is not None:
        said["amount_available"] = _digits(body.amount_available)
    return said


def _digits(amount: Decimal) -> str:
    return format(amount.normalize(), "f")
