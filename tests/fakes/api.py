"""The merchants' API over fakes: the real application with its real use cases, and a database in memory."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from cryptography.fernet import Fernet
from pydantic import SecretStr
from werkzeug.test import TestResponse

from services.api.app import ApiParts, create_app
from services.api.auth import ROLES
from services.api.call_audit import CallAudit
from services.api.idempotency import IdempotentExecution
from services.api.routes.accounts import build_account_routes
from services.api.routes.auth import build_auth_routes
from services.api.routes.cancellations import build_cancellation_routes
from services.api.routes.captures import build_capture_routes
from services.api.routes.operations import build_operation_routes
from services.api.routes.payments import build_payment_routes
from services.api.routes.payouts import build_payout_routes
from services.api.routes.providers import build_provider_routes
from services.api.routes.refunds import build_refund_routes
from services.api.routes.webhook_deliveries import build_webhook_delivery_routes
from services.api.routes.webhook_endpoints import build_webhook_endpoint_routes
from services.api.routes.webhook_tests import build_webhook_test_routes
from services.api.settings import ApiSettings
from services.api.use_cases.acceptance import Acceptance
from services.api.use_cases.cancel_payment import CancelPayment
from services.api.use_cases.capture_payment import CapturePayment
from services.api.use_cases.configure_account import ConfigureAccount
from services.api.use_cases.describe import Describe
from services.api.use_cases.initialize_payment import InitializePayment
from services.api.use_cases.read_payments import ReadPayments
from services.api.use_cases.read_payouts import ReadPayouts
from services.api.use_cases.refresh_payment import RefreshPayment
from services.api.use_cases.refund_payment import RefundPayment
from services.api.use_cases.send_payout import SendPayout
from services.api.use_cases.sign_in import SignIn
from services.api.use_cases.webhook_deliveries import WebhookDeliveries
from services.api.use_cases.webhook_endpoints import WebhookEndpoints
from services.api.use_cases.webhook_tests import WebhookTests
from services.api.waiting import Waits
from shared.coordination.breaker import BreakerState
from shared.domain.ids import MerchantId
from shared.domain.outcome import Authorized, Succeeded
from shared.domain.transaction_status import TransactionTrigger
from shared.persistence.audit_entry import AuditEntry
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.tokens import LocalTokens
from shared.runtime.access_tokens import AccessTokens, Principal
from shared.runtime.allowance import Allowance
from shared.runtime.crypto import CredentialCipher
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.hasher import CheapHasher
from tests.fakes.makers import MERCHANT, USER, a_context
from tests.fakes.patience import Patience
from tests.fakes.response_cache import InMemoryResponseCache

FERNET_KEY = Fernet.generate_key().decode()
INITIALIZE = "/api/v1/payments/initialize"
ORDER: dict[str, Any] = {
    "provider": "cpay",
    "amount": 1000,
    "currency": "KES",
    "customer": {"phone": "+254700000001"},
}

PAYOUT: dict[str, Any] = {
    "provider": "cpay",
    "amount": "700.00",
    "currency": "KES",
    "recipient": {"phone": "+254700000002", "name": "Jane"},
    "reason": "Winnings",
}

_NO_ANSWER: dict[str, Any] = {"status": None, "body": None}


def _narrow(cpay: ProviderPlugin) -> ProviderPlugin:
    """A provider that takes little: KES 10 to 1000, from phones, by mobile money."""
    able = replace(
        cpay.capabilities,
        currencies=frozenset({"KES"}),
        minimum_amount_minor={"KES": 1000},
        maximum_amount_minor={"KES": 100_000},
        customer_needs=frozenset({"phone"}),
        customer_needs_one_of=frozenset(),
        payment_methods=frozenset({"mobile_money"}),
    )
    return replace(cpay, name="narrow", capabilities=able)


def _able(cpay: ProviderPlugin, name: str, *operations: str) -> ProviderPlugin:
    """A provider that can do this, of what not all can."""
    able = (cpay.capabilities.operations - {"capture", "cancel", "payout"}) | set(operations)
    return replace(cpay, name=name, capabilities=replace(cpay.capabilities, operations=able))


class ApiOnFakes:
    def __init__(self, **settings: Any) -> None:
        self.books, self.clock, self.cache = Books(), FakeClock(), InMemoryResponseCache()
        self.patience = Patience()
        self.audited: list[AuditEntry] = []
        self.tokens = AccessTokens("kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA", self.clock)
        self.hasher = CheapHasher()
        self.readiness: tuple[int, dict[str, object]] = (200, {"status": "ready", "checks": {"database": "ok"}})
        cpay = discover_providers()["cpay"]
        self.known = {"cpay": cpay, "narrow": _narrow(cpay), "off": replace(cpay, name="off")}
        # Of merchants for whom others are active than for most.
        self.active_for: dict[MerchantId, dict[str, ProviderPlugin]] = {}
        self.cipher = CredentialCipher((FERNET_KEY,))
        self.egress = _settings(settings).egress_policy
        # What the providers answer, when they are asked about credentials.
        self.provider_answer: Callable[[httpx2.Request], httpx2.Response] = lambda _request: httpx2.Response(404)
        self.breakers: dict[str, BreakerState] = {}
        self.active: dict[str, ProviderPlugin] = {name: self.known[name] for name in ("cpay", "narrow")}
        self.app = create_app(_settings(settings), self._parts(reads=_settings(settings).audit_reads))
        self.client = self.app.test_client()

    def _parts(self, *, reads: bool) -> ApiParts:
        unit_of_work, clock = self.books.unit_of_work, self.clock
        self.waits = Waits(2, self.patience.rest, self.patience.monotonic)
        execution = IdempotentExecution(unit_of_work, self.cache, clock)
        acceptance = Acceptance(execution, RefreshPayment(unit_of_work, clock), self.waits)
        read = ReadPayments(unit_of_work, self.tokens)
        describe = Describe(unit_of_work, self.known, self._active, self._breaker)
        initialize = InitializePayment(self._active, clock, timedelta(hours=1))
        payout = SendPayout(self._active, clock, timedelta(days=1))
        client = httpx2.Client(transport=httpx2.MockTransport(self._provider_answers))
        tools = ProviderTools(client=client, clock=clock, tokens=LocalTokens(clock))
        strangers = Allowance(per_second=0, burst=100_000)
        self.audit = CallAudit(self.audited.append, clock, reads=reads, strangers=strangers)
        return ApiParts(
            tokens=self.tokens,
            audit=self.audit,
            routes=[
                build_auth_routes(SignIn(unit_of_work, self.hasher, self.tokens), self.audit),
                build_payment_routes(acceptance, initialize, read),
                build_capture_routes(acceptance, CapturePayment(clock), read),
                build_refund_routes(acceptance, RefundPayment(clock, timedelta(days=1)), read),
                build_cancellation_routes(acceptance, CancelPayment(self.known, clock), read),
                build_payout_routes(acceptance, payout, ReadPayouts(unit_of_work)),
                build_provider_routes(describe),
                build_account_routes(
                    ConfigureAccount(unit_of_work, self.known, self.cipher, tools, egress=self.egress)
                ),
                build_webhook_endpoint_routes(WebhookEndpoints(unit_of_work, self.cipher, self.egress, clock)),
                build_webhook_delivery_routes(WebhookDeliveries(unit_of_work, clock)),
                build_webhook_test_routes(WebhookTests(unit_of_work, clock)),
                build_operation_routes(describe, lambda: self.readiness),
            ],
        )

    def _active(self, merchant_id: MerchantId) -> Mapping[str, ProviderPlugin]:
        return self.active_for.get(merchant_id, self.active)

    def _provider_answers(self, request: httpx2.Request) -> httpx2.Response:
        return self.provider_answer(request)

    def _breaker(self, provider: str) -> BreakerState:
        return self.breakers.get(provider, BreakerState.CLOSED)

    def bearer(self, role: str = "developer", merchant_id: MerchantId | None = MERCHANT) -> str:
        principal = Principal(user_id=USER, merchant_id=merchant_id, role=role, scopes=ROLES.get(role, frozenset()))
        return f"Bearer {self.tokens.issue(principal)}"

    def headers(self, **changes: str | None) -> dict[str, str]:
        """What a good POST carries; ``None`` leaves a header out, underscores stand for dashes."""
        given: dict[str, str | None] = {
            "Authorization": self.bearer(),
            "Content-Type": "application/json",
            "Idempotency-Key": str(uuid4()),
        }
        given |= {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in given.items() if value is not None}

    def post(self, url: str, body: object, **headers: str | None) -> TestResponse:
        """``body`` is sent as it stands if it is bytes, else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(url, data=raw, headers=self.headers(**headers))

    def pay(self, body: object = ORDER, **headers: str | None) -> TestResponse:
        return self.post(INITIALIZE, body, **headers)

    def refund(self, payment_id: object, body: object, **headers: str | None) -> TestResponse:
        return self.post(f"/api/v1/payments/{payment_id}/refund", body, **headers)

    def capture(self, payment_id: object, body: object, **headers: str | None) -> TestResponse:
        return self.post(f"/api/v1/payments/{payment_id}/capture", body, **headers)

    def cancel(self, payment_id: object, body: object, **headers: str | None) -> TestResponse:
        return self.post(f"/api/v1/payments/{payment_id}/cancel", body, **headers)

    def pay_out(self, body: object, **headers: str | None) -> TestResponse:
        return self.post("/api/v1/payouts", body, **headers)

    def get(self, path: str, **headers: str | None) -> TestResponse:
        given = self.headers(**({"Content_Type": None, "Idempotency_Key": None} | headers))
        return self.client.get(f"/api/v1{path}", headers=given)

    def patch(self, path: str, body: object, **headers: str | None) -> TestResponse:
        given = self.headers(**({"Idempotency_Key": None} | headers))
        return self.client.patch(f"/api/v1{path}", data=json.dumps(body).encode(), headers=given)

    def delete(self, path: str, **headers: str | None) -> TestResponse:
        given = self.headers(**({"Content_Type": None, "Idempotency_Key": None} | headers))
        return self.client.delete(f"/api/v1{path}", headers=given)

    def completed(self, merchant_id: MerchantId = MERCHANT) -> str:
        """The id of a payment of KES 1000 that has been taken."""
        payment_id: str = self.pay(Authorization=self.bearer(merchant_id=merchant_id)).get_json()["id"]
        payment = self.books.database.committed.transactions[UUID(payment_id)]
        self.books.apply(payment, Succeeded(reference=payment_id), context=a_context())
        return payment_id

    def purge(self) -> None:
        """Forget the stored answers, as happens after a day at the earliest."""
        self.cache.kept.clear()
        rows = self.books.database.committed.idempotency_keys
        rows.update({place: replace(row, **_NO_ANSWER) for place, row in rows.items()})

    def install(self, name: str, *operations: str) -> None:
        """Another provider, that can do these of what not all can."""
        self.known[name] = self.active[name] = _able(self.known["cpay"], name, *operations)

    def authorized(self, merchant_id: MerchantId = MERCHANT) -> str:
        """The id of a payment of KES 1000 that is reserved, to be captured by hand."""
        self.install("reserving", "capture", "cancel")
        order = ORDER | {"provider": "reserving", "capture_method": "manual"}
        payment_id: str = self.pay(order, Authorization=self.bearer(merchant_id=merchant_id)).get_json()["id"]
        payment = self.books.database.committed.transactions[UUID(payment_id)]
        moved, _ = payment.on(TransactionTrigger.SUBMIT, payment.updated_at)
        self.books.database.committed.transactions[payment.id] = moved
        self.books.apply(moved, Authorized(reference=payment_id), context=a_context())
        return payment_id

    @property
    def stored(self) -> int:
        """How many rows there are, in all tables together."""
        return self.books.database.committed.count()


def _settings(changes: Mapping[str, Any]) -> ApiSettings:
    given: dict[str, Any] = {
        "environment": "sandbox",
        "health_port": 1,
        "api_port": 1,
        "jwt_secret_key": SecretStr("x" * 32),
        "database_url": "postgresql://nowhere/x",
        "amqp_url": SecretStr("amqp://nowhere"),
        "audit_key": SecretStr("k" * 32),
        "credential_encryption_keys": SecretStr(FERNET_KEY),
        "redis_url": SecretStr("memory://"),
        "rate_limit_reads": "100000/second",
        "rate_limit_writes": "100000/second",
        "rate_limit_sign_in": "100000/second",
    }
    return ApiSettings(**(given | dict(changes)))


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, which has the form that all have."""
    assert (response.status_code, response.mimetype) == (status, "application/problem+json"), response.data
    body: dict[str, Any] = json.loads(response.data)
    assert (body["status"], body["code"]) == (status, code), body
    assert body["request_id"] == response.headers["Request-Id"]
    assert body["title"]
    assert body["detail"]
    assert body["type"].endswith(f"/{code}")
    return body


def pointers(body: Mapping[str, Any]) -> list[str]:
    """The fields that a refusal names; each says what would be right."""
    assert all(each["detail"] for each in body["errors"])
    return [each["pointer"] for each in body["errors"]]
