"""Audits what was asked of the API, by whom and with what result; never a body, a secret or an answer's content."""

import json
import re

import structlog
from flask import Response, g, request

from services.api.auth import PUBLIC_BLUEPRINTS
from services.api.routes.caller import stranger
from services.api.use_cases.ids import uuid_of
from shared.application.audit_writer import Offer
from shared.domain.ids import MerchantId, TransactionId
from shared.persistence.audit_entry import AuditEntry
from shared.runtime.access_tokens import Principal
from shared.runtime.allowance import Allowance
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id
from shared.runtime.metrics import AUDIT_DROPPED
from shared.runtime.redaction import HIDDEN

REFUSED = frozenset({401, 403, 409, 422, 429})

# Asked every second by whoever balances our load.
_NOT_AUDITED = frozenset({"operations.health"})

_KEY = re.compile(r'"?[0-9a-fA-F-]{36}"?')
_OUR_KEY_ID = re.compile(r"(gwk_[A-Za-z0-9]{1,6})\w*")

log = structlog.get_logger()


class CallAudit:
    """Entries go to ``offer``, behind the request. Strangers, who have signed in as nobody, get a bounded number."""

    def __init__(self, offer: Offer, clock: Clock, *, reads: bool, strangers: Allowance) -> None:
        self._offer, self._clock, self._reads, self._strangers = offer, clock, reads, strangers

    def called(self, response: Response, milliseconds: int) -> None:
        """A request has been answered."""
        if not self._is_audited(response.status_code):
            return
        try:
            self._add("api.called", _described(response, milliseconds), g.get("principal"), _transaction(response))
        except Exception as error:  # noqa: BLE001 - the answer stands: what is only told must not undo what was done
            AUDIT_DROPPED.labels(reason="refused").inc()
            log.warning("audit.call_not_described", reason=type(error).__name__)

    def signed_in(self, principal: Principal, method: str) -> None:
        self._add("auth.signed_in", {"method": method, "role": principal.role}, principal)

    def sign_in_refused(self, method: str, name: str) -> None:
        """``name`` is what was given as key id or address: anything may have been typed there."""
        self._add("auth.refused", {"method": method, "name": _masked(name)}, None)

    def _is_audited(self, status: int) -> bool:
        if request.endpoint is None or request.endpoint in _NOT_AUDITED or request.blueprint in PUBLIC_BLUEPRINTS:
            return False
        if request.method == "OPTIONS":
            return False
        return self._reads or request.method not in {"GET", "HEAD"} or status in REFUSED

    def _add(
        self,
        event_type: str,
        details: dict[str, object],
        principal: Principal | None,
        transaction: TransactionId | None = None,
    ) -> None:
        if principal is None and not self._strangers.take():
            AUDIT_DROPPED.labels(reason="too_many").inc()
            return
        who = stranger()
        merchant = None if principal is None else principal.merchant_id
        self._offer(
            AuditEntry(
                id=new_id(),
                event_type=event_type,
                timestamp=self._clock.now(),
                merchant_id=None if merchant is None else MerchantId(merchant),
                transaction_id=transaction,
                event_data=details,
                user_id=None if principal is None else str(principal.user_id),
                ip_address=who.ip_address,
                user_agent=who.user_agent,
                request_id=who.request_id,
            )
        )


def _described(response: Response, milliseconds: int) -> dict[str, object]:
    asked_for = (request.view_args or {}).get("transaction_id")
    payout = (request.view_args or {}).get("payout_id")
    key = request.headers.get("Idempotency-Key")
    facts: dict[str, object | None] = {
        "method": request.method,
        "route": str(request.url_rule),
        "status": response.status_code,
        "milliseconds": milliseconds,
        "idempotency_key": None if key is None else key if _KEY.fullmatch(key) else HIDDEN,
        "replayed": True if "Idempotent-Replayed" in response.headers else None,
        "transaction_id": None if asked_for is None else str(_id(asked_for) or HIDDEN),
        "asked_for_payout": None if payout is None else str(_id(payout) or HIDDEN),
        "payout_id": _payout(response),
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def _transaction(response: Response) -> TransactionId | None:
    """The payment that the call was accepted for; of a read or a refusal it is only a detail, if it exists at all."""
    if request.method != "POST" or response.status_code >= 300:
        return None
    if "transaction_id" in (request.view_args or {}):
        return _id((request.view_args or {})["transaction_id"])
    return _id(json.loads(response.get_data())["id"]) if request.endpoint == "payments.initialize_payment" else None


def _payout(response: Response) -> str | None:
    """The payout that the call was accepted for: by this name the entry belongs to its trail."""
    if request.endpoint != "payouts.send_payout" or response.status_code >= 300:
        return None
    return str(_id(json.loads(response.get_data())["id"]))


def _id(text: object) -> TransactionId | None:
    found = uuid_of(str(text))
    return None if found is None else TransactionId(found)


def _masked(name: str) -> str:
    """``v…@gateway.example``, ``gwk_1a2b…``: enough to recognise, too little if it was a password."""
    if found := _OUR_KEY_ID.fullmatch(name):
        return f"{found[1]}…"
    local, at, domain = name.rpartition("@")
    return f"{local[:1]}…@{domain[:253]}" if local and at and "." in domain else HIDDEN
