"""A provider on stage: its real adapter, its real simulator behind real HTTP, and a receiver of callbacks."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
import uuid_utils.compat as uuid_utils
from pydantic import JsonValue

from services.provider_simulator.callbacks import HttpCallbackPost, callback_client
from services.provider_simulator.server import SimulatorServer
from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.ids import RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Outcome, Pending, Succeeded
from shared.provider_kit.plugin import ProviderPlugin, ProviderTools
from shared.provider_kit.provider import (
    AnswersWebhooks,
    PaidPayment,
    PaymentProvider,
    PaymentQuery,
    PaymentReported,
    PaymentRequest,
    RefundQuery,
    RefundReported,
    RefundRequest,
    RegistersWebhooks,
    VerifiedWebhook,
    WebhookRequest,
)
from shared.provider_kit.simulator import SimulatorEnvironment
from shared.provider_kit.tokens import LocalTokens
from shared.runtime.clock import SystemClock
from tests.contract.providers.contract import Contract, Entry, Lacking, Ledger, PaymentCase
from tests.contract.providers.receiver import Receiver

CLIENT_TIMEOUT = httpx2.Timeout(connect=1.0, read=1.0, write=1.0, pool=1.0)
PATIENCE_SECONDS = 5.0
POLL_SECONDS = 0.01

T = TypeVar("T")


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
    references: dict[TransactionId, str] = field(default_factory=dict)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def callbacks_of_payment(self) -> int:
        """How many callbacks a payment that succeeds causes."""
        return 1 if "callback_of_pending" in self.contract.lacks else 2

    def needs(self, *offered: Lacking) -> None:
        """Skip the test where the provider does not offer one of these."""
        lacking = sorted(self.contract.lacks & set(offered))
        if lacking:
            pytest.skip(f"{self.plugin.name} has no {lacking[0]}")

    def repeats_errors(self, case: str) -> bool:
        """Whether a repeated key is answered with the error that came after it was executed."""
        return case == "error_after" and "healed_errors" in self.contract.lacks

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
            customer=Customer(phone=_somebodys_phone(), email="amina@example.com", name="Amina"),
            metadata=wanted.metadata,
            payment_method_token=wanted.payment_method_token or self.contract.payment_method_token,
        )

    def pay(self, request: PaymentRequest) -> Outcome:
        outcome = self.adapter.initialize_payment(request)
        self.outcomes.append(outcome)
        reference = getattr(outcome, "reference", None)
        if reference is not None:
            self.references[request.transaction_id] = reference
        return outcome

    def look_up(self, request: PaymentRequest, reference: str | None = None) -> Outcome:
        """Ask by our id alone where the provider finds a payment by it, else by the reference that it gave."""
        if "payment_lookup" in self.contract.lacks:
            reference = reference or self.references.get(request.transaction_id)
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
        reference = outcome.reference or self.references[request.transaction_id]
        if self.contract.receipts:
            until(lambda: self.receipt_of(request), lambda receipt: receipt is not None)
        return request, reference

    def receipt_of(self, request: PaymentRequest) -> str | None:
        """What the callbacks so far say is the payment's receipt."""
        reports = [self.adapter.handle_webhook(each.payload) for each in self.believed(self.about(request))]
        told = [report.outcome for report in reports if isinstance(report, PaymentReported)]
        return next((each.receipt for each in told if isinstance(each, Succeeded) and each.receipt), None)

    def about(self, request: PaymentRequest) -> list[WebhookRequest]:
        return self.receiver.about(request.transaction_id)

    def refund_request(self, payment: PaymentRequest, reference: str, amount_minor: int) -> RefundRequest:
        refund_id = RefundId(uuid_utils.uuid7())
        return RefundRequest(
            refund_id=refund_id,
            idempotency_key=f"refund-{refund_id}",
            payment=PaidPayment(
                reference=reference,
                amount=payment.amount,
                customer=payment.customer,
                receipt=self.receipt_of(payment),
            ),
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
        def look() -> Outcome:
            if "refund_query" not in self.contract.lacks:
                return self.look_up_refund(request, reference)
            return self.reported_refund(request) or Pending(reference=reference)

        return until(look, lambda outcome: not isinstance(outcome, Pending))

    def reported_refund(self, request: RefundRequest) -> Outcome | None:
        """The last that callbacks have said of a refund."""
        return next(reversed(self.reports_of_refund(request)), None)

    def reports_of_refund(self, request: RefundRequest) -> list[Outcome]:
        """All that callbacks have said of a refund, in the order in which they came."""
        verified = self.believed(self.receiver.about(request.refund_id))
        told = [self.adapter.handle_webhook(each.payload) for each in verified]
        return [report.outcome for report in told if isinstance(report, RefundReported)]

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
        # The truth is waited for: it is the adapter whose patience is short.
        told = self.client.get(self.url + self.contract.ledger_path, timeout=PATIENCE_SECONDS)
        ledger = Ledger.model_validate_json(told.content)
        return ledger.by_reference.get(str(reference), Entry())

    def given_back(self, payment: PaymentRequest, refund: RefundRequest) -> int:
        """Minor units, by the provider's books: under the payment's name, or the refund's where it is sent anew."""
        return max(self.truth(payment.transaction_id).refunded_minor, self.truth(refund.refund_id).refunded_minor)

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


def _somebodys_phone() -> str:
    """Another one each time: some providers ask one customer one thing at a time."""
    return f"+254700{secrets.randbelow(900_000):06}"


def until(look: Callable[[], T], is_enough: Callable[[T], bool]) -> T:
    """What ``look`` sees once it is enough, or whatever it sees when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    seen = look()
    while not is_enough(seen) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        seen = look()
    return seen


def secrets_in(stage: Stage, changes: Mapping[str, JsonValue] | None = None) -> Iterator[str]:
    """What the provider's own schema calls secret, in the contract's configuration."""
    given = {**stage.contract.config, "base_url": stage.url, **(changes or {})}
    config = stage.plugin.config_model.model_validate(given)
    for name in config.secret_fields():
        value = getattr(config, name)
        for part in value if isinstance(value, tuple) else (value,):
            if part is not None:
                yield part.get_secret_value()


@contextmanager
def on_stage(plugin: ProviderPlugin, folder: Path) -> Iterator[Stage]:
    """Everything of one provider, started and, whatever happens, stopped."""
    receiver = Receiver()
    written = (plugin.folder / "fixtures" / "contract.json").read_text(encoding="utf-8")
    contract = Contract.model_validate_json(written.replace("{callback_url}", receiver.url))
    with callback_client() as callbacks, httpx2.Client(timeout=CLIENT_TIMEOUT, trust_env=False) as client:
        environment = SimulatorEnvironment(
            folder=folder,
            settings={"callback_url": receiver.url, **contract.simulator_settings},
            clock=SystemClock(),
            post=HttpCallbackPost(callbacks),
        )
        server = SimulatorServer("127.0.0.1", 0, [plugin.build_simulator(environment)])
        server.start()
        url = f"http://127.0.0.1:{server.port}"
        adapter = build_adapter(plugin, contract, url, client)
        receiver.answer = partial(_answer, adapter)
        if isinstance(adapter, RegistersWebhooks):
            adapter.register_webhooks()
        try:
            yield Stage(plugin=plugin, contract=contract, url=url, client=client, adapter=adapter, receiver=receiver)
        finally:
            server.stop()
            receiver.stop()


def _answer(adapter: PaymentProvider, request: WebhookRequest) -> bytes:
    if not isinstance(adapter, AnswersWebhooks):
        return b"{}"
    try:
        return json.dumps(dict(adapter.answer_webhook(adapter.verify_webhook(request)).body)).encode()
    except WebhookRejected:
        return b"{}"


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
