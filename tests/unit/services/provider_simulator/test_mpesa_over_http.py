"""M-Pesa's simulator behind the real server: what an organisation's own client sees on the wire."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from services.provider_simulator.callbacks import HttpCallbackPost, callback_client
from services.provider_simulator.server import SimulatorServer
from shared.provider_kit.simulator import SimulatorEnvironment
from shared.providers.mpesa.simulator import build_mpesa_simulator
from shared.providers.mpesa.tests.simulator.keys import pair
from shared.runtime.clock import SystemClock

SHORTCODE = "174379"
OURS = "0199a1b2-0000-7000-8000-0123456789ab"
ACCEPTS = {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "ours"}
REJECTS = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}

Json = dict[str, Any]


@dataclass(slots=True)
class Organisation:
    """Hears callbacks on a port of its own, and answers each as ``answer`` says."""

    answer: Json = field(default_factory=lambda: dict(ACCEPTS))
    heard: list[tuple[str, Json]] = field(default_factory=list)
    url: str = ""

    def at(self, purpose: str) -> list[Json]:
        return [told for path, told in self.heard if f"/{purpose}/" in path]


@pytest.fixture
def organisation() -> Iterator[Organisation]:
    one = Organisation()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            one.heard.append((self.path, told))
            body = json.dumps(one.answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    one.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield one
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def daraja(tmp_path: Path, organisation: Organisation) -> Iterator[httpx2.Client]:
    """An organisation's client, with a token already."""
    certificate, private_key = pair()
    settings = {
        "consumer_key": "key",
        "consumer_secret": "secret",
        "shortcode": SHORTCODE,
        "passkey": "pass",
        "initiator_name": "testapi",
        "initiator_password": "Safaricom#999",
        "certificate_pem": certificate,
        "private_key_pem": private_key,
        "delay_ms": "20",
        "hang_seconds": "5",
        "admin": "1",
    }
    with callback_client() as callbacks:
        environment = SimulatorEnvironment(
            folder=tmp_path, settings=settings, clock=SystemClock(), post=HttpCallbackPost(callbacks)
        )
        server = SimulatorServer("127.0.0.1", 0, [build_mpesa_simulator(environment)])
        server.start()
        with httpx2.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=2.0, trust_env=False) as client:
            answer = client.get("/oauth/v1/generate?grant_type=client_credentials", auth=("key", "secret"))
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client
        server.stop()


def push_body(organisation: Organisation, amount: int) -> Json:
    return {
        "BusinessShortCode": SHORTCODE,
        "Password": base64.b64encode(f"{SHORTCODE}pass20260115130000".encode()).decode(),
        "Timestamp": "20260115130000",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": amount,
        "PartyA": "254708374149",
        "PartyB": SHORTCODE,
        "PhoneNumber": "254708374149",
        "CallBackURL": f"{organisation.url}/payment/{OURS}/token",
        "AccountReference": "ORDER7",
        "TransactionDesc": "Order 7",
    }


def push(daraja: httpx2.Client, organisation: Organisation, amount: int) -> httpx2.Response:
    return daraja.post("/mpesa/stkpush/v1/processrequest", json=push_body(organisation, amount))


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_so()


def truth(daraja: httpx2.Client) -> Json:
    told: Json = daraja.get("/mpesa-control/_admin/ledger").json()
    return told


def test_a_push_is_accepted_and_then_told(daraja: httpx2.Client, organisation: Organisation) -> None:
    accepted = push(daraja, organisation, 10)
    until(lambda: organisation.heard)

    path, told = organisation.heard[0]
    assert (accepted.status_code, path) == (200, f"/payment/{OURS}/token")
    assert told["Body"]["stkCallback"]["CheckoutRequestID"] == accepted.json()["CheckoutRequestID"]


def test_a_push_whose_answer_is_reset_has_rung_the_phone(daraja: httpx2.Client, organisation: Organisation) -> None:
    with pytest.raises(httpx2.HTTPError):
        push(daraja, organisation, 917)
    until(lambda: organisation.heard)

    assert truth(daraja)["by_reference"][OURS]["payments"] == 1


def test_a_push_whose_answer_never_comes_has_rung_the_phone(daraja: httpx2.Client, organisation: Organisation) -> None:
    daraja.timeout = httpx2.Timeout(0.3)

    with pytest.raises(httpx2.ReadTimeout):
        push(daraja, organisation, 916)
    until(lambda: organisation.heard)

    daraja.timeout = httpx2.Timeout(5.0)
    assert truth(daraja)["by_reference"][OURS]["captured_minor"] == 91_600


def test_an_answer_that_is_cut_off_cannot_be_read(daraja: httpx2.Client, organisation: Organisation) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        push(daraja, organisation, 919)


def test_an_early_callback_is_heard_before_the_answer(daraja: httpx2.Client, organisation: Organisation) -> None:
    push(daraja, organisation, 814)

    assert len(organisation.heard) == 1


def test_a_form_is_not_understood(daraja: httpx2.Client, organisation: Organisation) -> None:
    answer = daraja.post("/mpesa/stkpush/v1/processrequest", data=push_body(organisation, 10))

    assert answer.json()["errorMessage"] == "Bad Request - Invalid BusinessShortCode"


def test_a_payout_needs_a_credential_made_with_the_certificate(
    daraja: httpx2.Client, organisation: Organisation
) -> None:
    key = x509.load_pem_x509_certificate(daraja.get("/mpesa-control/certificate").content).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    asked = {
        "OriginatorConversationID": OURS,
        "InitiatorName": "testapi",
        "SecurityCredential": base64.b64encode(key.encrypt(b"Safaricom#999", padding.PKCS1v15())).decode(),
        "CommandID": "BusinessPayment",
        "Amount": 10,
        "PartyA": SHORTCODE,
        "PartyB": "254708374149",
        "Remarks": "payout",
        "QueueTimeOutURL": f"{organisation.url}/timeout/{OURS}/token",
        "ResultURL": f"{organisation.url}/payout/{OURS}/token",
    }

    daraja.post("/mpesa/b2c/v3/paymentrequest", json=asked)
    until(lambda: organisation.heard)

    assert organisation.at("payout")[0]["Result"]["ResultCode"] == 0
    assert truth(daraja)["by_reference"][OURS]["paid_out_minor"] == 1000


@pytest.mark.parametrize(("answer", "status"), [(ACCEPTS, "completed"), (REJECTS, "declined")])
def test_the_organisations_own_answer_decides_about_a_payment_by_hand(
    daraja: httpx2.Client, organisation: Organisation, answer: Json, status: str
) -> None:
    organisation.answer = answer
    addresses = {
        "ConfirmationURL": f"{organisation.url}/confirmation/token",
        "ValidationURL": f"{organisation.url}/validation/token",
    }
    registered = daraja.post(
        "/mpesa/c2b/v2/registerurl", json={"ShortCode": SHORTCODE, "ResponseType": "Completed", **addresses}
    )
    assert registered.status_code == 200
    paid = {"till": SHORTCODE, "account": "A-1", "amount": 1000, "currency": "KES", "phone": "+254708374149"}

    daraja.post("/mpesa-control/_admin/c2b", json=paid).raise_for_status()
    until(lambda: truth(daraja)["till_payments"][0]["status"] == status)

    if status == "completed":
        until(lambda: organisation.at("confirmation"))
        assert organisation.at("confirmation")[0]["ThirdPartyTransID"] == "ours"
    assert len(organisation.at("validation")) == 1
