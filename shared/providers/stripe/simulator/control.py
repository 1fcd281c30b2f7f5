"""How Stripe, played, is driven by hand."""

from collections.abc import Mapping

from shared.provider_kit.control import ControlAct, ControlPlane, PlayedScenario
from shared.providers.stripe.simulator.scenarios import SCENARIOS

WHAT_HAPPENS: Mapping[str, str] = {
    "succeeds": "what the payment method does",
    "insufficient_funds": "402",
    "declined": "402, generic_decline",
    "processing_error": "402",
    "expired_card": "402",
    "unknown_decline_code": "402 with a code that is in no documentation",
    "unknown_status": "under_review, a status that is in no documentation, for ever",
    "requires_action": "3-D Secure",
    "processing_succeeds": "processing, then succeeded",
    "processing_fails": "processing, then requires_payment_method",
    "never_resolves": "processing for ever, no webhook",
    "webhook_twice": "each event is told twice",
    "webhook_two_ids": "each event is told under two ids",
    "webhook_out_of_order": "the result is told before what led to it",
    "webhook_lost": "no webhook; GET /v1/events?delivery_success=false has the events",
    "webhook_early": "told before the request is answered",
    "webhook_wrong_secret": "webhooks are forged",
    "webhook_stale": "webhooks are 10 minutes old",
    "webhook_other_amount": "webhooks tell amounts that are 1 too large",
    "webhook_future": "webhooks are 10 minutes ahead",
    "error_500_after_commit": "executed, then 500, which the key answers from now on",
    "hang_after_commit": "executed, then no answer for hang_seconds",
    "reset_after_commit": "executed, then a TCP reset",
    "error_500": "not executed; 500, which the key answers from now on",
    "unavailable_twice": "503 twice, nothing stored, then as 0000",
    "throttled_twice": "429 twice, then as 0000",
    "html": "executed, then HTML with 200",
    "empty": "executed, then an empty 200",
    "truncated": "executed, then half an answer",
    "webhook_unknown_type": "one event more, of a type that nobody knows",
    "refund_succeeds": "the refund is pending, then succeeded",
    "refund_fails": "the refund is pending, then failed",
    "refund_fails_late": "the refund is succeeded, then failed",
    "webhook_repeated": "each event is told five times",
    "webhook_unknown_reference": "webhooks tell of ids that nobody knows, without metadata",
    "refund_requires_action": "the refund waits for its customer",
    "webhook_thin_v2": "a thin v2 event comes beside the result",
    "webhook_old_version": "events of API version 2019-02-11, with the list of charges",
    "webhook_wrong_livemode": "events say livemode wrongly",
    "throttled_retry_twice": "429 with Stripe-Should-Retry: true twice, then as 0000",
    "lock_timeout_twice": "429 lock_timeout with Stripe-Should-Retry: true twice, then as 0000",
    "lock_timeout_409_twice": "409 lock_timeout twice, then as 0000",
    "error_500_at_the_gate": "500, not executed, nothing stored",
    "slow": "answers after 2 s; its key is in use meanwhile (409)",
    "dispute": "succeeds, and is disputed",
    "inquiry": "succeeds, and the bank asks",
}

ACTS: Mapping[str, ControlAct] = {
    "authenticate": ControlAct("payment_intents/{reference}/authenticate"),
    "fail_authentication": ControlAct("payment_intents/{reference}/fail_authentication"),
    "confirm": ControlAct("payment_intents/{reference}/confirm"),
    "settle": ControlAct("payment_intents/{reference}/settle", {"paid": True}),
    "fail_to_settle": ControlAct("payment_intents/{reference}/settle", {"paid": False}),
    "expire": ControlAct("payment_intents/{reference}/expire"),
    "refund": ControlAct("payment_intents/{reference}/refund"),
    "dispute": ControlAct("payment_intents/{reference}/dispute"),
    "win_dispute": ControlAct("disputes/{reference}/close", {"status": "won"}),
    "lose_dispute": ControlAct("disputes/{reference}/close", {"status": "lost"}),
    "refund_succeeds": ControlAct("refunds/{reference}/transition", {"status": "succeeded"}),
    "refund_fails": ControlAct("refunds/{reference}/transition", {"status": "failed"}),
}

CONTROL = ControlPlane(
    path="/stripe/_admin",
    scenarios=tuple(PlayedScenario(each.digits, each.name, WHAT_HAPPENS[each.name]) for each in SCENARIOS),
    acts=ACTS,
)
