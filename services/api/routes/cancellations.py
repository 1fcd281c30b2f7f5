"""POST /payments/{id}/cancel."""

from flask import Response, request
from flask_openapi import APIBlueprint, Tag

from services.api.idempotency import IdempotentRequest, fingerprint_of, idempotency_key
from services.api.routes.answers import idempotent_answer
from services.api.routes.caller import actor, merchant_id
from services.api.routes.refusals import accepted
from services.api.schemas.cancellations import CancelBody
from services.api.schemas.payments import IdempotentHeaders, PaymentPath, PaymentView
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.cancel_payment import CancelOrder, CancelPayment
from services.api.use_cases.read_payments import ReadPayments, payment_id


def build_cancellation_routes(acceptance: Acceptance, cancel: CancelPayment, read: ReadPayments) -> APIBlueprint:
    tag = Tag(name="Cancellations")
    routes = APIBlueprint("cancellations", __name__, abp_tags=[tag], abp_security=[{"bearer": []}])

    @routes.post("/payments/<transaction_id>/cancel", responses=accepted(PaymentView, of_payment=True))
    def cancel_payment(path: PaymentPath, header: IdempotentHeaders, body: CancelBody) -> Response:  # noqa: ARG001 - for OpenAPI
        """Call a payment off before it is taken.

        What was not sent yet is cancelled at once. Else the provider is asked to withdraw it, or to release what is
        reserved: follow `status` and `cancel_requested_at`, which is null again if the provider refused. What was
        captured before stays taken, and the payment is completed with that.
        """
        key = idempotency_key(request.headers.getlist("Idempotency-Key"))
        order = CancelOrder(
            transaction_id=payment_id(path.transaction_id), merchant_id=merchant_id(), reason=body.reason
        )
        endpoint = f"POST /api/v1/payments/{order.transaction_id}/cancel"
        asked = IdempotentRequest(
            merchant_id=order.merchant_id,
            key=key,
            endpoint=endpoint,
            fingerprint=fingerprint_of(endpoint, {"reason": body.reason}),
            resource_id=order.transaction_id,
        )
        make, resource = cancel.accept(order, actor()), read.cancellations_of(order.merchant_id)
        stored = acceptance.run(asked, make, resource, request.headers.getlist("Prefer"))
        return idempotent_answer(stored, read.client_token_of(stored.body))

    return routes
