"""A Stripe that answers as a test tells it, and remembers what it was asked."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import UUID

import httpx2

from shared.domain.customer import Customer
from shared.domain.ids import CaptureId, RefundId, TransactionId
from shared.domain.money import Money
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    PaidPayment,
    PaymentQuery,
    PaymentRequest,
    RefundQuery,
    RefundRequest,
)
from shared.provider_kit.tokens import LocalTokens
from shared.providers.stripe.adapter import Stripe, build_stripe
from shared.providers.stripe.config import StripeConfig
from shared.runtime.clock import SystemClock

FIXTURES = Path(__file__).parent.parent / "fixtures"
API_KEY = "sk_test_000102030405060708090a0b"
PUBLISHABLE_KEY = "pk_test_000102030405060708090a0b"
SECRET = "whsec_new_secret"  # noqa: S105 - of the tests
OLD_SECRET = "whsec_old_secret"  # noqa: S105 - of the tests
CLIENT_SECRET = "pi_1_secret_abcdef"  # noqa: S105 - of the tests
CONFIG = {
    "base_url": "https://stripe.test",
    "api_key": API_KEY,
    "publishable_key": PUBLISHABLE_KEY,
    "webhook_secrets": [SECRET, OLD_SECRET],
}
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
AMOUNT = Money(10_000, "KES")
PAYMENT_ID = TransactionId(UUID("01980000-0000-7000-8000-000000000001"))
REFUND_ID = RefundId(UUID("01980000-0000-7000-8000-000000000002"))
CAPTURE_ID = CaptureId(UUID("01980000-0000-7000-8000-000000000003"))
CAPTURE_ENTRY = "capture_01980000000070008000000000000003"

PAYMENT = PaymentRequest(
    transaction_id=PAYMENT_ID,
    idempotency_key=f"payment.initialize:{PAYMENT_ID}",
    amount=AMOUNT,
    customer=Customer(email="amina@example.com", name="Amina"),
    metadata={"order": "17"},
    payment_method_token="pm_card_visa",  # noqa: S106 - a test token of Stripe's
)
PAID = PaidPayment(reference="pi_1", amount=AMOUNT, customer=PAYMENT.customer)
KNOWN_PAYMENT = PaymentQuery(transaction_id=PAYMENT_ID, amount=AMOUNT, reference="pi_1", created_at=NOW)
LOST_PAYMENT = PaymentQuery(transaction_id=PAYMENT_ID, amount=AMOUNT, reference=None, created_at=NOW)
REFUND = RefundRequest(
    refund_id=REFUND_ID, idempotency_key="refund-1", payment=PAID, amount=Money(4_000, "KES"), reason="returned"
)
KNOWN_REFUND = RefundQuery(refund_id=REFUND_ID, payment=PAID, amount=REFUND.amount, reference="re_1")
LOST_REFUND = RefundQuery(refund_id=REFUND_ID, payment=PAID, amount=REFUND.amount, reference=None)
CAPTURE = CaptureRequest(
    capture_id=CAPTURE_ID,
    idempotency_key="capture-1",
    payment_reference="pi_1",
    amount=Money(4_000, "KES"),
    is_final=True,
)
LOST_CAPTURE = CaptureQuery(capture_id=CAPTURE_ID, payment_reference="pi_1", amount=CAPTURE.amount, reference=None)
CANCEL = CancelRequest(transaction_id=PAYMENT_ID, idempotency_key="cancel-1", payment_reference="pi_1", amount=AMOUNT)

Json = dict[str, object]
Handler = Callable[[httpx2.Request], httpx2.Response]


def fixture(name: str) -> Json:
    loaded: Json = json.loads((FIXTURES / f"{name}.json").read_bytes())
    return loaded


def intent(status: str = "succeeded", **changes: object) -> Json:
    """Our payment at Stripe, confirmed by the merchant; of KES 100.00."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 10_000,
        "amount_received": 10_000 if status == "succeeded" else 0,
        "currency": "kes",
        "status": status,
        "capture_method": "automatic",
        "client_secret": CLIENT_SECRET,
        "created": int(NOW.timestamp()),
        "latest_charge": "ch_1",
        "livemode": False,
        "metadata": {"order": "17", "gateway_payment_id": str(PAYMENT_ID), "gateway_confirmation": "merchant"},
        **changes,
    }


def browser_intent(status: str, **changes: object) -> Json:
    """The same, to be confirmed in the customer's browser."""
    metadata = {"gateway_payment_id": str(PAYMENT_ID), "gateway_confirmation": "browser"}
    return intent(status, metadata=metadata, **changes)


def captured(status: str = "succeeded", taken: int = 4_000, **changes: object) -> Json:
    """An intent of which our capture has taken KES 40.00."""
    metadata = {"gateway_payment_id": str(PAYMENT_ID), CAPTURE_ENTRY: "4000"}
    return intent(status, capture_method="manual", amount_received=taken, metadata=metadata, **changes)


def refund(status: str | None = "succeeded", **changes: object) -> Json:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 4_000,
        "currency": "kes",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "status": status,
        "created": int(NOW.timestamp()),
        "metadata": {"gateway_refund_id": str(REFUND_ID)},
        **changes,
    }


def charge(**changes: object) -> Json:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 10_000,
        "amount_captured": 10_000,
        "amount_refunded": 0,
        "captured": True,
        "currency": "kes",
        "payment_intent": "pi_1",
        "status": "succeeded",
        "metadata": {"gateway_payment_id": str(PAYMENT_ID)},
        **changes,
    }


def listed(*entries: Json, has_more: bool = False) -> Json:
    return {"object": "list", "data": list(entries), "has_more": has_more, "url": "/v1/…"}


def error(code: str = "", **changes: object) -> Json:
    """``type`` is ``invalid_request_error`` unless told otherwise."""
    coded = {"code": code} if code else {}
    return {"error": {"type": "invalid_request_error", "message": "No.", **coded, **changes}}


def says(body: object, status: int = 200, **headers: str) -> Handler:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda _request: httpx2.Response(status, content=content, headers=told)


def fails(failure: type[httpx2.TransportError]) -> Handler:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise failure("no answer", request=request)

    return fail


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(slots=True)
class PlayedStripe:
    """Gives its answers in turn, the last one for ever."""

    answers: list[Handler]
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        sent = request.content.decode() or request.url.query.decode()
        self.asked.append(Asked(request.method, request.url.path, dict(parse_qsl(sent)), request.headers))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)


def playing(*answers: Handler, **changes: object) -> tuple[Stripe, PlayedStripe]:
    """An adapter, configured with ``changes``, and the Stripe behind it."""
    stripe = PlayedStripe(list(answers))
    config = StripeConfig.model_validate({**CONFIG, **changes})
    clock = SystemClock()
    client = httpx2.Client(transport=httpx2.MockTransport(stripe))
    adapter = build_stripe(config, ProviderTools(client=client, clock=clock, tokens=LocalTokens(clock)))
    assert isinstance(adapter, Stripe)
    return adapter, stripe
