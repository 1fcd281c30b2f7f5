"""A payment that nobody asked for here: a customer pays at a till, and the provider tells."""

from dataclasses import replace

import pytest
import uuid_utils.compat as uuid_utils

from shared.domain.errors import WebhookRejected
from shared.domain.money import Money
from shared.provider_kit.provider import MoneyReceived, WebhookRequest
from tests.contract.providers.contract import TillPaymentCase
from tests.contract.providers.stage import Stage, until


@pytest.fixture
def case(stage: Stage) -> TillPaymentCase:
    if stage.contract.till_payment is None:
        pytest.skip(f"{stage.plugin.name} receives nothing unasked")
    return stage.contract.till_payment


def paid_at_till(stage: Stage, case: TillPaymentCase) -> tuple[str, WebhookRequest]:
    """What the customer typed as the account, and the callback about it."""
    account = uuid_utils.uuid7().hex[-12:].upper()
    asked = {"amount": case.amount_minor, "currency": case.currency, "till": case.till, "phone": case.phone}
    stage.client.post(stage.url + case.path, json={**asked, "account": account}).raise_for_status()
    told = until(lambda: _news(stage, account), bool)
    assert told
    return account, told[0]


def _news(stage: Stage, account: str) -> list[WebhookRequest]:
    """Without the questions whether it may be paid."""
    callbacks = stage.receiver.about(account)
    return [each for each in callbacks if not stage.adapter.verify_webhook(each).is_question]


def test_money_that_a_customer_sends_is_reported_with_its_till_account_and_payer(
    stage: Stage, case: TillPaymentCase
) -> None:
    account, callback = paid_at_till(stage, case)

    report = stage.adapter.handle_webhook(stage.adapter.verify_webhook(callback).payload)

    assert isinstance(report, MoneyReceived)
    told_phone = case.phone if case.told_phone == "all" else case.told_phone
    assert (report.till, report.account, report.customer.phone) == (case.till, account, told_phone)
    assert report.amount == Money(case.amount_minor, case.currency)
    assert report.reference
    assert report.received_at.utcoffset() is not None


def test_a_callback_about_received_money_that_was_tampered_with_is_not_believed(
    stage: Stage, case: TillPaymentCase
) -> None:
    stage.needs("signed_body")
    _, callback = paid_at_till(stage, case)

    with pytest.raises(WebhookRejected):
        stage.adapter.verify_webhook(replace(callback, body=callback.body.replace(b"9", b"8")))
