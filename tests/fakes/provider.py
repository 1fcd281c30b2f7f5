"""A provider that answers what it was told to, and remembers what it was asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import pytest

from shared.application.provider_accounts import AccountUnusable
from shared.domain.errors import WebhookRejected
from shared.domain.ids import MerchantId
from shared.domain.outcome import Outcome
from shared.persistence.unit_of_work import UnitOfWork
from shared.provider_kit.provider import (
    CancelRequest,
    CaptureQuery,
    CaptureRequest,
    NothingReported,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    PayoutQuery,
    PayoutRequest,
    ProviderReport,
    RefundQuery,
    RefundRequest,
    VerifiedWebhook,
    WebhookAnswer,
    WebhookRequest,
)
from tests.fakes.makers import ACCOUNT

Question = (
    PaymentRequest
    | PaymentQuery
    | CaptureRequest
    | CaptureQuery
    | CancelRequest
    | RefundRequest
    | RefundQuery
    | PayoutRequest
    | PayoutQuery
)
Answer = Outcome | Exception


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: what was asked, and what ``witness`` saw at that moment."""

    question: Question
    seen: object


class ScriptedProvider:
    """Answers in order; an exception is raised. Asked more often than it was told, it fails the test.

    ``witness`` looks around while the call is under way: what it returns is kept beside the question.
    """

    def __init__(self, *answers: Answer, witness: Callable[[], object] = lambda: None) -> None:
        self._answers = list(answers)
        self.witness = witness
        self.asked: list[Asked] = []
        self.reports: dict[str, ProviderReport | Exception] = {}
        self.webhooks: list[WebhookRequest] = []
        self.asks = False

    def will_answer(self, *answers: Answer) -> None:
        self._answers.extend(answers)

    @property
    def questions(self) -> list[Question]:
        return [each.question for each in self.asked]

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        return self._answer(request)

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        return self._answer(query)

    def capture_payment(self, request: CaptureRequest) -> Outcome:
        return self._answer(request)

    def verify_capture(self, query: CaptureQuery) -> Outcome:
        return self._answer(query)

    def cancel_payment(self, request: CancelRequest) -> Outcome:
        return self._answer(request)

    def refund_payment(self, request: RefundRequest) -> Outcome:
        return self._answer(request)

    def verify_refund(self, query: RefundQuery) -> Outcome:
        return self._answer(query)

    def send_payout(self, request: PayoutRequest) -> Outcome:
        return self._answer(request)

    def verify_payout(self, query: PayoutQuery) -> Outcome:
        return self._answer(query)

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        """Believes what is signed with ``genuine``; the body names the event."""
        self.webhooks.append(request)
        if request.headers.get("signature") != "genuine":
            raise WebhookRejected("signature")
        return VerifiedWebhook(
            event_id=request.body.decode(),
            event_type="payment.reported",
            payload={"id": "1"},
            signature="v1",
            is_question=self.asks,
        )

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        """The report that the test put under the payload's ``id``."""
        report = self.reports.get(str(payload.get("id")), NothingReported(reason="unknown"))
        if isinstance(report, Exception):
            raise report
        return report

    def _answer(self, question: Question) -> Outcome:
        self.asked.append(Asked(question, self.witness()))
        if not self._answers:
            # Not an Exception: the worker would take it for an adapter's bug.
            pytest.fail(f"nobody expected the provider to be asked {question}")
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class OneAccount:
    """Every merchant's account, unless ``account_id`` is ``None``; ``unusable`` says what is wrong with it."""

    def __init__(self, provider: PaymentProvider, account_id: UUID | None = ACCOUNT) -> None:
        self.provider, self.account_id = provider, account_id
        self.unusable = ""
        self.opened: list[UUID | None] = []

    def choose(self, work: UnitOfWork, merchant_id: MerchantId) -> UUID | None:
        assert work is not None
        assert merchant_id is not None
        return self.account_id

    def adapter(self, account_id: UUID | None) -> PaymentProvider:
        self.opened.append(account_id)
        if self.unusable:
            raise AccountUnusable(self.unusable)
        return self.provider

    def adapter_within(self, work: UnitOfWork, account_id: UUID | None) -> PaymentProvider:
        assert work is not None
        return self.adapter(account_id)


class AnsweringProvider(ScriptedProvider):
    """Reads what its callbacks are answered with: ``webhook_answer``."""

    def __init__(self, webhook_answer: Mapping[str, object], *, asks: bool = False) -> None:
        super().__init__()
        self.webhook_answer, self.asks = webhook_answer, asks

    def answer_webhook(self, verified: VerifiedWebhook) -> WebhookAnswer:
        assert verified.is_question is self.asks
        return WebhookAnswer(body=self.webhook_answer)
