"""What a provider answers that somebody must look at is counted, whatever becomes of the money."""

import pytest
from prometheus_client import REGISTRY

from shared.domain.outcome import Declined, InDoubt, NotSent, Outcome, Pending, Succeeded
from shared.domain.transaction_status import TransactionStatus
from tests.fakes.books import Books
from tests.fakes.makers import a_context, a_payment, a_refund

ODD = {"alert": "unknown_code"}


def _count(provider: str) -> float:
    labels = {"provider": provider, "alert": "unknown_code"}
    return REGISTRY.get_sample_value("gateway_provider_alerts_total", labels) or 0.0


@pytest.mark.parametrize(
    ("outcome", "counted"),
    [
        (Pending(reference="P1", answer=ODD), 1),
        (InDoubt(reason="?", answer=ODD), 1),
        (Declined(code="declined", answer=ODD), 1),
        (Succeeded(reference="P1", answer=ODD), 1),
        (Succeeded(reference="P1", answer={"code": "0"}), 0),
        (NotSent(reason="refused"), 0),
    ],
)
def test_an_alert_is_counted_by_provider_and_kind(outcome: Outcome, counted: int) -> None:
    books, payment = Books(), a_payment(status=TransactionStatus.PROCESSING)
    books.put(payment)
    before = _count(payment.provider)

    books.apply(payment, outcome, context=a_context())

    assert _count(payment.provider) - before == counted


def test_an_alert_about_a_refund_is_counted_too() -> None:
    books, payment = Books(), a_payment(status=TransactionStatus.COMPLETED)
    refund = a_refund(payment)
    books.put(payment, refund)
    before = _count(payment.provider)

    books.apply(refund, InDoubt(reason="?", answer=ODD), context=a_context())

    assert _count(payment.provider) - before == 1
