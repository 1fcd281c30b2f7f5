"""M-Pesa as it behaves: whatever becomes of prompt, answer and callback, the money is taken once, or not at all."""

import secrets
from functools import partial

import pytest

from tests.e2e.journey import Json, System


def somebodys_phone() -> str:
    """Another one each time: M-Pesa asks one customer one thing at a time, and any Kenyan form will do."""
    return f"07{secrets.choice('12')}{secrets.randbelow(10)}{secrets.randbelow(900_000):06}"


def has_status(status: str, payment: Json) -> bool:
    return bool(payment["status"] == status)


def prompt(system: System, shillings: str) -> str:
    answer = system.merchant.initialize(shillings, provider="mpesa", customer={"phone": somebodys_phone()})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def paid(system: System, shillings: str = "1000") -> Json:
    payment_id = prompt(system, shillings)
    return system.merchant.wait(payment_id, lambda each: each["receipt"] is not None)


# the last three digits choose what M-Pesa does
PAID = {
    "1000": "succeeds",
    "1811": "callback twice",
    "1813": "callback lost",
    "1814": "callback before the answer",
    "1816": "callbacks out of order",
    "1819": "callback about another amount",
    "1916": "hangs after executing",
    "1917": "connection reset after executing",
    "1919": "answer cut off",
    "1921": "error after executing",
    "1929": "turned away twice",
    "1931": "token refused once",
}
NOT_PAID = {
    "1701": ("failed", "insufficient_funds"),
    "1720": ("failed", "wrong_pin"),
    "1732": ("cancelled", "cancelled_by_customer"),
    "1719": ("expired", "expired"),
}


@pytest.fixture(scope="module")
def prompts(system: System) -> dict[str, str]:
    """One of each, all at once: none may disturb another."""
    return {shillings: prompt(system, shillings) for shillings in (*PAID, *NOT_PAID)}


@pytest.mark.parametrize("shillings", PAID, ids=PAID.get)
def test_a_prompt_that_the_customer_pays_completes_and_is_sent_once(
    system: System, prompts: dict[str, str], shillings: str
) -> None:
    assert system.merchant.finished(prompts[shillings])["status"] == "completed"
    books = system.books("mpesa", prompts[shillings])
    assert (books.payments, books.captured) == (1, int(shillings) * 100)


@pytest.mark.parametrize("shillings", NOT_PAID)
def test_a_prompt_that_the_customer_does_not_pay_says_why(
    system: System, prompts: dict[str, str], shillings: str
) -> None:
    ended = system.merchant.finished(prompts[shillings])

    assert (ended["status"], ended["failure"]["code"]) == NOT_PAID[shillings]
    assert system.books("mpesa", prompts[shillings]).captured == 0


def test_shillings_are_whole(system: System) -> None:
    answer = system.merchant.initialize("10.50", provider="mpesa", customer={"phone": somebodys_phone()})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/amount"]


def test_a_part_is_refunded_by_a_payment_to_the_payer_and_all_of_it_by_a_reversal(system: System) -> None:
    in_part, whole = paid(system), paid(system)

    assert system.merchant.refund(in_part["id"], "400").status_code == 202
    assert system.merchant.refund(whole["id"], "1000").status_code == 202

    for payment, status, given_back in ((in_part, "partially_refunded", 40_000), (whole, "refunded", 100_000)):
        now = system.merchant.wait(payment["id"], partial(has_status, status))
        (refund,) = now["refunds"]
        back = max(system.books("mpesa", each).refunded for each in (payment["id"], refund["id"]))
        assert back == given_back


def test_a_receipt_belongs_to_one_payment(system: System) -> None:
    first, second = paid(system), paid(system)

    assert len({first["receipt"], second["receipt"]}) == 2


def test_a_payout_is_sent_once(system: System) -> None:
    answer = system.merchant.pay_out("500", provider="mpesa", recipient={"phone": somebodys_phone()})
    assert answer.status_code == 202, answer.text
    payout_id = answer.json()["id"]

    assert system.merchant.finished_payout(payout_id)["status"] == "succeeded"
    books = system.books("mpesa", payout_id)
    assert (books.payouts, books.paid_out) == (1, 50_000)


def test_a_callback_to_an_address_that_nobody_was_given_is_refused(system: System) -> None:
    payment_id = prompt(system, "1748")  # waits for its customer
    forged = {"Body": {"stkCallback": {"CheckoutRequestID": "ws_CO_1", "ResultCode": 0, "ResultDesc": "paid"}}}

    for path in ("mm", "mm/stk/x/y", f"mm/stk/{payment_id}/{'0' * 32}", f"mpesa/stk/{payment_id}/{'0' * 32}"):
        assert system.post_callback(path, forged).status_code == 401, path

    assert system.merchant.payment(payment_id)["status"] not in {"completed", "failed"}
