"""What waits becomes due in a sandbox, and nothing does in production."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.payctl.commands.clock import clock
from services.payctl.settings import PayctlSettings
from shared.application.addressing import command_now
from shared.application.commands import next_payment_command
from shared.domain.transaction_status import TransactionStatus
from shared.messaging.publisher import PublishFailed
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.letters import later
from tests.fakes.makers import a_payment, a_payout
from tests.fakes.payctl import tools_over
from tests.fakes.webhooks import WebhooksOnFakes
from tests.fakes.worker import WorkerOnFakes


class Parked:
    """The broker's end."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, timedelta]] = []
        self.is_away = False

    def release(self, now: datetime, within: timedelta) -> Mapping[str, int]:
        if self.is_away:
            raise PublishFailed("x")
        self.asked.append((now, within))
        return {"gw.q.delay.60000": 2}


@pytest.fixture
def parked(monkeypatch: pytest.MonkeyPatch) -> Parked:
    parked = Parked()
    monkeypatch.setattr("services.payctl.commands.clock.open_parked", lambda _settings: parked)
    return parked


def _advance(worker: WorkerOnFakes, duration: str, environment: Any = "sandbox") -> Result:
    settings = PayctlSettings.model_construct(environment=environment)
    tools = tools_over(worker.books, worker.clock, settings=settings)
    return CliRunner().invoke(clock, ["advance", duration, "--operator", "amina"], obj=tools)


def test_what_is_due_within_the_time_is_due_now_and_nothing_else_is(parked: Parked) -> None:
    worker = WorkerOnFakes()
    soon, late, done = (
        a_payment(status=TransactionStatus.IN_DOUBT, next_check_at=later(1)),
        a_payment(status=TransactionStatus.IN_DOUBT, next_check_at=later(3)),
        a_payment(status=TransactionStatus.COMPLETED),
    )
    for payment in (soon, late, done):
        worker.books.put(payment)
    worker.books.put_payout(a_payout(next_check_at=later(2)))
    message = command_now(next_payment_command(soon, NOON))
    worker.books.do(lambda work: work.outbox.send_again(message, later(1)))

    answered = _advance(worker, "2h")

    due = [worker.books.payment(payment).next_check_at for payment in (soon, late, done)]
    assert due == [NOON, later(3), None]
    assert [line.split() for line in answered.output.splitlines()] == [
        ["payments", "1"],
        ["captures", "0"],
        ["refunds", "0"],
        ["payouts", "1"],
        ["webhooks", "0"],
        ["endpoints", "0"],
        ["outbox", "1"],
        ["gw.q.delay.60000", "2"],
    ]
    assert parked.asked == [(NOON, timedelta(hours=2))]
    (entry,) = worker.books.database.committed.audit_log.values()
    assert (entry.event_type, entry.user_id, entry.event_data["seconds"]) == ("clock.advanced", "operator:amina", 7200)


def test_an_endpoint_that_rests_is_called_again(parked: Parked) -> None:
    webhooks = WebhooksOnFakes()
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.change(endpoint_id, rests_until=later(1))
    assert webhooks.work_off(endpoint_id) == 0
    tools = tools_over(webhooks.books, webhooks.clock, settings=PayctlSettings.model_construct(environment="sandbox"))

    answered = CliRunner().invoke(clock, ["advance", "1h"], obj=tools)

    assert ["endpoints", "1"] in [line.split() for line in answered.output.splitlines()]
    assert webhooks.work_off(endpoint_id) == 1
    assert len(parked.asked) == 1


@pytest.mark.parametrize("duration", ["999999d", "999999d" * 3, "9999d"])
def test_a_time_beyond_all_calendars_is_refused_in_one_line(parked: Parked, duration: str) -> None:
    answered = _advance(WorkerOnFakes(), duration)

    assert (answered.exit_code, parked.asked) == (2, [])
    assert "at most" in answered.output


def test_in_production_it_refuses_in_one_line_and_does_nothing(parked: Parked) -> None:
    worker = WorkerOnFakes()
    payment = a_payment(status=TransactionStatus.IN_DOUBT, next_check_at=later(1))
    worker.books.put(payment)

    answered = _advance(worker, "2h", environment="production")

    assert (answered.exit_code, len(answered.output.splitlines())) == (1, 1)
    assert "ENVIRONMENT=sandbox" in answered.output
    assert worker.books.payment(payment).next_check_at == later(1)
    assert (parked.asked, FakeClock().now()) == ([], NOON)


def test_without_the_broker_it_says_that_half_is_done_and_may_be_repeated(parked: Parked) -> None:
    parked.is_away = True

    answered = _advance(WorkerOnFakes(), "2h")

    assert (answered.exit_code, "Then repeat it." in answered.output) == (1, True)
