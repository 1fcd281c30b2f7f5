"""Paystack's adapter and its simulator without a network, with a clock that tests move and a shop of its own."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2

from shared.domain.customer import Customer
from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.provider_kit.provider import (
    PaidPayment,
    PaymentQuery,
    PaymentRequest,
    RefundQuery,
    RefundRequest,
    WebhookRequest,
)
from shared.provider_kit.simulator import (
    CallbackAnswer,
    Hang,
    ResetConnection,
    SimulatedRequest,
    SimulatedResponse,
    TruncateBody,
)
from shared.provider_kit.simulator.played import PlayedSimulator
from shared.providers.paystack.adapter import Paystack
from shared.providers.paystack.config import PaystackConfig
from shared.providers.paystack.simulator import build_paystack_simulator

FIXTURES = Path(__file__).parent.parent / "fixtures"
API_KEY = "sk_test_gateway"
OLD_KEY = "sk_test_of_last_year"
SETTINGS = {"api_key": API_KEY, "callback_url": "http://shop/callbacks", "admin": "1", "delay_ms": "1000"}
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

PAYMENT = PaymentRequest(
    transaction_id=TransactionId(UUID("01980000-0000-7000-8000-000000000001")),
    idempotency_key="attempt-1",
    amount=Money(100_000, "NGN"),
    customer=Customer(phone="+254700000000", email="amina@example.com", name="Amina"),
    metadata={"order": "17"},
)
BY_PHONE = replace(PAYMENT, amount=Money(100_000, "KES"))
PAID = PaidPayment(reference=str(PAYMENT.transaction_id), amount=PAYMENT.amount, customer=PAYMENT.customer)
REFUND = RefundRequest(
    refund_id=RefundId(UUID("01980000-0000-7000-8000-000000000002")),
    idempotency_key="attempt-2",
    payment=PAID,
    amount=Money(40_000, "NGN"),
    reason="returned",
)


def playing(scenario: str, request: PaymentRequest = PAYMENT) -> PaymentRequest:
    """A new payment of this scenario."""
    return replace(request, transaction_id=TransactionId(uuid4()), metadata={"scenario": scenario})


def refund_of(request: PaymentRequest, amount_minor: int) -> RefundRequest:
    """A new refund of a payment."""
    payment = replace(PAID, reference=str(request.transaction_id), amount=request.amount)
    amount = Money(amount_minor, request.amount.currency)
    return replace(REFUND, refund_id=RefundId(uuid4()), payment=payment, amount=amount)


def query_of(request: PaymentRequest, *, known: bool = False) -> PaymentQuery:
    """``known``: their answer was not lost."""
    reference = str(request.transaction_id) if known else None
    return PaymentQuery(
        transaction_id=request.transaction_id, amount=request.amount, reference=reference, created_at=NOON
    )


def query_of_refund(request: RefundRequest, reference: str | None = None) -> RefundQuery:
    return RefundQuery(refund_id=request.refund_id, payment=request.payment, amount=request.amount, reference=reference)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_bytes())


def paystack(answer: Callable[[httpx2.Request], httpx2.Response], **config: object) -> Paystack:
    """The adapter, with a Paystack that answers so."""
    told = {"base_url": "http://paystack", "api_key": API_KEY, "webhook_secrets": [OLD_KEY], **config}
    client = httpx2.Client(transport=httpx2.MockTransport(answer))
    return Paystack(PaystackConfig.model_validate(told), client)


def answering(status: int, body: object, **config: object) -> Paystack:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return paystack(lambda _request: httpx2.Response(status, content=content), **config)


@dataclass(slots=True)
class Shop:
    """Keeps every callback, and answers as it is told."""

    answer: CallbackAnswer | None = field(default_factory=lambda: CallbackAnswer(status=200))
    callbacks: list[WebhookRequest] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:  # noqa: ARG002 - as every post
        self.callbacks.append(WebhookRequest(headers=headers, body=body, received_at=NOON))
        return self.answer

    def events(self) -> list[str]:
        return [json.loads(callback.body)["event"] for callback in self.callbacks]


class Played(PlayedSimulator):
    """With its shop."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.shop = Shop()
        self.asked: list[str] = []
        super().__init__(build_paystack_simulator, folder, {**SETTINGS, **settings}, self.shop, NOON)

    def adapter(self, **config: object) -> Paystack:
        return paystack(self._carried, **{"base_url": "http://paystack/paystack", **config})

    def ask(
        self, method: str, path: str, body: bytes = b"", *, api_key: str = API_KEY, near: bool = True
    ) -> SimulatedResponse:
        headers = {"authorization": f"Bearer {api_key}", "host": "paystack"}
        return self.respond(method, f"/paystack{path}", headers, body, near=near)

    def told(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON."""
        return json.loads(self.ask(method, path, b"" if body is None else json.dumps(body).encode()).body)

    def truth(self, name: object) -> Any:
        return self.told("GET", "/_admin/ledger")["by_reference"].get(str(name), {})

    def paid(self, scenario: str = "succeeds") -> PaymentRequest:
        request = playing(scenario)
        self.adapter().initialize_payment(request)
        self.pass_time(seconds=1)
        return request

    def _carried(self, request: httpx2.Request) -> httpx2.Response:
        """Over no network, but with what goes wrong on one."""
        self.asked.append(f"{request.method} {request.url.path}")
        answer = self.simulator.respond(
            SimulatedRequest(
                method=request.method,
                path=request.url.path,
                query=dict(request.url.params),
                headers=dict(request.headers),
                body=request.content,
                from_loopback=True,
            )
        )
        match answer.fault:
            case Hang():
                raise httpx2.ReadTimeout("no answer", request=request)
            case ResetConnection():
                raise httpx2.ReadError("reset", request=request)
            case TruncateBody():
                raise httpx2.RemoteProtocolError("cut off", request=request)
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.body)
