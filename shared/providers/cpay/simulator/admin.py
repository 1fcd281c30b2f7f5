"""``/_admin``: the truth, for tests: what was really taken, and how the next answers go wrong."""

from collections import defaultdict
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, Router, SimulatedRequest, SimulatedResponse
from shared.providers.cpay.simulator import bookkeeping, ledger
from shared.providers.cpay.simulator.answering import SPOILING
from shared.providers.cpay.simulator.api import written
from shared.providers.cpay.simulator.exchange import (
    FaultAsked,
    Json,
    PaymentMoveAsked,
    RefundMoveAsked,
    Reply,
    invalid,
    json_of,
    not_found,
    read,
)
from shared.providers.cpay.simulator.ledger import PaymentRow, RefundRow
from shared.providers.cpay.simulator.lifecycle import Lifecycle, existing_payment, existing_refund
from shared.providers.cpay.simulator.resources import payment_json, refund_json
from shared.providers.cpay.simulator.scenarios import PaymentStatus, RefundStatus

Act = Callable[[JsonValue, Mapping[str, str]], Json]


class Admin:
    """Answers loopback only; to anybody else it is not there."""

    def __init__(self, file: LedgerFile, lifecycle: Lifecycle, callbacks: CallbackQueue) -> None:
        self._file = file
        self._lifecycle = lifecycle
        self._callbacks = callbacks
        self._routes: Router[Act] = Router(
            {
                "POST /_admin/reset": self._reset,
                "POST /_admin/payments/{id}/transition": self._move_payment,
                "POST /_admin/refunds/{id}/transition": self._move_refund,
                "POST /_admin/faults": self._arm,
                "GET /_admin/faults": self._faults,
                "GET /_admin/deliveries": self._deliveries,
                "GET /_admin/ledger": self._ledger,
            }
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        found = self._routes.find(request.method, request.path)
        if found is None or not request.from_loopback:
            raise not_found("path")
        act, placeholders = found
        return written(Reply(status=200, body=act(json_of(request.body), placeholders)))

    def _reset(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        self._file.forget_everything()
        return {}

    def _move_payment(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:
        asked = read(PaymentMoveAsked, parsed)
        with self._file.transaction() as connection:
            payment = existing_payment(connection, placeholders["id"])
            return payment_json(self._lifecycle.move_payment(connection, payment, asked.status, asked.failure_code))

    def _move_refund(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:
        asked = read(RefundMoveAsked, parsed)
        with self._file.transaction() as connection:
            refund = existing_refund(connection, placeholders["id"])
            return refund_json(self._lifecycle.move_refund(connection, refund, asked.status, asked.failure_code))

    def _arm(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:
        asked = read(FaultAsked, parsed)
        if asked.rule not in SPOILING:
            raise invalid(f"one of {', '.join(sorted(SPOILING))}", param="rule")
        with self._file.transaction() as connection:
            rule = bookkeeping.ArmedRule(method=asked.method, rule=asked.rule, remaining=asked.times)
            bookkeeping.arm(connection, rule)
        return self._faults(parsed, placeholders)

    def _faults(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            rules = bookkeeping.armed_rules(connection)
        return {"rules": [{"rule": rule.rule, "method": rule.method, "remaining": rule.remaining} for rule in rules]}

    def _deliveries(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        deliveries: list[JsonValue] = [*self._callbacks.everything()]
        return {"deliveries": deliveries}

    def _ledger(self, parsed: JsonValue, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            payments = ledger.all_payments(connection)
            refunds = {payment.id: ledger.refunds_of_payment(connection, payment.id) for payment in payments}
            keys = bookkeeping.keys_by_reference(connection)
        return {
            "payments": [{**payment_json(payment), **sums(payment, refunds[payment.id])} for payment in payments],
            "refunds": [refund_json(refund) for of_payment in refunds.values() for refund in of_payment],
            "by_reference": by_reference(payments, refunds, keys),
        }


def sums(payment: PaymentRow, refunds: list[RefundRow]) -> Json:
    """What was really taken and really given back, in minor units."""
    taken = payment.amount if payment.status is PaymentStatus.SUCCEEDED else 0
    given_back = sum(refund.amount for refund in refunds if refund.status is RefundStatus.SUCCEEDED)
    return {"captured_minor": taken, "refunded_minor": given_back}


def by_reference(
    payments: list[PaymentRow], refunds: Mapping[str, list[RefundRow]], keys: Mapping[str, list[str]]
) -> Json:
    """Per reference of the merchant's, of payments and of refunds, even if nothing came of it."""
    told: defaultdict[str, Json] = defaultdict(nothing_taken)
    for reference, arrived in keys.items():
        told[reference]["idempotency_keys"] = [*arrived]
    for payment in payments:
        told[payment.merchant_reference].update({"payments": 1, **sums(payment, refunds[payment.id])})
        for refund in refunds[payment.id]:
            if refund.merchant_reference is not None:
                given_back = refund.amount if refund.status is RefundStatus.SUCCEEDED else 0
                told[refund.merchant_reference].update({"refunds": 1, "refunded_minor": given_back})
    return {**told}


def nothing_taken() -> Json:
    return {"payments": 0, "refunds": 0, "captured_minor": 0, "refunded_minor": 0, "idempotency_keys": []}
