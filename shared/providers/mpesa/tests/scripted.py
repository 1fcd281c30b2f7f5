"""M-Pesa as a list of answers: keeps what it was asked, gives tokens, and answers each request as the test says."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import UUID

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared.domain.customer import Customer
from shared.domain.ids import PayoutId, RefundId, TransactionId
from shared.domain.money import Money
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.provider import (
    GivesStatements,
    PaidPayment,
    PaymentQuery,
    PaymentRequest,
    PayoutQuery,
    PayoutRequest,
    ProviderReport,
    RefundQuery,
    RefundRequest,
    StatementLine,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.provider_kit.tokens import LocalTokens
from shared.providers.mpesa.adapter import Mpesa, build_mpesa
from shared.providers.mpesa.config import MpesaConfig

FIXTURES = Path(__file__).parent.parent / "fixtures"
NOW = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
BASE = "http://mpesa.test"
CALLBACKS = "https://pay.example.com/api/v1/webhooks/mm"
SENDER = "196.201.214.200"
SHORTCODE = "174379"
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
INITIATOR_PASSWORD = "Safaricom#123"  # noqa: S105 - of nobody
OLD_KEY, NEW_KEY = "o" * 32, "n" * 40
PHONE, MSISDN = "+254708374149", "254708374149"

PAYMENT = PaymentRequest(
    transaction_id=TransactionId(UUID("01980000-0000-7000-8000-0123456789ab")),
    idempotency_key="payment.initialize:1",
    amount=Money(100, "KES"),
    customer=Customer(phone=PHONE, name="Test Customer"),
)
CHECKOUT_ID = "ws_CO_1007202409152617172396192"
RECEIPT = "NLJ7RT61SV"
QUERY = PaymentQuery(
    transaction_id=PAYMENT.transaction_id, amount=PAYMENT.amount, reference=CHECKOUT_ID, created_at=NOW
)
LOST_QUERY = PaymentQuery(
    transaction_id=PAYMENT.transaction_id, amount=PAYMENT.amount, reference=None, created_at=NOW - timedelta(minutes=9)
)
PAID = PaidPayment(reference=CHECKOUT_ID, amount=Money(20_000, "KES"), customer=PAYMENT.customer, receipt=RECEIPT)
REFUND_ID = RefundId(UUID("01980000-0000-7000-8000-000000000002"))
FULL_REFUND = RefundRequest(
    refund_id=REFUND_ID, idempotency_key="refund:2", payment=PAID, amount=PAID.amount, reason="returned"
)
PARTIAL_REFUND = RefundRequest(
    refund_id=REFUND_ID, idempotency_key="refund:2", payment=PAID, amount=Money(1_000, "KES"), reason="one of two (é)"
)
PAYOUT_ID = PayoutId(UUID("01980000-0000-7000-8000-000000000003"))
PAYOUT = PayoutRequest(
    payout_id=PAYOUT_ID,
    idempotency_key="payout:3",
    amount=Money(1_000, "KES"),
    recipient=Customer(phone=PHONE),
    reason="wages",
)
PAYOUT_QUERY = PayoutQuery(payout_id=PAYOUT_ID, amount=PAYOUT.amount, reference=None)

Answer = httpx2.Response | Exception


class StandingClock:
    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> datetime:
        return self.moment


@cache
def certificate() -> tuple[rsa.RSAPrivateKey, str]:
    """A key, and its certificate, whose dates are over as those of both of Safaricom's are."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "apicrypt.test")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2015, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2016, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    return key, signed.public_bytes(serialization.Encoding.PEM).decode()


def settings(**changes: object) -> dict[str, object]:
    return {
        "base_url": BASE,
        "api_key": "consumer-key",
        "api_secret": "consumer-secret",
        "shortcode": SHORTCODE,
        "passkey": PASSKEY,
        "initiator_name": "testapi",
        "initiator_password": INITIATOR_PASSWORD,
        "certificate_pem": certificate()[1],
        "b2c_shortcode": "600992",
        "callback_base_url": CALLBACKS,
        "callback_addresses": ["196.201.214.0/24", "2001:db8::/32"],
        "webhook_secrets": [NEW_KEY, OLD_KEY],
        **changes,
    }


def fixture(name: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((FIXTURES / f"mpesa_{name}.json").read_bytes())
    return loaded


def reply(body: object = None, status: int = 200, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.Response(status, content=content, headers={name.replace("_", "-"): headers[name] for name in headers})


def error(status: int, code: str, message: str) -> httpx2.Response:
    return reply({"requestId": "1", "errorCode": code, "errorMessage": message}, status)


class Script:
    """``posts`` is what it was asked; ``tokens`` how many it has given. The last answer repeats."""

    def __init__(self, *answers: Answer, oauth: Callable[[int], Answer] | None = None, **changes: object) -> None:
        self._answers: Sequence[Answer] = answers or (reply({}, 500),)
        self._oauth = oauth or (lambda number: reply({"access_token": f"token-{number}", "expires_in": "3599"}))
        self.posts: list[httpx2.Request] = []
        self.tokens = 0
        self.clock = StandingClock()
        self.config = MpesaConfig.model_validate(settings(**changes))
        client = httpx2.Client(transport=httpx2.MockTransport(self._answer))
        self.tools = ProviderTools(client=client, clock=self.clock, tokens=LocalTokens(self.clock))
        adapter = build_mpesa(self.config, self.tools)
        assert isinstance(adapter, Mpesa)
        self.adapter = adapter

    def statement(self, since: datetime, until: datetime) -> list[StatementLine]:
        assert isinstance(self.adapter, GivesStatements)
        return list(self.adapter.statement(since, until))

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            self.tokens += 1
            return _given(self._oauth(self.tokens))
        self.posts.append(request)
        return _given(self._answers[min(len(self.posts), len(self._answers)) - 1])

    def sent(self, number: int = -1) -> dict[str, str]:
        body: dict[str, str] = json.loads(self.posts[number].content)
        return body

    def path(self, field: str, number: int = -1) -> str:
        """Where a callback of the request goes, as the ingest sees it."""
        url = self.sent(number)[field]
        assert url.startswith(f"{CALLBACKS}/")
        return url.removeprefix(f"{CALLBACKS}/")

    def believed(self, path: str, body: object, sender: str | None = SENDER) -> VerifiedWebhook:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = WebhookRequest(headers={}, body=content, received_at=NOW, path=path, sender=sender)
        return self.adapter.verify_webhook(request)

    def heard(self, path: str, body: object) -> ProviderReport:
        """What a callback reports, after having been stored as JSON."""
        return self.adapter.handle_webhook(json.loads(json.dumps(self.believed(path, body).payload)))


def _given(answer: Answer) -> httpx2.Response:
    if isinstance(answer, Exception):
        raise answer
    # A response can be read once; the last one is given again and again.
    return httpx2.Response(answer.status_code, content=answer.content, headers=answer.headers)


def refund_query(reference: str | None, amount: Money = PARTIAL_REFUND.amount) -> RefundQuery:
    return RefundQuery(refund_id=REFUND_ID, payment=PAID, amount=amount, reference=reference)
