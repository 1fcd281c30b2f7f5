"""The POSTs of Stripe's API: what each asks for, and what it does."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from shared.provider_kit.simulator import LedgerFile, Router
from shared.providers.stripe.simulator import asking, books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.charging import Attempt
from shared.providers.stripe.simulator.disputing import existing_dispute
from shared.providers.stripe.simulator.exchange import Reply, unrecognized
from shared.providers.stripe.simulator.form import decoded, digest_of
from shared.providers.stripe.simulator.lifecycle import Lifecycle
from shared.providers.stripe.simulator.params import Params, merged
from shared.providers.stripe.simulator.payments import existing_intent
from shared.providers.stripe.simulator.refunding import existing_refund
from shared.providers.stripe.simulator.rows import Charge, Intent, Resource
from shared.providers.stripe.simulator.scenarios import (
    BY_WORD,
    DEFAULT,
    RefundStatus,
    Scenario,
    scenario_of,
    scenario_of_step,
)
from shared.providers.stripe.simulator.showing import Showing

# What is made or changed, or the answer that says no although something has changed.
Made = Resource | Attempt
Work = Callable[[Act, Scenario | None], Made]

ONLY_EXPAND = frozenset({"expand"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``chosen``: the scenario that the request itself names. ``subject`` is what chaos knows it by; ``reference``
    the gateway's id of what is made.
    """

    work: Work
    chosen: Scenario | None = None
    subject: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A POST, understood; ``digest`` tells it from another with the same idempotency key."""

    route: str
    path: str
    digest: bytes
    expand: tuple[str, ...]
    wanted: Wanted

    def subject(self, key: str) -> str:
        return self.wanted.reference or self.wanted.subject or key

    def question(self, key: str) -> str:
        """What is asked, in words that are the same in every run with the same references."""
        return f"{self.route} {self.subject(key)}"


Understand = Callable[[Params, str], Wanted]


class Operations:
    """Reads POSTs; what they do is in the parts of ``Lifecycle``."""

    def __init__(self, file: LedgerFile, lifecycle: Lifecycle) -> None:
        self._file = file
        self._lifecycle = lifecycle
        routes: Mapping[str, Understand] = {
            "POST /v1/payment_intents": self._create,
            "POST /v1/payment_intents/{id}": self._update,
            "POST /v1/payment_intents/{id}/confirm": self._confirm,
            "POST /v1/payment_intents/{id}/capture": self._capture,
            "POST /v1/payment_intents/{id}/cancel": self._cancel,
            "POST /v1/payment_methods": self._method,
            "POST /v1/refunds": self._refund,
            "POST /v1/refunds/{id}": self._update_refund,
            "POST /v1/refunds/{id}/cancel": self._cancel_refund,
            "POST /v1/disputes/{id}/close": self._close_dispute,
        }
        self._routes = Router({route: (route, understand) for route, understand in routes.items()})

    def understand(self, path: str, body: bytes) -> Operation:
        """Read a POST.

        Raises:
            Refused: 404 no such path, 400 a parameter is missing, unknown or wrong.
        """
        found = self._routes.find("POST", path)
        if found is None:
            raise unrecognized("POST", path)
        (route, understand), placeholders = found
        tree = decoded(body)
        params = Params(tree)
        wanted = understand(params, placeholders.get("id", ""))
        digest = digest_of("POST", path, tree)
        return Operation(route=route, path=path, digest=digest, expand=params.texts("expand"), wanted=wanted)

    def _create(self, params: Params, _: str) -> Wanted:
        asked = asking.read_intent(params)
        return Wanted(
            work=lambda act, played: self._lifecycle.payments.create(act, asked, played or DEFAULT),
            chosen=scenario_of(asked.amount, asked.metadata.get("scenario")),
            reference=asked.metadata.get("gateway_payment_id"),
        )

    def _update(self, params: Params, intent_id: str) -> Wanted:
        asked = asking.read_update(params)
        return Wanted(
            work=lambda act, _: self._lifecycle.payments.update(act, existing_intent(act, intent_id), asked),
            subject=self._reference_of(intent_id),
        )

    def _confirm(self, params: Params, intent_id: str) -> Wanted:
        asked = asking.read_confirm(params)
        intent = self._intent(intent_id)
        return Wanted(
            work=lambda act, _: self._lifecycle.payments.confirm(act, existing_intent(act, intent_id), asked),
            chosen=BY_WORD[intent.scenario] if intent and intent.scenario != DEFAULT.name else None,
            subject=self._reference_of(intent_id),
        )

    def _capture(self, params: Params, intent_id: str) -> Wanted:
        asked = asking.read_capture(params)
        metadata = asked.metadata or {}
        return Wanted(
            work=lambda act, _: self._lifecycle.capturing.capture(act, existing_intent(act, intent_id), asked),
            chosen=scenario_of_step(asked.amount, metadata.get("scenario")),
            subject=self._reference_of(intent_id),
            reference=metadata.get("gateway_capture_id"),
        )

    def _cancel(self, params: Params, intent_id: str) -> Wanted:
        reason = asking.read_cancel(params)
        return Wanted(
            work=lambda act, _: self._lifecycle.capturing.cancel(act, existing_intent(act, intent_id), reason),
            subject=self._reference_of(intent_id),
        )

    def _method(self, params: Params, _: str) -> Wanted:
        params.check_known({"type", "card", "sepa_debit", "billing_details", "metadata", "expand"})
        asked = asking.read_method_details(params)
        return Wanted(work=lambda act, _: self._lifecycle.payments.method(act, asked))

    def _refund(self, params: Params, _: str) -> Wanted:
        asked = asking.read_refund(params)
        return Wanted(
            work=lambda act, played: self._lifecycle.refunding.create(act, asked, played),
            chosen=scenario_of_step(asked.amount, asked.metadata.get("scenario")),
            subject=self._reference_of(asked.intent_id or asked.charge_id or ""),
            reference=asked.metadata.get("gateway_refund_id"),
        )

    def _update_refund(self, params: Params, refund_id: str) -> Wanted:
        params.check_known({"metadata", "expand"})
        changes = params.metadata()

        def work(act: Act, _: Scenario | None) -> Made:
            refund = existing_refund(act, refund_id)
            return self._lifecycle.refunding.update(act, refund, merged(refund.metadata, changes))

        return Wanted(work=work, subject=refund_id)

    def _cancel_refund(self, params: Params, refund_id: str) -> Wanted:
        params.check_known(ONLY_EXPAND)
        refunding = self._lifecycle.refunding
        return Wanted(
            work=lambda act, _: refunding.move(act, existing_refund(act, refund_id), RefundStatus.CANCELED),
            subject=refund_id,
        )

    def _close_dispute(self, params: Params, dispute_id: str) -> Wanted:
        params.check_known(ONLY_EXPAND)
        return Wanted(
            work=lambda act, _: self._lifecycle.disputing.close(act, existing_dispute(act, dispute_id), "lost"),
            subject=dispute_id,
        )

    def _intent(self, intent_id: str) -> Intent | None:
        with self._file.reading() as connection:
            return books.find(connection, Intent, intent_id)

    def _reference_of(self, resource_id: str) -> str | None:
        """The gateway's id of the payment that this belongs to, else the id itself."""
        with self._file.reading() as connection:
            charge = books.find(connection, Charge, resource_id)
            intent = books.find(connection, Intent, charge.intent_id if charge else resource_id)
        return resource_id if intent is None else intent.metadata.get("gateway_payment_id", intent.id)


def reply_of(connection: sqlite3.Connection, made: Made, expand: tuple[str, ...], *, livemode: bool) -> Reply:
    """200 with what was made or changed; the card's no, if that is what came of it."""
    showing = Showing(connection, livemode=livemode)
    if not isinstance(made, Attempt):
        return Reply(status=200, body=showing.expanded(showing.show(made), expand))
    if made.refusal is not None:
        return made.refusal.to_reply()
    body: dict[str, JsonValue] = showing.show(made.intent)
    return Reply(status=200, body=showing.expanded(body, expand))
