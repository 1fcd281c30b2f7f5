"""The delivery of webhooks over fakes: the real claims and records, a database in memory, scripted endpoints."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet

from services.webhook_delivery.claims import LEASE, Claims
from services.webhook_delivery.deliverer import Deliverer
from services.webhook_delivery.handlers import EventHandler
from services.webhook_delivery.record import DeliveryRules, Recorder
from services.webhook_delivery.verdict import Verdict
from shared.application.actor import process_actor
from shared.application.journal import record_payment_event
from shared.application.webhook_fanout import send_again
from shared.application.webhook_secrets import new_secret
from shared.contracts.messages.codec import decode
from shared.contracts.messages.commands import DeliverWebhooks
from shared.contracts.messages.envelope import OutgoingMessage
from shared.contracts.messages.events import PaymentChanged
from shared.domain.ids import DeliveryId, EndpointId, MerchantId
from shared.domain.webhook_delivery import Delivery, DeliveryAttempt
from shared.domain.webhook_endpoint import EndpointSecret, Lane, WebhookEndpoint
from shared.egress.client import Answer, Failed, FailureReason
from shared.messaging.topology import WEBHOOKS
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, a_payment

SECRET = new_secret()
TAKEN = Answer(status=200, first_bytes=b"ok", elapsed_ms=50)
REFUSED = Answer(status=500, first_bytes=b"no", elapsed_ms=50)
TIMED_OUT = Failed(reason=FailureReason.TIMEOUT, elapsed_ms=15_000)


@dataclass(frozen=True)
class Posted:
    url: str
    body: bytes
    headers: Mapping[str, str]


class Repeating(Recorder):
    """Records each verdict again where ``is_repeated``, as one does to whom the answer of a commit was lost."""

    is_repeated = False

    def record(self, called: WebhookEndpoint, claimed: Delivery, started_at: datetime, verdict: Verdict) -> None:
        super().record(called, claimed, started_at, verdict)
        if self.is_repeated:
            super().record(called, claimed, started_at, verdict)


class WebhooksOnFakes:
    """``answer`` is what every endpoint says, or a function of what is posted to it."""

    def __init__(self) -> None:
        self.books, self.clock = Books(), FakeClock()
        self.cipher = CredentialCipher((Fernet.generate_key().decode(),))
        self.answer: Answer | Failed | Callable[[Posted], Answer | Failed] = TAKEN
        self.posted: list[Posted] = []
        rules = DeliveryRules(choose=lambda delays: delays[1])
        self.recorder, self.stopping = Repeating(self.books.unit_of_work, self.clock, rules), threading.Event()
        claims = Claims(self.books.unit_of_work, self.clock)
        self.deliverer = Deliverer(claims, self.recorder, self._post, self.cipher, self.clock, self.stopping)
        self.events = EventHandler(self.books.unit_of_work, self.clock)

    def endpoint(self, merchant_id: MerchantId = MERCHANT, **facts: Any) -> EndpointId:
        """A quick one that wants everything, unless said otherwise."""
        endpoint_id = EndpointId(new_id())
        made = WebhookEndpoint(
            id=endpoint_id,
            merchant_id=merchant_id,
            url=f"https://shop.example/{endpoint_id}",
            secrets=(EndpointSecret(self.cipher.encrypt(SECRET)),),
            listens_since=NOON,
            created_at=NOON,
            updated_at=NOON,
            is_quick=True,
        )
        with self.books.unit_of_work() as work:
            work.webhook_endpoints.add(replace(made, **facts))
            work.commit()
        return endpoint_id

    def happens(self, merchant_id: MerchantId = MERCHANT, count: int = 1) -> list[PaymentChanged]:
        """So many payments are initiated; their messages, which nobody has been told yet."""
        before = len(self.books.handed_over)
        with self.books.unit_of_work() as work:
            for _ in range(count):
                payment = a_payment(merchant_id=merchant_id, updated_at=self.clock.now())
                work.transactions.add(payment)
                record_payment_event(work, payment, "payment.initiated", process_actor("test"), {})
            work.commit()
        messages = (decode(each.body) for each in self.books.handed_over[before:])
        return [each for each in messages if isinstance(each, PaymentChanged)]

    def told(self, merchant_id: MerchantId = MERCHANT, count: int = 1) -> None:
        """As ``happens``, and the delivery hears of it."""
        for message in self.happens(merchant_id, count):
            self.events(message)

    def work_off(self, endpoint_id: EndpointId, lane: Lane = Lane.FAST) -> int:
        return self.deliverer.work_off(lane, endpoint_id)

    def work_off_all(self, since: int = 0) -> None:
        """Every bell from the ``since``-th message on that is not for later, and what these ring for, until none is."""
        place = since
        while place < len(self.books.handed_over):
            message = decode(self.books.handed_over[place].body)
            if isinstance(message, DeliverWebhooks) and self.books.handed_over[place].exchange == WEBHOOKS:
                self.work_off(EndpointId(message.endpoint_id), Lane(self.books.handed_over[place].routing_key))
            place += 1

    def send_again(self, endpoint_id: EndpointId) -> None:
        """The merchant asks for the first delivery once more."""
        with self.books.unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock(endpoint_id)
            delivery = work.webhook_deliveries.lock(self.deliveries(endpoint_id)[0].id)
            assert endpoint is not None
            assert delivery is not None
            send_again(work, endpoint, delivery, self.clock.now())
            work.commit()

    def lease(self, endpoint_id: EndpointId) -> None:
        """As if somebody were at it."""
        with self.books.unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock(endpoint_id)
            assert endpoint is not None
            now = self.clock.now()
            assert work.webhook_deliveries.lease_next(endpoint, now, now + LEASE) is not None
            work.commit()

    def give_back_leases(self) -> None:
        """Whoever was at it has left, and never called."""
        with self.books.unit_of_work() as work:
            for row in self.books.database.committed.webhook_deliveries.values():
                work.webhook_deliveries.save(replace(row, lease_until=None))
            work.commit()

    def stored(self, endpoint_id: EndpointId) -> WebhookEndpoint:
        return self.books.database.committed.webhook_endpoints[endpoint_id]

    def change(self, endpoint_id: EndpointId, **facts: Any) -> None:
        with self.books.unit_of_work() as work:
            endpoint = work.webhook_endpoints.lock(endpoint_id)
            assert endpoint is not None
            work.webhook_endpoints.save(replace(endpoint, **facts))
            work.commit()

    def deliveries(self, endpoint_id: EndpointId) -> list[Delivery]:
        """Oldest first."""
        rows = self.books.database.committed.webhook_deliveries.values()
        return sorted((row for row in rows if row.endpoint_id == endpoint_id), key=lambda row: row.id)

    def attempts(self, delivery_id: DeliveryId) -> Sequence[DeliveryAttempt]:
        with self.books.unit_of_work() as work:
            return work.webhook_deliveries.attempts_of(delivery_id)

    def bells(self, since: int = 0) -> list[OutgoingMessage]:
        """Messages that ring for an endpoint, from the ``since``-th of all messages on."""
        sent = self.books.handed_over[since:]
        return [each for each in sent if isinstance(decode(each.body), DeliverWebhooks)]

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failed:
        assert self.books.database.open_transactions == 0, "no call inside a transaction"
        posted = Posted(url, body, headers)
        self.posted.append(posted)
        return self.answer(posted) if callable(self.answer) else self.answer
