"""A payment that is called off on its way: the provider lets go of it, and has taken nothing but what it says."""

import httpx2

from tests.e2e.journey import Json, System


def _theirs(system: System, payment_id: str) -> str:
    """The status that the provider itself has for our payment."""
    ledger = httpx2.get(f"{system.environment['SIMULATOR_URL']}/_admin/ledger", trust_env=False).json()
    (status,) = [each["status"] for each in ledger["payments"] if each["merchant_reference"] == payment_id]
    return str(status)


def _reserved(system: System) -> str:
    answer = system.merchant.initialize("1000.00", capture_method="manual")
    payment_id: str = answer.json()["id"]
    system.merchant.wait(payment_id, lambda payment: payment["status"] == "authorized")
    return payment_id


def _operations(payment: Json) -> set[str]:
    return {attempt["operation"] for attempt in payment["attempts"]}


def test_what_is_reserved_is_released_and_nothing_captured(system: System) -> None:
    payment_id = _reserved(system)

    answer = system.merchant.cancel(payment_id, prefer="wait=20")

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled"), answer.text
    assert answer.json()["failure"]["code"] == "cancelled_by_merchant"
    done = system.merchant.payment(payment_id)
    assert "payment.cancel" in _operations(done)
    assert (system.captured(payment_id).captured, _theirs(system, payment_id)) == (0, "cancelled")
    refused = system.merchant.capture(payment_id, "1.00")
    assert (refused.status_code, refused.json()["code"]) == (409, "capture_not_possible")


def test_what_waits_for_its_customer_is_withdrawn(system: System) -> None:
    payment_id = system.merchant.pay(scenario="never_resolves")["id"]
    system.merchant.wait(payment_id, lambda payment: payment["provider_transaction_id"] is not None)

    answer = system.merchant.cancel(payment_id)

    assert answer.status_code == 202, answer.text
    done = system.merchant.finished(payment_id)
    assert (done["status"], done["safe_to_retry"]) == ("cancelled", True)
    assert (system.captured(payment_id).captured, _theirs(system, payment_id)) == (0, "cancelled")
    assert [each["event_type"] for each in done["audit_trail"]].count("payment.cancelled") == 1


def test_what_was_captured_before_stays_taken(system: System) -> None:
    payment_id = _reserved(system)
    assert system.merchant.capture(payment_id, "300.00", final=False).status_code == 202
    system.merchant.wait(payment_id, lambda payment: payment["amount_captured"] == "300.00")

    system.merchant.cancel(payment_id)

    done = system.merchant.finished(payment_id)
    assert (done["status"], done["amount_captured"], done["late"]) == ("completed", "300.00", False)
    assert (system.captured(payment_id).captured, _theirs(system, payment_id)) == (30_000, "succeeded")


def test_what_is_taken_is_too_late_to_cancel(system: System) -> None:
    payment_id = system.merchant.pay()["id"]
    system.merchant.finished(payment_id)

    answer = system.merchant.cancel(payment_id)

    assert (answer.status_code, answer.json()["code"]) == (409, "cancel_not_possible")
    assert system.captured(payment_id).captured == 100_000
