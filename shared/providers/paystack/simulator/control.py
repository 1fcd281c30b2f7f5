"""How Paystack, played, is driven by hand."""

from collections.abc import Mapping

from shared.provider_kit.control import ControlAct, ControlPlane, PlayedScenario
from shared.providers.paystack.simulator.scenarios import SCENARIOS

WHAT_HAPPENS: Mapping[str, str] = {
    "succeeds": "paid after PAYSTACK_DELAY_MS; a refund is processed after it",
    "insufficient_funds": "failed",
    "declined": "failed; on a phone at once (400)",
    "cancelled_by_user": "failed: the customer cancelled",
    "expired": "failed: timed out",
    "unknown_failure": "failed, with words that are in no table",
    "unknown_status": "a status that is in no documentation",
    "never_resolves": "undecided for ever",
    "webhook_twice": "the result is told twice",
    "webhook_out_of_order": "of a refund: processed is told before pending",
    "webhook_lost": "no callback; a query tells",
    "webhook_early": "the result is told before the request is answered",
    "webhook_wrong_key": "callbacks are forged",
    "webhook_other_amount": "callbacks tell another amount",
    "error_500_after_commit": "executed, then 500",
    "hang_after_commit": "executed, then no answer for PAYSTACK_HANG_SECONDS",
    "reset_after_commit": "executed, then a TCP reset",
    "error_500": "500, not executed",
    "throttled_twice": "429 twice, then as 0000",
    "html": "executed, then HTML with 200",
    "empty": "executed, then an empty 200",
    "truncated": "executed, then half an answer",
    "webhook_unknown_type": "as 0000, and an event of an unknown type",
    "refund_fails": "the refund fails",
    "refund_fails_late": "the refund is processed, and fails later",
    "webhook_repeated": "everything is told five times",
    "webhook_unknown_reference": "callbacks tell of a payment that nobody knows",
    "refund_in_steps": "pending, processing, processed, each of them told",
    "refund_needs_attention": "the refund waits for a bank account",
    "refund_unnamed": "callbacks do not say which refund they are about",
}

CONTROL = ControlPlane(
    path="/paystack/_admin",
    scenarios=tuple(PlayedScenario(each.digits, each.name, WHAT_HAPPENS[each.name]) for each in SCENARIOS),
    acts={
        "pays": ControlAct("transactions/{reference}/transition", {"status": "success"}),
        "fails": ControlAct("transactions/{reference}/transition", {"status": "failed"}),
        "refund_is_processed": ControlAct("refunds/{reference}/transition", {"status": "processed"}),
        "refund_fails": ControlAct("refunds/{reference}/transition", {"status": "failed"}),
    },
)
