"""Shows resources with what belongs to them, and puts whole resources in the place of ids where ``expand`` asks."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping

from pydantic import JsonValue

from shared.providers.stripe.simulator import books, resources
from shared.providers.stripe.simulator.exchange import Json, invalid
from shared.providers.stripe.simulator.rows import Charge, Dispute, Intent, Method, Refund, Resource, Transaction

MOST_DEPTH = 4
# What nobody has, and what an id may become.
_EXPANDABLE = """
    latest_charge balance_transaction failure_balance_transaction payment_intent charge payment_method source
    customer refunds review application on_behalf_of
"""
EXPANDABLE = frozenset(_EXPANDABLE.split())

KINDS: Mapping[str, type[Resource]] = {
    "pi": Intent,
    "ch": Charge,
    "py": Charge,
    "re": Refund,
    "pyr": Refund,
    "txn": Transaction,
    "pm": Method,
    "du": Dispute,
}


class Showing:
    """``livemode`` is shown on every resource."""

    def __init__(self, connection: sqlite3.Connection, *, livemode: bool) -> None:
        self._connection = connection
        self._livemode = livemode

    def show(self, row: Resource) -> Json:
        """As Stripe shows it."""
        show: Callable[[Resource], Json] = getattr(self, f"_{row.kind}")
        return show(row)

    def expanded(self, body: Json, paths: Iterable[str]) -> Json:
        """With whole resources in the place of ids.

        Raises:
            Refused: 400, there is nothing to expand at a path.
        """
        for path in paths:
            parts = path.split(".")
            if len(parts) > MOST_DEPTH:
                raise invalid(f"You cannot expand more than {MOST_DEPTH} levels of a property. Property: {path}")
            self._expand(body, parts, path)
        return body

    def _expand(self, body: Json, parts: list[str], path: str) -> None:
        name, *rest = parts
        if name == "data" and body.get("object") in ("list", "search_result"):
            self._expand_all(body, rest, path)
            return
        if name == "refunds" and body.get("object") == "charge":
            body[name] = self._refunds_of(str(body["id"]))
        if name not in body or (name not in EXPANDABLE and not isinstance(body[name], dict)):
            raise invalid(
                f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' instead."
                if body.get("object") == "list"
                else f"This property cannot be expanded ({path})."
            )
        below = self._below(body, name)
        if rest and below is not None:
            self._expand(below, rest, path)

    def _expand_all(self, body: Json, rest: list[str], path: str) -> None:
        items = body["data"]
        assert isinstance(items, list)
        for item in items:
            if rest and isinstance(item, dict):
                self._expand(item, rest, path)

    def _below(self, body: Json, name: str) -> Json | None:
        value = body[name]
        if isinstance(value, str):
            kind = KINDS.get(value.partition("_")[0])
            found = books.find(self._connection, kind, value) if kind else None
            value = self.show(found) if found else value
            body[name] = value
        return value if isinstance(value, dict) else None

    def _refunds_of(self, charge_id: str) -> Json:
        refunds = books.of_charge(self._connection, Refund, charge_id)
        shown: list[JsonValue] = [self.show(row) for row in reversed(refunds)]
        return {"object": "list", "data": shown, "has_more": False, "url": f"/v1/charges/{charge_id}/refunds"}

    def _payment_intent(self, row: Intent) -> Json:
        return resources.intent_json(row, livemode=self._livemode)

    def _charge(self, row: Charge) -> Json:
        method = books.find(self._connection, Method, row.payment_method)
        assert method is not None
        return resources.charge_json(row, method, livemode=self._livemode)

    def _payment_method(self, row: Method) -> Json:
        return resources.method_json(row, livemode=self._livemode)

    def _refund(self, row: Refund) -> Json:
        return resources.refund_json(row)

    def _dispute(self, row: Dispute) -> Json:
        found = [books.find(self._connection, Transaction, each) for each in row.transactions]
        lines: list[JsonValue] = [self.show(line) for line in found if line]
        return resources.dispute_json(row, lines, livemode=self._livemode)

    def _balance_transaction(self, row: Transaction) -> Json:
        return resources.transaction_json(row)
