"""Accounts at the provider: a payment stays with the one it started with, and reports touch their own only."""

from dataclasses import replace
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from shared.domain.customer import Customer
from shared.domain.money import Money
from shared.domain.movement_status import MovementStatus
from shared.domain.outcome import NotSent, Pending, Succeeded
from shared.domain.transaction_status import TransactionStatus
from shared.provider_kit.provider import MoneyReceived, PaymentReported
from tests.fakes.clock import NOON
from tests.fakes.makers import ACCOUNT, MERCHANT, OTHER_MERCHANT, a_payment, a_payout, a_refund, an_account
from tests.fakes.worker import WorkerOnFakes

S = TransactionStatus
OWN = UUID(int=1)
DONE = Succeeded(reference="P1")


def _refused_as_account() -> float:
    return REGISTRY.get_sample_value("gateway_refused_reports_total", {"provider": "cpay", "reason": "account"}) or 0


def test_a_payment_is_claimed_with_an_account_and_stays_with_it() -> None:
    worker, payment = WorkerOnFakes(Pending(reference="P1"), DONE), a_payment()

    worker.start(payment)
    assert worker.books.payment(payment).provider_config_id == ACCOUNT
    worker.accounts.account_id = OWN
    worker.check(payment)

    assert worker.books.payment(payment).provider_config_id == ACCOUNT
    assert worker.accounts.opened == [ACCOUNT, ACCOUNT]


def test_a_refund_goes_to_the_account_of_its_payment() -> None:
    worker = WorkerOnFakes(DONE)
    payment = a_payment(status=S.COMPLETED, provider_transaction_id="P1", provider_config_id=OWN)
    refund = a_refund(payment)

    worker.refund(replace(payment, refund_pending=refund.amount), refund)

    assert worker.accounts.opened == [OWN]


def test_a_payout_is_claimed_with_an_account_and_stays_with_it() -> None:
    worker, payout = WorkerOnFakes(Pending(reference="O1"), Pending(reference="O1")), a_payout()

    worker.send(payout)
    worker.accounts.account_id = OWN
    worker.check_payout(payout)

    assert worker.books.payout(payout).provider_config_id == ACCOUNT
    assert worker.accounts.opened == [ACCOUNT, ACCOUNT]


def test_a_payment_that_is_sent_again_goes_to_the_same_account() -> None:
    worker, payment = WorkerOnFakes(NotSent(reason="refused"), DONE), a_payment()
    worker.start(payment)
    worker.accounts.account_id = OWN

    worker.check(payment)

    assert worker.books.payment(payment).status is S.COMPLETED
    assert worker.accounts.opened == [ACCOUNT, ACCOUNT]


def test_a_payout_that_is_sent_again_goes_to_the_same_account() -> None:
    worker, payout = WorkerOnFakes(NotSent(reason="refused"), DONE), a_payout()
    worker.send(payout)
    worker.accounts.account_id = OWN

    worker.check_payout(payout)

    assert worker.books.payout(payout).status is MovementStatus.SUCCEEDED
    assert worker.accounts.opened == [ACCOUNT, ACCOUNT]


def test_without_an_account_a_payment_waits_and_is_looked_at_again() -> None:
    worker, payment = WorkerOnFakes(DONE), a_payment()
    worker.accounts.account_id = None

    worker.start(payment)

    waiting = worker.books.payment(payment)
    assert (waiting.status, waiting.provider_config_id, worker.provider.asked) == (S.PENDING, None, [])
    assert waiting.next_check_at is not None
    assert NOON < waiting.next_check_at < waiting.expires_at
    worker.accounts.account_id = ACCOUNT
    worker.check(payment)
    assert worker.books.payment(payment).status is S.COMPLETED


def test_without_an_account_a_payout_waits_and_is_looked_at_again() -> None:
    worker, payout = WorkerOnFakes(Pending(reference="O1")), a_payout()
    worker.accounts.account_id = None

    worker.send(payout)

    waiting = worker.books.payout(payout)
    assert (waiting.status, worker.provider.asked) == (MovementStatus.PENDING, [])
    assert waiting.next_check_at is not None
    worker.accounts.account_id = ACCOUNT
    worker.check_payout(payout)
    assert len(worker.provider.asked) == 1


def test_what_an_unusable_account_was_to_send_was_surely_not_sent() -> None:
    worker, payment = WorkerOnFakes(), a_payment()
    worker.accounts.unusable = "configured wrong"

    worker.start(payment)

    (attempt,) = worker.books.database.committed.attempts.values()
    assert (attempt.outcome, attempt.reason) == ("NotSent", "misconfigured: configured wrong")
    assert worker.books.payment(payment).status is S.PENDING


@pytest.mark.parametrize("status", [S.PROCESSING, S.IN_DOUBT])
def test_that_an_unusable_account_cannot_ask_proves_nothing(status: TransactionStatus) -> None:
    worker, payment = WorkerOnFakes(), a_payment(status=status)
    worker.books.put(payment)
    worker.accounts.unusable = "configured wrong"

    worker.check(payment)

    (attempt,) = worker.books.database.committed.attempts.values()
    assert attempt.outcome == "InDoubt"
    assert worker.books.payment(payment).status is status


def test_a_merchants_account_has_no_say_in_what_another_account_did() -> None:
    worker = WorkerOnFakes()
    worker.books.do(lambda work: work.provider_configs.save(an_account(id=OWN, merchant_id=OTHER_MERCHANT), NOON))
    payment = a_payment(status=S.PROCESSING, provider_transaction_id="P1", provider_config_id=ACCOUNT)
    worker.books.put(payment)
    before = _refused_as_account()
    report = PaymentReported(transaction_id=payment.id, reference="P1", amount=payment.amount, outcome=DONE)

    message = worker.receive(report, account=OWN)
    worker.handle(message)

    assert worker.books.payment(payment).status is S.PROCESSING
    assert worker.event(message).result == "refused: account"
    assert _refused_as_account() == before + 1
    trail = worker.books.database.committed.audit_log.values()
    (entry,) = [each for each in trail if each.event_type == "webhook.received"]
    assert entry.event_data["refused"] == "account"


@pytest.mark.parametrize("account", [ACCOUNT, None])
@pytest.mark.parametrize("started_with", [ACCOUNT, None])
def test_older_payments_and_callbacks_are_the_default_accounts(account: UUID | None, started_with: UUID | None) -> None:
    worker = WorkerOnFakes()
    payment = a_payment(status=S.PROCESSING, provider_transaction_id="P1", provider_config_id=started_with)
    worker.books.put(payment)
    report = PaymentReported(transaction_id=payment.id, reference="P1", amount=payment.amount, outcome=DONE)

    worker.handle(worker.receive(report, account=account))

    assert worker.books.payment(payment).status is S.COMPLETED


def _told(**changes: object) -> MoneyReceived:
    told = MoneyReceived(
        reference="R1",
        amount=Money(90_000, "KES"),
        till="77",
        account="x",
        customer=Customer(phone="+254700000000"),
        received_at=NOON,
    )
    return replace(told, **changes)  # type: ignore[arg-type] # by name


def _with_own_account() -> WorkerOnFakes:
    worker = WorkerOnFakes()
    worker.books.do(lambda work: work.accounts.ensure_merchant(MERCHANT, "Ours", NOON))
    worker.books.do(lambda work: work.provider_configs.save(an_account(id=OWN, merchant_id=MERCHANT), NOON))
    return worker


def test_every_till_of_a_merchants_account_is_theirs() -> None:
    worker = _with_own_account()

    worker.handle(worker.receive(_told(), account=OWN))

    (payment,) = worker.books.database.committed.transactions.values()
    assert (payment.merchant_id, payment.provider_config_id, payment.status) == (MERCHANT, OWN, S.COMPLETED)


def test_money_at_a_merchants_account_is_none_of_a_payment_that_waits_at_another() -> None:
    worker = _with_own_account()
    waiting = a_payment(status=S.PROCESSING, amount=Money(90_000, "KES"), provider_config_id=ACCOUNT)
    worker.books.put(waiting)

    worker.handle(worker.receive(_told(account=waiting.id.hex[-12:].upper()), account=OWN))

    assert worker.books.payment(waiting).status is S.PROCESSING


def test_money_that_another_account_has_taken_in_is_refused() -> None:
    worker = _with_own_account()
    taken = a_payment(
        status=S.COMPLETED, amount=Money(90_000, "KES"), provider_transaction_id="R1", provider_config_id=ACCOUNT
    )
    worker.books.put(taken)

    message = worker.receive(_told(), account=OWN)
    worker.handle(message)

    assert worker.event(message).result == "refused: account"
