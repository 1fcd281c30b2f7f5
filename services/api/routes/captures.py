"""POST /payments/{id}/capture."""

from decimal import Decimal

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from services.api.idempotency import IdempotentRequest, fingerprint_of, idempotency_key
from services.api.routes.answers import idempotent_answer
from services.api.routes.caller import actor, merchant_id, principal
from services.api.routes.refusals import accepted
from services.api.schemas.captures import CaptureBody, CaptureView
from services.api.schemas.payments import IdempotentHeaders, PaymentPath
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.capture_payment import CaptureOrder, CapturePayment
from services.api.use_cases.read_payments import ReadPayments, payment_id


def build_capture_routes(acceptance: Acceptance, capture: CapturePayment, read: ReadPayments) -> APIBlueprint:
    routes = APIBlueprint("captures", __name__, abp_tags=[Tag(name="Captures")], abp_security=[{"bearer": []}])

    @routes.post("/payments/<transaction_id>/capture", responses=accepted(CaptureView, of_payment=True))
    def capture_payment(path: PaymentPath, header: IdempotentHeaders, body: CaptureBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Take some or all of what an authorized payment reserved.

        A final capture releases what is left. With `final: false` more may follow; several may run at once, and
        together they never exceed what is reserved.
        """
        key = idempotency_key(request.headers.getlist("Idempotency-Key"))
        order = CaptureOrder(
            transaction_id=payment_id(path.transaction_id),
            merchant_id=merchant_id(),
            amount=body.amount,
            is_final=body.final,
        )
        endpoint = f"POST /api/v1/payments/{order.transaction_id}/capture"
        asked = IdempotentRequest(
            merchant_id=order.merchant_id,
            key=key,
            endpoint=endpoint,
            fingerprint=fingerprint_of(endpoint, {"amount": _meaning(body.amount), "final": body.final}),
        )
        make = capture.accept(order, key, principal(), actor())
        stored = acceptance.run(asked, make, read.captures_of(order.merchant_id), request.headers.getlist("Prefer"))
        return idempotent_answer(stored)

    return routes


def _meaning(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount.normalize(), "f")
