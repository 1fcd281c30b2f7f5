"""How CPay, played, is driven by hand."""

from collections.abc import Mapping

from shared.provider_kit.control import ControlAct, ControlPlane, PlayedScenario
from shared.providers.cpay.simulator.scenarios import SCENARIOS, MovementKind, MovementStatus

WHAT_HAPPENS: Mapping[str, str] = {
    "succeeds": "pending, then succeeded",
    "insufficient_funds": "failed",
    "declined": "declined at once (402)",
    "cancelled_by_user": "failed: the customer cancelled",
    "expired": "expired",
    "unknown_failure_code": "failed with a code that is in no documentation",
    "unknown_status": "a status that is in no documentation",
    "never_resolves": "pending for ever, no callback",
    "webhook_twice": "the result is told twice with one id",
    "webhook_two_ids": "the result is told with two ids",
    "webhook_out_of_order": "succeeded is told before pending",
    "webhook_lost": "no callback; a query shows succeeded",
    "webhook_early": "the result is told before the request is answered",
    "webhook_wrong_secret": "callbacks are forged",
    "webhook_stale": "callbacks are 10 minutes old",
    "webhook_other_amount": "callbacks tell another amount",
    "webhook_future": "callbacks are 10 minutes ahead",
    "error_500_after_commit": "executed, then 500",
    "hang_after_commit": "executed, then no answer for CPAY_HANG_SECONDS",
    "reset_after_commit": "executed, then a TCP reset",
    "error_500": "500, not executed",
    "unavailable_twice": "503 twice, then as 0000",
    "throttled_twice": "429 with Retry-After: 2 twice, then as 0000",
    "html": "executed, then HTML with 200",
    "empty": "executed, then an empty 200",
    "truncated": "executed, then half an answer",
    "webhook_unknown_type": "as 0000, and an event of an unknown type",
    "refund_succeeds": "the refund is pending, then succeeded",
    "refund_fails": "the refund fails",
    "refund_fails_late": "the refund succeeds, and fails later",
    "webhook_repeated": "everything is told five times",
    "webhook_unknown_reference": "callbacks tell of a payment that nobody knows",
}

ACTS: Mapping[str, ControlAct] = {
    "succeeds": ControlAct("payments/{reference}/transition", {"status": "succeeded"}),
    "fails": ControlAct("payments/{reference}/transition", {"status": "failed", "failure_code": "declined"}),
    "cancels": ControlAct("payments/{reference}/transition", {"status": "cancelled"}),
    "expires": ControlAct("payments/{reference}/transition", {"status": "expired"}),
    **{
        f"{kind}_{verb}": ControlAct(f"{kind}s/{{reference}}/transition", {"status": str(status)})
        for kind in MovementKind
        for verb, status in (("succeeds", MovementStatus.SUCCEEDED), ("fails", MovementStatus.FAILED))
    },
}

CONTROL = ControlPlane(
    path="/_admin",
    scenarios=tuple(PlayedScenario(each.digits, each.name, WHAT_HAPPENS[each.name]) for each in SCENARIOS),
    acts=ACTS,
    till_payments="till_payments",
)
