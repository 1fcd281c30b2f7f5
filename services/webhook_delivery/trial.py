"""Runs "test my endpoint": sends every case, and reports how the endpoint took it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.webhook_delivery.deliverer import USER_AGENT
from services.webhook_delivery.trial_cases import CASES, Case, Expected, Material, Sending
from services.webhook_delivery.verdict import Verdict, verdict_of
from shared.application.webhook_secrets import signing_secrets
from shared.contracts.messages.codec import AnyMessage, MessageUnreadable
from shared.contracts.messages.commands import ProbeEndpoint
from shared.domain.ids import EndpointTestId
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.egress.client import Answer, Failed
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.persistence.webhook_endpoint_tests import EndpointTest
from shared.runtime.clock import Clock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id


class Client(Protocol):
    def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, over_seconds: float = 0
    ) -> Answer | Failed: ...


class TrialHandler:
    """No case counts for or against the endpoint: neither its deliveries nor its streak of failures change."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, client: Client, cipher: CredentialCipher, clock: Clock) -> None:
        self._unit_of_work, self._client, self._cipher, self._clock = unit_of_work, client, cipher, clock

    def __call__(self, message: AnyMessage) -> None:
        """A test that has finished, or whose endpoint is gone, is left alone. Raises ``MessageUnreadable``."""
        if not isinstance(message, ProbeEndpoint):
            raise MessageUnreadable(f"{message.type} asks for no test")
        found = self._find(EndpointTestId(message.test_id))
        if found is not None:
            test, endpoint = found
            self._finish(test, self._run(endpoint))

    def _find(self, test_id: EndpointTestId) -> tuple[EndpointTest, WebhookEndpoint] | None:
        with self._unit_of_work() as work:
            test = work.webhook_endpoint_tests.find(test_id)
            if test is None or test.finished_at is not None:
                return None
            endpoint = work.webhook_endpoints.find(test.endpoint_id)
        return None if endpoint is None else (test, endpoint)

    def _run(self, endpoint: WebhookEndpoint) -> Sequence[Mapping[str, object]]:
        first_id = new_id()
        reports = []
        for case in CASES:
            now = self._clock.now()
            secrets = signing_secrets(endpoint, self._cipher, now)
            material = Material(secrets=secrets, first_id=first_id, now=now)
            reports.append(_report(case, [self._send(endpoint, each) for each in case.sendings(material)]))
        return reports

    def _send(self, endpoint: WebhookEndpoint, sending: Sending) -> Verdict:
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, **sending.headers}
        answer = self._client.post(endpoint.url, sending.body, headers, over_seconds=sending.over_seconds)
        return verdict_of(answer, self._clock.now())

    def _finish(self, test: EndpointTest, cases: Sequence[Mapping[str, object]]) -> None:
        with self._unit_of_work() as work:
            work.webhook_endpoint_tests.finish(test.id, cases, self._clock.now())
            work.commit()


def _report(case: Case, verdicts: Sequence[Verdict]) -> Mapping[str, object]:
    passed = all(_is_as_expected(case.expected, each) for each in verdicts)
    answers = [{"status": each.status, "reason": each.reason, "milliseconds": each.milliseconds} for each in verdicts]
    return {
        "case": case.name,
        "expected": case.expected.value,
        "passed": passed,
        "answers": answers,
        "advice": None if passed else case.advice,
    }


def _is_as_expected(expected: Expected, verdict: Verdict) -> bool:
    if expected is Expected.TAKEN:
        return verdict.is_taken
    return verdict.status is not None and 400 <= verdict.status < 500
