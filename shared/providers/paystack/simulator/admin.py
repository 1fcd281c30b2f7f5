"""``/_admin``: the truth, for tests: what was really taken, and how the next answers go wrong."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping

from pydantic import JsonValue

from shared.provider_kit.simulator import CallbackQueue, LedgerFile, Router, SimulatedRequest, SimulatedResponse
from shared.provider_kit.simulator.fault_rules import ArmedRule, FaultRules
from shared.providers.paystack.simulator import books
from shared.providers.paystack.simulator.exchange import (
    FaultAsked,
    Json,
    RefundMoveAsked,
    TransactionMoveAsked,
    not_found,
    plain,
    read,
)
from shared.providers.paystack.simulator.payments import Payments
from shared.providers.paystack.simulator.refunds import Refunds
from shared.providers.paystack.simulator.resources import transaction_json

Act = Callable[[SimulatedRequest, Mapping[str, str]], Json]

# Per name of ours: the payment that was made with it, and what was given back of it, or with it as a refund's own.
BY_REFERENCE = """
SELECT reference AS name, 1 AS payments, 0 AS refunds,
    CASE WHEN status IN ('success', 'reversed') THEN amount ELSE 0 END AS captured_minor,
    (SELECT coalesce(sum(r.amount), 0) FROM refunds r WHERE r.transaction_id = t.id AND r.status = 'processed')
        AS refunded_minor
FROM transactions t {of_payments}
UNION ALL SELECT merchants_id, 0, count(*), 0, coalesce(sum(amount) FILTER (WHERE status = 'processed'), 0)
FROM refunds WHERE {of_refunds} GROUP BY merchants_id
"""
EVERYTHING = {"of_payments": "", "of_refunds": "merchants_id IS NOT NULL"}
ONE_NAME = {"of_payments": "WHERE reference = :name", "of_refunds": "merchants_id = :name"}
NUMBERS = ("payments", "captures", "refunds", "payouts", "captured_minor", "refunded_minor", "paid_out_minor")


class Admin:
    """Answers loopback only; to anybody else it is not there."""

    def __init__(
        self, file: LedgerFile, payments: Payments, refunds: Refunds, callbacks: CallbackQueue, rules: FaultRules
    ) -> None:
        self._file = file
        self._payments = payments
        self._refunds = refunds
        self._callbacks = callbacks
        self._rules = rules
        self._routes: Router[Act] = Router(
            {
                "GET /paystack/_admin/ledger": self._ledger,
                "GET /paystack/_admin/deliveries": self._deliveries,
                "GET /paystack/_admin/faults": self._faults,
                "POST /paystack/_admin/faults": self._arm,
                "POST /paystack/_admin/transactions/{reference}/transition": self._move_transaction,
                "POST /paystack/_admin/refunds/{id}/transition": self._move_refund,
                "POST /paystack/_admin/reset": self._reset,
            }
        )

    def respond(self, request: SimulatedRequest) -> SimulatedResponse:
        found = self._routes.find(request.method, request.path)
        if found is None or not request.from_loopback:
            raise not_found("Path")
        act, placeholders = found
        return plain(act(request, placeholders))

    def _ledger(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        with self._file.reading() as connection:
            return {"by_reference": by_reference(connection, request.query.get("reference"))}

    def _deliveries(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        deliveries: list[JsonValue] = [*self._callbacks.everything()]
        return {"deliveries": deliveries}

    def _faults(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        rules = self._rules.armed()
        return {"rules": [{"rule": rule.rule, "method": rule.target, "remaining": rule.remaining} for rule in rules]}

    def _arm(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:
        wanted = read(FaultAsked, request.body)
        self._rules.arm(ArmedRule(target=wanted.method, rule=wanted.rule, remaining=wanted.times))
        return self._faults(request, placeholders)

    def _move_transaction(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:
        wanted = read(TransactionMoveAsked, request.body)
        with self._file.transaction() as connection:
            row = books.transaction_where(connection, "reference", placeholders["reference"])
            if row is None:
                raise not_found("Transaction")
            return transaction_json(self._payments.move(connection, row, wanted.status, wanted.gateway_response))

    def _move_refund(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:
        wanted = read(RefundMoveAsked, request.body)
        number = placeholders["id"]
        with self._file.transaction() as connection:
            row = books.refund_with_id(connection, int(number)) if number.isdigit() else None
            if row is None:
                raise not_found("Refund")
            moved = self._refunds.move(connection, row, wanted.status)
        return {"id": moved.id, "status": moved.status}

    def _reset(self, request: SimulatedRequest, placeholders: Mapping[str, str]) -> Json:  # noqa: ARG002 - as all routes
        self._file.forget_everything()
        return {}


def by_reference(connection: sqlite3.Connection, name: str | None) -> Json:
    """The numbers per name of ours; Paystack is sent no idempotency keys."""
    sums: defaultdict[str, dict[str, JsonValue]] = defaultdict(lambda: dict.fromkeys(NUMBERS, 0))
    conditions = EVERYTHING if name is None else ONE_NAME
    for row in connection.execute(BY_REFERENCE.format(**conditions), {"name": name}):
        found = dict(row)
        sums[found.pop("name")].update(found)
    return {known: {**numbers, "idempotency_keys": []} for known, numbers in sums.items()}
