"""What a believed callback says, in our words, and only if it is about what was asked for."""

import re
from collections.abc import Mapping
from datetime import UTC
from uuid import UUID

from shared.domain.customer import Customer
from shared.domain.errors import WebhookRejected
from shared.domain.ids import PayoutId, RefundId, TransactionId
from shared.domain.money import Money
from shared.domain.outcome import InDoubt, Outcome, Succeeded
from shared.provider_kit.provider import (
    MoneyReceived,
    NothingReported,
    PaymentReported,
    PayoutReported,
    ProviderReport,
    RefundReported,
)
from shared.provider_kit.webhooks import shaped
from shared.providers.mpesa.balance import balances_in
from shared.providers.mpesa.callback_paths import CallbackPaths, Purpose
from shared.providers.mpesa.config import CURRENCY, PHONE, MpesaConfig
from shared.providers.mpesa.credentials import moment_of
from shared.providers.mpesa.outcomes import (
    B2C_RESULTS,
    REVERSAL_RESULTS,
    STK_RESULTS,
    TRANSACTION_STATUSES,
    Alert,
    Said,
    alerted,
    outcome_of_result,
)
from shared.providers.mpesa.reading import money_of
from shared.providers.mpesa.webhooks import TIMEOUTS, Kept, result_in
from shared.providers.mpesa.wire import MAX_TEXT_CHARACTERS, CommandResult, ResultNews, StkNews, TillPayment

P = Purpose

WHOLE_PHONE = re.compile(r"254[0-9]{9}")
RECEIPT = re.compile(r"[A-Z0-9]{6,30}")
ALREADY_REVERSED = "R000001"
DONE = "0"

# Whose result it is, whichever of the three ways it comes.
REVERSALS = frozenset({P.REVERSAL, P.REVERSAL_STATUS, P.REVERSAL_TIMEOUT})
STATUSES = frozenset({P.REVERSAL_STATUS, P.REFUND_STATUS, P.PAYOUT_STATUS})
SILENT = frozenset({P.C2B_CHECK, P.STATUS_TIMEOUT, P.PULL})
PAYOUTS = frozenset({P.PAYOUT, P.PAYOUT_STATUS, P.PAYOUT_TIMEOUT})


class Reports:
    """Reads callbacks of one configuration."""

    def __init__(self, config: MpesaConfig, paths: CallbackPaths) -> None:
        self._shortcodes, self._paths = config.shortcodes, paths

    def report_of(self, payload: Mapping[str, object]) -> ProviderReport:
        """What a stored callback says.

        Raises:
            WebhookRejected: it lacks what its address is for.
        """
        kept = shaped(Kept, payload)
        if kept.purpose is P.STK:
            return self._payment(kept)
        if kept.purpose is P.C2B_CONFIRM:
            return self._money_received(kept)
        if kept.purpose in SILENT:
            return NothingReported(reason=kept.purpose.value)
        if kept.purpose is P.BALANCE:
            return _balances(shaped(ResultNews, kept.body).result)
        if kept.purpose in TIMEOUTS:
            return _timeout(kept)
        return self._movement(kept)

    def _payment(self, kept: Kept) -> PaymentReported:
        callback = shaped(StkNews, kept.body).body.callback
        said = Said(
            code=callback.result_code,
            description=callback.result_description,
            reference=callback.checkout_request_id,
            receipt=_receipt(callback.value("MpesaReceiptNumber")),
            answer={
                "CheckoutRequestID": callback.checkout_request_id,
                "TransactionDate": callback.value("TransactionDate"),
            },
        )
        outcome, amount = outcome_of_result(STK_RESULTS, said), _asked(kept)
        if isinstance(outcome, Succeeded):
            stated = money_of(callback.value("Amount"))
            outcome = self._checked(outcome, stated, kept.note, msisdn_in(callback.value("PhoneNumber")))
            amount = stated or amount
        return PaymentReported(
            transaction_id=TransactionId(_our_id(kept)),
            reference=callback.checkout_request_id,
            amount=amount,
            outcome=outcome,
        )

    def _movement(self, kept: Kept) -> ProviderReport:
        result = shaped(ResultNews, kept.body).result
        if kept.purpose in STATUSES:
            return self._status(kept, result)
        table = REVERSAL_RESULTS if kept.purpose in REVERSALS else B2C_RESULTS
        reference = _reference(kept, result)
        outcome, amount = outcome_of_result(table, _said(result, result.code, reference)), _asked(kept)
        if isinstance(outcome, Succeeded) and result.code != ALREADY_REVERSED:
            stated = money_of(result.value("Amount") or result.value("TransactionAmount"))
            back = result.value("OriginalTransactionID") or msisdn_in(result.value("ReceiverPartyPublicName"))
            outcome = self._checked(outcome, stated, kept.note, back)
            amount = stated or amount
        return _report(kept, reference, amount, outcome)

    def _status(self, kept: Kept, result: CommandResult) -> ProviderReport:
        """What a question about a transaction found; that it found nothing proves nothing."""
        status, reference = result.value("TransactionStatus"), _reference(kept, result)
        if result.code != DONE or status is None:
            return NothingReported(reason=f"asked for the status: {result.code}")
        outcome, stated = outcome_of_result(TRANSACTION_STATUSES, _said(result, status, reference)), None
        if isinstance(outcome, Succeeded):
            stated = money_of(result.value("Amount"))
            outcome = self._checked(outcome, stated, None, None)
        return _report(kept, reference, stated or _asked(kept), outcome)

    def _checked(
        self, told: Succeeded, stated: Money | None, note: str | None, back: str | None
    ) -> Succeeded | InDoubt:
        """A success that says how much, and names nobody else; otherwise the schedule asks what is true."""
        if stated is None:
            return InDoubt(reason="a success without an amount", answer=alerted(told.answer, Alert.UNEXPECTED))
        if note and back and not self._paths.is_marked(note, back):
            return InDoubt(reason="a success about somebody else", answer=alerted(told.answer, Alert.UNEXPECTED))
        return told

    def _money_received(self, kept: Kept) -> MoneyReceived:
        paid = shaped(TillPayment, kept.body)
        amount = money_of(paid.amount)
        if amount is None:
            raise WebhookRejected("amount")
        if paid.shortcode not in {kept.subject, *self._shortcodes}:
            raise WebhookRejected("shortcode")
        return MoneyReceived(
            reference=paid.transaction_id,
            amount=amount,
            till=paid.shortcode,
            account=paid.account,
            customer=Customer(phone=_phone(paid.msisdn)),
            received_at=moment_of(paid.transaction_time) or kept.received_at.astimezone(UTC),
            is_receipt=True,
            answer={"TransID": paid.transaction_id, "TransTime": paid.transaction_time, "TransactionType": paid.kind},
        )


def _balances(result: CommandResult) -> NothingReported:
    """For whoever has asked: it stands beside the stored callback."""
    listed = [f"{each.account} {CURRENCY} {each.amount}" for each in balances_in(result.value("AccountBalance"))]
    return NothingReported(reason=f"balances: {', '.join(listed) or result.code}"[:MAX_TEXT_CHARACTERS])


def _timeout(kept: Kept) -> ProviderReport:
    """It waited too long in their queue: that says nothing of the money."""
    result = result_in(kept.body)
    reference = _reference(kept, result) if result else ""
    if kept.purpose in REVERSALS and not reference:
        return NothingReported(reason="a queue time-out without a result")
    return _report(kept, reference or kept.subject, _asked(kept), InDoubt(reason="their queue timed out"))


def _report(kept: Kept, reference: str, amount: Money, outcome: Outcome) -> RefundReported | PayoutReported:
    if kept.purpose in PAYOUTS:
        return PayoutReported(payout_id=PayoutId(_our_id(kept)), reference=reference, amount=amount, outcome=outcome)
    return RefundReported(
        refund_id=RefundId(_our_id(kept)), reference=reference, payment_reference=None, amount=amount, outcome=outcome
    )


def _reference(kept: Kept, result: CommandResult) -> str:
    """What the request is known by: of a reversal their id of it, of money sent out the id that we gave it."""
    if kept.purpose is P.REVERSAL_STATUS:
        # The result's own ids are the question's; what was asked about stands in our path.
        return bytes.fromhex(kept.note).decode(errors="replace")
    return result.originator_conversation_id if kept.purpose in REVERSALS else kept.subject


def _said(result: CommandResult, code: str, reference: str) -> Said:
    receipt = _receipt(result.value("TransactionReceipt") or result.value("ReceiptNo") or result.transaction_id)
    return Said(
        code=code,
        description=result.description,
        reference=reference,
        receipt=receipt,
        answer={
            "OriginatorConversationID": result.originator_conversation_id,
            "ConversationID": result.conversation_id,
            "TransactionID": receipt,
        },
    )


def _asked(kept: Kept) -> Money:
    if kept.amount_minor is None:
        raise WebhookRejected("no amount in the path")
    return Money(kept.amount_minor, CURRENCY)


def _our_id(kept: Kept) -> UUID:
    try:
        return UUID(kept.subject)
    except ValueError:
        raise WebhookRejected("no id in the path") from None


def msisdn_in(text: str | None) -> str | None:
    """The whole number that ``254708374149 - TEST CUSTOMER`` begins with; masked and hashed ones are none."""
    number = (text or "").partition(" ")[0].removeprefix("+")
    return number if WHOLE_PHONE.fullmatch(number) else None


def _phone(msisdn: str) -> str | None:
    """In E.164, if it is a whole number."""
    whole = msisdn_in(msisdn)
    return f"+{whole}" if whole and PHONE.fullmatch(f"+{whole}") else None


def _receipt(text: str | None) -> str | None:
    return text if text and RECEIPT.fullmatch(text) else None
