"""A simulator of M-Pesa without a network, with a clock that tests move and an organisation that keeps callbacks."""

import base64
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from shared.provider_kit.simulator import CallbackAnswer, SimulatedResponse
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.provider_kit.simulator.played import PlayedSimulator
from shared.providers.mpesa.simulator import build_mpesa_simulator
from shared.providers.mpesa.tests.simulator.keys import pair

SHORTCODE = "174379"
PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
INITIATOR = "testapi"
PASSWORD = "Safaricom#999"  # noqa: S105 - the test's own
PHONE = "254708374149"
OURS = "0199a1b2-0000-7000-8000-0123456789ab"
BASE = "https://pay.example.test/api/v1/webhooks/mm"
STK_URL = f"{BASE}/payment/{OURS}/5e0f"
TEN_O_CLOCK = datetime(2026, 1, 15, 10, 0, 0, 32_000, tzinfo=UTC)
SETTINGS = {
    "consumer_key": "key",
    "consumer_secret": "secret",
    "shortcode": SHORTCODE,
    "passkey": PASSKEY,
    "initiator_name": INITIATOR,
    "initiator_password": PASSWORD,
    "admin": "1",
    "delay_ms": "1000",
}
FIXTURES = Path(__file__).parent / "fixtures"

Json = dict[str, Any]


def fixture(name: str) -> Json:
    """What Safaricom's documentation shows."""
    told: Json = json.loads((FIXTURES / f"mpesa_{name}.json").read_text())
    return told


def shape(value: object) -> object:
    """Keys and types, without what they hold: the shape of a list is that of each of its members."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(member) for member in value]
    return type(value).__name__


@dataclass(frozen=True, slots=True)
class Post:
    url: str
    headers: Mapping[str, str]
    body: bytes

    def told(self) -> Json:
        told: Json = json.loads(self.body)
        return told

    def stk(self) -> Json:
        told: Json = self.told()["Body"]["stkCallback"]
        return told

    def result(self) -> Json:
        told: Json = self.told()["Result"]
        return told

    def items(self) -> Json:
        """The metadata of a paid push, by name."""
        return {item["Name"]: item.get("Value") for item in self.stk()["CallbackMetadata"]["Item"]}

    def parameters(self) -> list[tuple[str, Any]]:
        return [(each["Key"], each.get("Value")) for each in self.result()["ResultParameters"]["ResultParameter"]]


@dataclass(slots=True)
class Organisation:
    """Keeps every callback, and answers as it is told; ``answers`` are by the end of the address."""

    answer: CallbackAnswer | None = field(default_factory=lambda: CallbackAnswer(status=200))
    answers: dict[str, Callable[[], CallbackAnswer | None]] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:
        with self.lock:
            self.posts.append(Post(url, headers, body))
        return self.answers.get(url.rpartition("/")[2], lambda: self.answer)()

    def at(self, ending: str) -> list[Post]:
        return [post for post in self.posts if post.url.endswith(ending)]


class Played(PlayedSimulator):
    """With its organisation."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.organisation = Organisation()
        certificate, private_key = pair()
        keys = {"certificate_pem": certificate, "private_key_pem": private_key}
        self._token: str | None = None
        super().__init__(
            build_mpesa_simulator, folder, {**SETTINGS, **keys, **settings}, self.organisation, TEN_O_CLOCK
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        authorization: str | None = None,
        content_type: str = "application/json",
        near: bool = True,
    ) -> SimulatedResponse:
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": content_type, "authorization": authorization or ""}
        return self.respond(method, path, headers, sent, near=near)

    def new_token(self) -> str:
        answer = self.ask(
            "GET", "/oauth/v1/generate?grant_type=client_credentials", authorization=basic("key", "secret")
        )
        self._token = str(read(answer)["access_token"])
        return self._token

    def call(self, path: str, body: object, **more: str) -> SimulatedResponse:
        """A product call, with the live token."""
        token = self._token or self.new_token()
        return self.ask("POST", path, body, authorization=f"Bearer {token}", **more)  # type: ignore[arg-type]

    def control(self, method: str, path: str, body: object = None) -> Json:
        answer = self.ask(method, f"/mpesa-control/_admin/{path}", body)
        assert answer.status == 200, answer.body
        return read(answer)

    def push(self, amount: object = 10, **changes: object) -> SimulatedResponse:
        return self.call("/mpesa/stkpush/v1/processrequest", {**self.stk_body(amount), **changes})

    def stk_body(self, amount: object = 10) -> Json:
        return {
            "BusinessShortCode": SHORTCODE,
            **self.password(),
            "TransactionType": "CustomerPayBillOnline",
            "Amount": amount,
            "PartyA": PHONE,
            "PartyB": SHORTCODE,
            "PhoneNumber": PHONE,
            "CallBackURL": STK_URL,
            "AccountReference": "0123456789AB",
            "TransactionDesc": "Order 7",
        }

    def password(self) -> Json:
        at = self.clock.now().astimezone(timezone(timedelta(hours=3))).strftime("%Y%m%d%H%M%S")
        return {"Password": base64.b64encode(f"{SHORTCODE}{PASSKEY}{at}".encode()).decode(), "Timestamp": at}

    def query(self, checkout_id: str) -> SimulatedResponse:
        asked = {"BusinessShortCode": SHORTCODE, **self.password(), "CheckoutRequestID": checkout_id}
        return self.call("/mpesa/stkpushquery/v1/query", asked)

    def paid(self, amount: int = 10, **changes: object) -> str:
        """The receipt of a push that was paid."""
        before = len(self.organisation.posts)
        answer = self.push(amount, **changes)
        assert answer.status == 200, answer.body
        self.pass_time(seconds=1)
        return str(self.organisation.posts[before].items()["MpesaReceiptNumber"])

    def b2c_body(self, amount: int = 100, key: str = OURS, **changes: object) -> Json:
        return {
            "OriginatorConversationID": key,
            "InitiatorName": INITIATOR,
            "SecurityCredential": self.credential(),
            "CommandID": "BusinessPayment",
            "Amount": amount,
            "PartyA": SHORTCODE,
            "PartyB": PHONE,
            "Remarks": "payout",
            "QueueTimeOutURL": f"{BASE}/payout-timeout/{OURS}/t",
            "ResultURL": f"{BASE}/payout/{OURS}/r",
            **changes,
        }

    def send(self, amount: int = 100, key: str = OURS, **changes: object) -> SimulatedResponse:
        return self.call("/mpesa/b2c/v3/paymentrequest", self.b2c_body(amount, key, **changes))

    def reversal_body(self, receipt: str, amount: int, **changes: object) -> Json:
        return {
            "Initiator": INITIATOR,
            "SecurityCredential": self.credential(),
            "CommandID": "TransactionReversal",
            "TransactionID": receipt,
            "Amount": str(amount),
            "ReceiverParty": SHORTCODE,
            "RecieverIdentifierType": "11",
            "ResultURL": f"{BASE}/refund/{OURS[:-1]}c/r",
            "QueueTimeOutURL": f"{BASE}/refund-timeout/{OURS[:-1]}c/t",
            "Remarks": "returned",
            **changes,
        }

    def reverse(self, receipt: str, amount: int = 10, **changes: object) -> SimulatedResponse:
        return self.call("/mpesa/reversal/v1/request", self.reversal_body(receipt, amount, **changes))

    def status_body(self, **changes: object) -> Json:
        return {
            "Initiator": INITIATOR,
            "SecurityCredential": self.credential(),
            "CommandID": "TransactionStatusQuery",
            "PartyA": SHORTCODE,
            "IdentifierType": "4",
            "ResultURL": f"{BASE}/status/{OURS}/r",
            "QueueTimeOutURL": f"{BASE}/status-timeout/{OURS}/t",
            "Remarks": "lost",
            **changes,
        }

    def ask_status(self, **changes: object) -> SimulatedResponse:
        return self.call("/mpesa/transactionstatus/v1/query", self.status_body(**changes))

    def credential(self, password: str = PASSWORD) -> str:
        certificate = x509.load_pem_x509_certificate(self.ask("GET", "/mpesa-control/certificate").body)
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        return base64.b64encode(key.encrypt(password.encode(), padding.PKCS1v15())).decode()

    def register(self, version: int = 2, **changes: str) -> SimulatedResponse:
        asked = {
            "ShortCode": SHORTCODE,
            "ResponseType": "Completed",
            "ConfirmationURL": f"{BASE}/confirmation/k1/confirm",
            "ValidationURL": f"{BASE}/validation/k1/validate",
            **changes,
        }
        return self.call(f"/mpesa/c2b/v{version}/registerurl", asked)

    def pay_by_hand(self, amount_minor: int = 50_000, account: str = "INV-7") -> str:
        asked = {"till": SHORTCODE, "account": account, "amount": amount_minor, "currency": "KES", "phone": "+" + PHONE}
        return str(self.control("POST", "c2b", asked)["id"])

    def settle(self) -> None:
        """Let everything that is due happen, and what follows from it."""
        self.simulator.tick()
        deadline = time.monotonic() + 20
        while self._is_at_work() and time.monotonic() < deadline:
            time.sleep(0.002)
            self.simulator.tick()

    def _is_at_work(self) -> bool:
        """What is being validated is looked at first: its confirmation is in the queue before it is over."""
        by_hand = self.control("GET", "ledger")["till_payments"]
        if any(each["status"] == "validating" for each in by_hand):
            return True
        now_ms = milliseconds(self.clock.now())
        deliveries = self.control("GET", "deliveries")["deliveries"]
        return any(each["state"] == "waiting" and each["due_at_ms"] <= now_ms for each in deliveries)


def read(answer: SimulatedResponse) -> Json:
    told: Json = json.loads(answer.body)
    return told


def basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
