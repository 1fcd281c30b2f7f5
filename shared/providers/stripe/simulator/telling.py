"""Who is told what, when: events, the webhooks that carry them as the scenario wants, and their signatures."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from pydantic import JsonValue

from shared.provider_kit.simulator import CallbackQueue, Delivery
from shared.provider_kit.simulator.callbacks import EARLY_RESCUE_MS
from shared.providers.stripe.simulator import books
from shared.providers.stripe.simulator.act import Act
from shared.providers.stripe.simulator.exchange import Json, new_id, pretty, token
from shared.providers.stripe.simulator.rows import Charge, Intent, Resource
from shared.providers.stripe.simulator.scenarios import Telling
from shared.providers.stripe.simulator.settings import StripeSimulatorSettings
from shared.providers.stripe.simulator.showing import Showing

FOREIGN_SECRET = "whsec_forged_forged_forged_forged"  # noqa: S105 - that nobody is configured with
# Stripe adds a v0 signature in test mode, for receivers that must not look at it.
V0_SECRET = "whsec_v0_nobody_checks"  # noqa: S105 - see above

OLD_API_VERSION = "2019-02-11"
NEW_TYPE = "payment_intent.teleported"

# What the gateway waits for; all other events only lead there.
RESULTS = frozenset(
    {
        "payment_intent.succeeded",
        "payment_intent.payment_failed",
        "payment_intent.amount_capturable_updated",
        "payment_intent.canceled",
        "refund.created",
        "charge.dispute.created",
    }
)
COPIES: Mapping[Telling, int] = {Telling.TWICE: 2, Telling.REPEATED: 5, Telling.NEVER: 0}
TIME_SHIFTS: Mapping[str, timedelta] = {
    Telling.STALE: timedelta(minutes=-10),
    Telling.FUTURE: timedelta(minutes=10),
}
# By these a receiver finds what an event is about.
NAMES = ("id", "payment_intent", "charge", "latest_charge")


class Signer:
    """Signs each attempt anew, with every configured secret, the newest first; a v0 more in test mode."""

    def __init__(self, secrets: tuple[str, ...], *, livemode: bool) -> None:
        self._secrets = secrets
        self._livemode = livemode

    def __call__(self, delivery: Delivery, now: datetime) -> Mapping[str, str]:
        secrets = (FOREIGN_SECRET,) if delivery.variant == Telling.WRONG_SECRET else self._secrets
        at = int((now + TIME_SHIFTS.get(delivery.variant, timedelta(0))).timestamp())
        signatures = [f"v1={signature(secret, at, delivery.body)}" for secret in secrets]
        if not self._livemode:
            signatures.append(f"v0={signature(V0_SECRET, at, delivery.body)}")
        return {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "stripe-signature": ",".join([f"t={at}", *signatures]),
        }


def signature(secret: str, at: int, body: bytes) -> str:
    """The whole ``whsec_`` string is the key: nothing is decoded."""
    return hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something to tell about ``row``; ``previous`` is what changed of it, before."""

    type: str
    row: Resource
    telling: Telling
    previous: Json | None = None


class Teller:
    """Writes events, and the webhooks that carry them, into the transaction that made them true."""

    def __init__(self, settings: StripeSimulatorSettings, queue: CallbackQueue) -> None:
        self._settings = settings
        self._queue = queue

    def tell(self, act: Act, news: News) -> None:
        """Tell it as its telling wants."""
        event = self._event(act, news)
        self._send(act, event, news)
        if news.telling is Telling.TWO_IDS:
            self._send(act, {**event, "id": new_id("evt")}, news)
        if news.type not in RESULTS:
            return
        if news.telling is Telling.UNKNOWN_TYPE:
            self._send(act, {**event, "id": new_id("evt"), "type": NEW_TYPE}, news)
        if news.telling is Telling.THIN:
            self._send(act, thin_event(act, news), news, is_kept=False)

    def _event(self, act: Act, news: News) -> Json:
        snapshot = self._snapshot(act, news)
        told: Json = {"object": snapshot}
        if news.previous is not None:
            told["previous_attributes"] = news.previous
        is_old = news.telling is Telling.OLD_VERSION
        return {
            "id": new_id("evt"),
            "object": "event",
            "api_version": OLD_API_VERSION if is_old else self._settings.api_version,
            "created": act.now,
            "data": told,
            "livemode": self._settings.livemode != (news.telling is Telling.WRONG_LIVEMODE),
            "pending_webhooks": 1 if self._settings.callback_url else 0,
            "request": {"id": act.request_id, "idempotency_key": act.idempotency_key},
            "type": news.type,
        }

    def _snapshot(self, act: Act, news: News) -> Json:
        """The truth, unless the webhooks are to mislead."""
        showing = Showing(act.connection, livemode=self._settings.livemode)
        snapshot = showing.show(news.row)
        if news.telling is Telling.OLD_VERSION and isinstance(news.row, Intent):
            return as_before_2022(snapshot, act, news.row, showing)
        if news.telling is Telling.OTHER_AMOUNT:
            amounts = {name: value for name, value in snapshot.items() if name.startswith("amount") and value}
            return {**snapshot, **{name: value + 1 for name, value in amounts.items() if isinstance(value, int)}}
        if news.telling is Telling.UNKNOWN_REFERENCE:
            others: Json = {name: nobodys(snapshot[name]) for name in NAMES if snapshot.get(name)}
            return {**snapshot, **others, "metadata": {}}
        return snapshot

    def _send(self, act: Act, event: Json, news: News, *, is_kept: bool = True) -> None:
        body = pretty(event)
        if is_kept:
            books.insert_event(act.connection, event, body)
        if self._settings.callback_url is None:
            return
        is_early = news.telling is Telling.EARLY and act.request_id is not None
        for _ in range(COPIES.get(news.telling, 1)):
            delivery_id = self._queue.add(
                act.connection,
                event_id=str(event["id"]),
                url=self._settings.callback_url,
                body=body,
                due_at_ms=act.now_ms + self._hold_back_ms(news, is_early=is_early),
                variant=news.telling,
            )
            if is_early:
                act.early.append(delivery_id)

    def _hold_back_ms(self, news: News, *, is_early: bool) -> int:
        if news.telling is Telling.OUT_OF_ORDER and news.type not in RESULTS:
            return 2 * self._settings.delay_ms + 100  # until the result has been told
        return EARLY_RESCUE_MS if is_early else 0


def as_before_2022(snapshot: Json, act: Act, intent: Intent, showing: Showing) -> Json:
    """A PaymentIntent with its list of charges, as an endpoint with an old API version gets it."""
    charges: list[JsonValue] = [
        showing.show(charge) for charge in reversed(books.of_intent(act.connection, Charge, intent.id))
    ]
    listed: Json = {
        "object": "list",
        "data": charges[:1],
        "has_more": False,
        "total_count": len(charges[:1]),
        "url": f"/v1/charges?payment_intent={intent.id}",
    }
    known = {name: value for name, value in snapshot.items() if name != "latest_charge"}
    return {**known, "charges": listed}


def thin_event(act: Act, news: News) -> Json:
    """A v2 event: it names what it is about, and holds nothing of it."""
    at = datetime.fromtimestamp(act.now, UTC).isoformat().replace("+00:00", "Z")
    related: Json = {"id": news.row.id, "type": news.row.kind, "url": f"/v1/{news.row.kind}s/{news.row.id}"}
    return {
        "id": f"evt_test_{token(24)}",
        "object": "v2.core.event",
        "type": f"v1.{news.type}",
        "created": at,
        "livemode": False,
        "context": None,
        "reason": None,
        "related_object": related,
    }


def nobodys(name: JsonValue) -> str:
    """Another id of the same form, always the same for the same one, that nobody here has been given."""
    prefix = str(name).partition("_")[0]
    return f"{prefix}_3{uuid5(NAMESPACE_URL, json.dumps(name)).hex[:23]}"
