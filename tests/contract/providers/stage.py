"""A provider on stage: its real adapter, its real simulator behind real HTTP, and a receiver of callbacks."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
import uuid_utils.compat as uuid_utils
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from services.provider_simulator.callbacks import HttpCallbackPost, callback_client
from services.provider_simulator.server import SimulatorServer
from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Outcome, Pending, Succeeded
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.provider import (
    PaidPayment,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    RefundQuery,
    RefundRequest,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.provider_kit.simulator import SimulatorEnvironment
from shared.provider_kit.tokens import LocalTokens
from shared.runtime.clock import SystemClock

CLIENT_TIMEOUT = httpx2.Timeout(connect=1.0, read=0.4, write=1.0, pool=1.0)
PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.01

T = TypeVar("T")


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PaymentCase(Strict):
    """How a provider's simulator is made to play a case; the rest is what is then expected."""

    amount_minor: int
    currency: str
    metadata: dict[str, str] = Field(default_factory=dict)
    provider_code: str = ""
    provider_status: str = ""
    retry_after_seconds: int | None = None


class AmountCase(Strict):
    """Of a refund or a capture: the currency is its payment's."""

    amount_minor: int


class PayoutCase(Strict):
    amount_minor: int
    currency: str


class TillPaymentCase(Strict):
    """``path`` of the truth API takes ``{"till", "account", "amount", "currency", "phone"}``."""

    path: str
    till: str
    amount_minor: int
    currency: str
    phone: str


class Contract(Strict):
    """``fixtures/contract.json`` of a provider; a case that it cannot play is left out and skipped."""

    base_path: str
    ledger_path: str
    simulator_settings: dict[str, str]
    config: dict[str, JsonValue]
    wrong_config: dict[str, JsonValue]
    payments: dict[str, PaymentCase]
    refunds: dict[str, AmountCase]
    captures: dict[str, AmountCase] = Field(default_factory=dict)
    payouts: dict[str, PayoutCase] = Field(default_factory=dict)
    till_payment: TillPaymentCase | None = None


class Entry(BaseModel):
    """What the simulator's truth API tells of one reference of ours."""

    payments: int = 0
    captures: int = 0
    refunds: int = 0
    payouts: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    paid_out_minor: int = 0
    idempotency_keys: list[str] = Field(default_factory=list)


class Ledger(BaseModel):
    by_reference: dict[str, Entry]


class Receiver:
    """Keeps every callback; answers 204."""

    def __init__(self) -> None:
        self._received: list[WebhookRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/callbacks"

    def about(self, reference: object) -> list[WebhookRequest]:
        """Everything so far that names one of our ids."""
        return [callback for callback in self._received if str(reference).encode() in callback.body]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                received.append(WebhookRequest(headers=headers, body=body, received_at=datetime.now(UTC)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        return Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """``outcomes`` is everything the adapter has ever answered here: secrets are looked for in it."""

    plugin: ProviderPlugin
    contract: Contract
    url: str
    client: httpx2.Client
    adapter: PaymentProvider
    receiver: Receiver
    outcomes: list[Outcome] = field(default_factory=list)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def payment_case(self, case: str) -> PaymentCase:
        if case not in self.contract.payments:
            pytest.skip(f"{self.plugin.name} cannot play {case}")
        return self.contract.payments[case]

    def refund_amount(self, case: str) -> int:
        if case not in self.contract.refunds:
            pytest.skip(f"{self.plugin.name} cannot play the refund {case}")
        return self.contract.refunds[case].amount_minor

    def request(self, case: str) -> PaymentRequest:
        """A new payment of this case, with a new key."""
        wanted = self.payment_case(case)
        transaction_id = TransactionId(uuid_utils.uuid7())
        return PaymentRequest(
            transaction_id=transaction_id,
            idempotency_key=f"pay-{transaction_id}",
            amount=Money(wanted.amount_minor, wanted.currency),
            customer=Customer(phone="+254700000000", email="amina@example.com", name="Amina"),
            metadata=wanted.metadata,
        )

    def pay(self, request: PaymentRequest) -> Outcome:
        outcome = self.adapter.initialize_payment(request)
        self.outcomes.append(outcome)
        return outcome

    def look_up(self, request: PaymentRequest, reference: str | None = None) -> Outcome:
        query = PaymentQuery(
            transaction_id=request.transaction_id, amount=request.amount, reference=reference, created_at=self.began_at
        )
        outcome = self.adapter.verify_payment(query)
        self.outcomes.append(outcome)
        return outcome

    def settled(self, request: PaymentRequest, reference: str | None = None) -> Outcome:
        """The first outcome that is not pending."""
        return until(lambda: self.look_up(request, reference), lambda outcome: not isinstance(outcome, Pending))

    def paid(self) -> tuple[PaymentRequest, str]:
        """A payment that has succeeded, and the provider's id of it."""
        request = self.request("succeeds")
        self.pay(request)
        outcome = self.settled(request)
        assert isinstance(outcome, Succeeded)
        assert outcome.reference is not None
        return request, outcome.reference

    def refund_request(self, payment: PaymentRequest, reference: str, amount_minor: int) -> RefundRequest:
        refund_id = RefundId(uuid_utils.uuid7())
        return RefundRequest(
            refund_id=refund_id,
            idempotency_key=f"refund-{refund_id}",
            payment=PaidPayment(reference=reference, amount=payment.amount, customer=payment.customer),
            amount=Money(amount_minor, payment.amount.currency),
            reason="returned",
        )

    def refund(self, request: RefundRequest) -> Outcome:
        outcome = self.adapter.refund_payment(request)
        self.outcomes.append(outcome)
        return outcome

    def look_up_refund(self, request: RefundRequest, reference: str | None = None) -> Outcome:
        query = RefundQuery(
            refund_id=request.refund_id,
            payment=request.payment,
            amount=request.amount,
            reference=reference,
        )
        outcome = self.adapter.verify_refund(query)
        self.outcomes.append(outcome)
        return outcome

    def settled_refund(self, request: RefundRequest, reference: str | None = None) -> Outcome:
        return until(lambda: self.look_up_refund(request, reference), lambda outcome: not isinstance(outcome, Pending))

    def answered_by(self, handler: Callable[[httpx2.Request], httpx2.Response]) -> "Stage":
        """The same adapter, with a provider that answers as ``handler`` does."""
        client = httpx2.Client(transport=httpx2.MockTransport(handler))
        return replace(self, adapter=build_adapter(self.plugin, self.contract, self.url, client))

    def unreachable(self) -> "Stage":
        """The same adapter, with a provider that refuses the connection."""
        adapter = build_adapter(self.plugin, self.contract, "http://127.0.0.1:1", self.client)
        return replace(self, adapter=adapter)

    def misconfigured(self) -> "Stage":
        """The same provider, with credentials that it refuses."""
        adapter = build_adapter(self.plugin, self.contract, self.url, self.client, changes=self.contract.wrong_config)
        return replace(self, adapter=adapter)

    def truth(self, reference: object) -> Entry:
        """What really happened, by the simulator's own books."""
        ledger = Ledger.model_validate_json(self.client.get(self.url + self.contract.ledger_path).content)
        return ledger.by_reference.get(str(reference), Entry())

    def callbacks(self, reference: object, at_least: int) -> list[WebhookRequest]:
        """The callbacks about one of our ids, once there are ``at_least`` so many."""
        return until(lambda: self.receiver.about(reference), lambda callbacks: len(callbacks) >= at_least)

    def believed(self, callbacks: list[WebhookRequest]) -> list[VerifiedWebhook]:
        """Those that the adapter believes."""
        verified = []
        for callback in callbacks:
            try:
                verified.append(self.adapter.verify_webhook(callback))
            except WebhookRejected:
                continue
        return verified


def until(look: Callable[[], T], is_enough: Callable[[T], bool]) -> T:
    """What ``look`` sees once it is enough, or whatever it sees when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    seen = look()
    while not is_enough(seen) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        seen = look()
    return seen


def secrets_in(config: object) -> Iterator[str]:
    """Every text in a configuration."""
    if isinstance(config, str):
        yield config
    elif isinstance(config, dict):
        for part in config.values():
            yield from secrets_in(part)
    elif isinstance(config, list):
        for part in config:
            yield from secrets_in(part)


@contextmanager
def on_stage(plugin: ProviderPlugin, folder: Path) -> Iterator[Stage]:
    """Everything of one provider, started and, whatever happens, stopped."""
    contract = Contract.model_validate_json((plugin.folder / "fixtures" / "contract.json").read_bytes())
    receiver = Receiver()
    with callback_client() as callbacks, httpx2.Client(timeout=CLIENT_TIMEOUT, trust_env=False) as client:
        environment = SimulatorEnvironment(
            folder=folder,
            settings={**contract.simulator_settings, "callback_url": receiver.url},
            clock=SystemClock(),
            post=HttpCallbackPost(callbacks),
        )
        server = SimulatorServer("127.0.0.1", 0, [plugin.build_simulator(environment)])
        server.start()
        url = f"http://127.0.0.1:{server.port}"
        adapter = build_adapter(plugin, contract, url, client)
        try:
            yield Stage(plugin=plugin, contract=contract, url=url, client=client, adapter=adapter, receiver=receiver)
        finally:
            server.stop()
            receiver.stop()


def build_adapter(
    plugin: ProviderPlugin,
    contract: Contract,
    url: str,
    client: httpx2.Client,
    *,
    changes: Mapping[str, JsonValue] | None = None,
) -> PaymentProvider:
    config = {**contract.config, "base_url": url + contract.base_path, **(changes or {})}
    clock = SystemClock()
    tools = ProviderTools(client=client, clock=clock, tokens=LocalTokens(clock))
    return plugin.build(plugin.config_model.model_validate(config), tools)
