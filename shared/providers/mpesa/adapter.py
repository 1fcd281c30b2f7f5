"""M-Pesa as a ``PaymentProvider``: asks over HTTP, and turns every answer and every silence into an outcome."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.customer import Customer
from shared.domain.failure import FailureCode
from shared.domain.ids import short_reference
from shared.domain.money import Money
from shared.domain.outcome import Declined, InDoubt, Outcome, Succeeded
from shared.domain.transaction import CaptureMethod
from shared.provider_kit.plugin import ProviderConfig, ProviderTools
from shared.provider_kit.provider import (
    CredentialCheck,
    PaidPayment,
    PaymentProvider,
    PaymentQuery,
    PaymentRequest,
    PayoutQuery,
    PayoutRequest,
    ProviderReport,
    RefundQuery,
    RefundRequest,
    Registration,
    StatementLine,
    StatementUnavailable,
    VerifiedWebhook,
    WebhookAnswer,
    WebhookRequest,
)
from shared.provider_kit.tokens import TokenUnavailable
from shared.providers.mpesa.answers import (
    msisdn_of,
    no_kenyan_phone,
    outcome_of_command,
    outcome_of_push,
    outcome_of_query,
    outcome_of_question,
    refusal_of_amount,
)
from shared.providers.mpesa.balance import BALANCE
from shared.providers.mpesa.callback_paths import About, CallbackPaths, Purpose
from shared.providers.mpesa.config import MpesaConfig
from shared.providers.mpesa.credentials import initiator_of, stk_password, timestamp
from shared.providers.mpesa.reading import shillings
from shared.providers.mpesa.registration import register_pull, register_till
from shared.providers.mpesa.reports import Reports
from shared.providers.mpesa.statement import REACH, amount_of, pulled, statement_lines
from shared.providers.mpesa.till_checks import answer_to
from shared.providers.mpesa.transport import CredentialsRefused, Transport
from shared.providers.mpesa.webhooks import verify

PUSH = "/mpesa/stkpush/v1/processrequest"
PUSH_QUERY = "/mpesa/stkpushquery/v1/query"
REVERSAL = "/mpesa/reversal/v1/request"
B2C = "/mpesa/b2c/v3/paymentrequest"
STATUS = "/mpesa/transactionstatus/v1/query"

DESCRIPTION = "Payment"  # 1 to 13 characters; documented as optional, and refused where it is missing
MERCHANTS_REFERENCE = re.compile(r"[A-Za-z0-9]{1,12}")
RECEIPT = re.compile(r"[A-Z0-9]{10}")
UNPRINTABLE = re.compile(r"[^A-Za-z0-9 .,-]+")
CLOCKS_APART = timedelta(minutes=5)
NO_INITIATOR = "no initiator is configured"

P = Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyOut:
    """A refund or a payout to send to a phone; ``unable`` is what it fails with where we may send nothing at all."""

    purpose: Purpose
    timeout: Purpose
    our_id: UUID
    amount: Money
    recipient: Customer
    reason: str
    unable: FailureCode


def build_mpesa(config: ProviderConfig, tools: ProviderTools) -> PaymentProvider:
    """The adapter for one configuration; its tools stay the caller's."""
    assert isinstance(config, MpesaConfig)
    return MpesaWithStatement(config, tools) if config.pull_transactions else Mpesa(config, tools)


class Mpesa:
    """See ``PaymentProvider``, ``SendsPayouts``, ``ChecksCredentials`` and ``AnswersWebhooks``."""

    def __init__(self, config: MpesaConfig, tools: ProviderTools) -> None:
        keys = [secret.get_secret_value().encode() for secret in config.webhook_secrets]
        self._config, self._clock = config, tools.clock
        self._mpesa = Transport(config, tools)
        self._paths = CallbackPaths(config.callback_base_url, keys)
        self._reports = Reports(config, self._paths)

    def initialize_payment(self, request: PaymentRequest) -> Outcome:
        phone = msisdn_of(request.customer.phone)
        refusal = refusal_of_amount(request.amount) or _refusal_of_capture(request.capture_method)
        if refusal is not None or phone is None:
            return refusal or no_kenyan_phone()
        about = self._about(P.STK, request.transaction_id, request.amount, self._paths.mark(phone))
        body = {
            **self._signed_now(),
            "TransactionType": self._config.transaction_type,
            "Amount": shillings(request.amount),
            "PartyA": phone,
            "PartyB": self._config.payee,
            "PhoneNumber": phone,
            "CallBackURL": self._paths.url(about),
            "AccountReference": self._account_reference(request),
            "TransactionDesc": DESCRIPTION,
        }
        return outcome_of_push(self._mpesa.post(PUSH, body))

    def verify_payment(self, query: PaymentQuery) -> Outcome:
        """Never ``NotSent``: there is no question by which M-Pesa could prove that it has nothing of ours."""
        if query.reference is None:
            return self._found_by_account(query)
        body = {**self._signed_now(), "CheckoutRequestID": query.reference}
        return outcome_of_query(self._mpesa.post(PUSH_QUERY, body), query.reference)

    def refund_payment(self, request: RefundRequest) -> Outcome:
        """All of it is reversed; a part is sent to the payer, as is all of a payment whose receipt is unknown."""
        receipt = _receipt_of(request.payment)
        if receipt is not None and request.amount == request.payment.amount:
            return self._reverse(request, receipt)
        order = MoneyOut(
            purpose=P.REFUND,
            timeout=P.REFUND_TIMEOUT,
            our_id=request.refund_id,
            amount=request.amount,
            recipient=request.payment.customer,
            reason=request.reason,
            unable=FailureCode.REFUND_NOT_POSSIBLE,
        )
        return self._send(order)

    def verify_refund(self, query: RefundQuery) -> Outcome:
        """Asks by the id that M-Pesa knows the refund by, and is answered by a callback.

        A reversal whose answer was lost has none that we know: only its callback, or somebody, can tell.
        """
        ours = str(query.refund_id)
        if query.reference is None or query.reference == ours:
            about = self._about(P.REFUND_STATUS, query.refund_id, query.amount)
            return self._ask_for_status(about, ours, self._config.payer)
        note = query.reference.encode().hex()
        about = self._about(P.REVERSAL_STATUS, query.refund_id, query.amount, note)
        return self._ask_for_status(about, query.reference, self._config.shortcode)

    def send_payout(self, request: PayoutRequest) -> Outcome:
        order = MoneyOut(
            purpose=P.PAYOUT,
            timeout=P.PAYOUT_TIMEOUT,
            our_id=request.payout_id,
            amount=request.amount,
            recipient=request.recipient,
            reason=request.reason,
            unable=FailureCode.PROVIDER_REFUSED,
        )
        return self._send(order)

    def verify_payout(self, query: PayoutQuery) -> Outcome:
        about = self._about(P.PAYOUT_STATUS, query.payout_id, query.amount)
        return self._ask_for_status(about, str(query.payout_id), self._config.payer)

    def check_credentials(self) -> CredentialCheck:
        try:
            self._mpesa.renew_token()
        except CredentialsRefused as error:
            return CredentialCheck(accepted=False, detail=error.outcome.reason)
        except TokenUnavailable as error:
            return CredentialCheck(accepted=None, detail=error.outcome.reason)
        return CredentialCheck(accepted=True)

    def register_webhooks(self) -> Registration:
        """Tell M-Pesa where to ask, and to tell us, about what customers pay at the shortcode by themselves."""
        return register_till(self._mpesa, self._paths, self._config)

    def register_pull(self, nominated: str) -> Registration:
        """Have M-Pesa list the shortcode's payments for us; ``nominated`` is a phone's twelve digits."""
        return register_pull(self._mpesa, self._paths, self._config, nominated)

    def ask_for_balance(self) -> InDoubt:
        """Have the balances of the account that pays refunds and payouts sent to us, as a callback."""
        about = About(purpose=P.BALANCE, subject=self._config.payer)
        return self._ask(BALANCE, "AccountBalance", about, {"PartyA": self._config.payer})

    def verify_webhook(self, request: WebhookRequest) -> VerifiedWebhook:
        verified = verify(request, self._paths, self._config.callback_addresses)
        if not verified.is_question:
            # What cannot be acted on is refused at the door, where that is seen.
            self._reports.report_of(verified.payload)
        return verified

    def handle_webhook(self, payload: Mapping[str, object]) -> ProviderReport:
        return self._reports.report_of(payload)

    def answer_webhook(self, verified: VerifiedWebhook) -> WebhookAnswer:
        return answer_to(verified, self._config)

    def _reverse(self, request: RefundRequest, receipt: str) -> Outcome:
        refusal, initiator = refusal_of_amount(request.amount), initiator_of(self._config)
        if refusal is not None or initiator is None:
            return refusal or Declined(code=FailureCode.REFUND_NOT_POSSIBLE, provider_message=NO_INITIATOR)
        about = self._about(P.REVERSAL, request.refund_id, request.amount, self._paths.mark(receipt))
        body = {
            "Initiator": initiator.name,
            "SecurityCredential": initiator.credential,
            "CommandID": "TransactionReversal",
            "TransactionID": receipt,
            "Amount": shillings(request.amount),
            "ReceiverParty": self._config.shortcode,
            "RecieverIdentifierType": "11",  # their spelling
            **self._answered_at(about, P.REVERSAL_TIMEOUT),
            "Remarks": _remarks(request.reason, "Refund"),
        }
        return outcome_of_command(self._mpesa.post(REVERSAL, body), None)

    def _send(self, order: MoneyOut) -> Outcome:
        """Our id makes a repetition known to them as one."""
        refusal, initiator = refusal_of_amount(order.amount), initiator_of(self._config)
        phone = msisdn_of(order.recipient.phone)
        if refusal is not None or initiator is None:
            return refusal or Declined(code=order.unable, provider_message=NO_INITIATOR)
        if phone is None:
            return no_kenyan_phone()
        about = self._about(order.purpose, order.our_id, order.amount, self._paths.mark(phone))
        body = {
            "OriginatorConversationID": str(order.our_id),
            "InitiatorName": initiator.name,
            "SecurityCredential": initiator.credential,
            "CommandID": "BusinessPayment",
            "Amount": shillings(order.amount),
            "PartyA": self._config.payer,
            "PartyB": phone,
            "Remarks": _remarks(order.reason, "Payment"),
            **self._answered_at(about, order.timeout),
        }
        return outcome_of_command(self._mpesa.post(B2C, body), str(order.our_id))

    def _ask_for_status(self, about: About, originator_id: str, party: str) -> InDoubt:
        asked = {"OriginalConversationID": originator_id, "PartyA": party}
        return self._ask(STATUS, "TransactionStatusQuery", about, asked)

    def _ask(self, path: str, command: str, about: About, asked: Mapping[str, str]) -> InDoubt:
        """What only an initiator may ask; the answer comes as a callback."""
        initiator = initiator_of(self._config)
        if initiator is None:
            return InDoubt(reason=NO_INITIATOR)
        body = {
            "Initiator": initiator.name,
            "SecurityCredential": initiator.credential,
            "CommandID": command,
            **asked,
            "IdentifierType": "4",
            **self._answered_at(about, P.STATUS_TIMEOUT),
            "Remarks": command,
        }
        return outcome_of_question(self._mpesa.post(path, body))

    def _found_by_account(self, query: PaymentQuery) -> Outcome:
        """A prompt whose answer was lost: what was paid on it stands in the pulled payments."""
        if not self._config.pull_transactions:
            return InDoubt(reason="the prompt's answer was lost; its callback tells")
        now = self._clock.now()
        window = (max(query.created_at - CLOCKS_APART, now - REACH), now)
        ours = short_reference(query.transaction_id)
        try:
            rows = [
                row for row in pulled(self._mpesa, self._config.shortcode, window) if row.bill_reference.upper() == ours
            ]
            is_paid = [amount_of(row) == query.amount for row in rows] == [True]
        except StatementUnavailable as error:
            return InDoubt(reason=str(error))
        if not is_paid:
            return InDoubt(reason=f"{len(rows)} pulled payments have our reference")
        return Succeeded(reference=None, receipt=rows[0].transaction_id, answer={"TransID": rows[0].transaction_id})

    def _signed_now(self) -> dict[str, str]:
        stamp = timestamp(self._clock.now())
        return {
            "BusinessShortCode": self._config.shortcode,
            "Password": stk_password(self._config, stamp),
            "Timestamp": stamp,
        }

    def _answered_at(self, about: About, timeout: Purpose) -> dict[str, str]:
        late = About(purpose=timeout, subject=about.subject, amount_minor=about.amount_minor)
        return {"ResultURL": self._paths.url(about), "QueueTimeOutURL": self._paths.url(late)}

    def _account_reference(self, request: PaymentRequest) -> str:
        given = request.metadata.get("account_reference", "")
        if self._config.takes_merchants_reference and MERCHANTS_REFERENCE.fullmatch(given):
            return given
        return short_reference(request.transaction_id)

    @staticmethod
    def _about(purpose: Purpose, our_id: UUID, amount: Money, note: str = "") -> About:
        return About(purpose=purpose, subject=str(our_id), amount_minor=amount.amount_minor_units, note=note)


class MpesaWithStatement(Mpesa):
    """See ``GivesStatements``, too: where Pull Transactions is switched on."""

    def statement(self, since: datetime, until: datetime) -> Iterable[StatementLine]:
        return statement_lines(self._mpesa, self._config.shortcode, (since, until), self._clock.now())


def _refusal_of_capture(method: CaptureMethod) -> Declined | None:
    if method is CaptureMethod.AUTOMATIC:
        return None
    return Declined(code=FailureCode.PROVIDER_REFUSED, provider_message="M-Pesa reserves nothing")


def _receipt_of(payment: PaidPayment) -> str | None:
    """A payment that its customer started has no other reference than its receipt."""
    return payment.receipt or (payment.reference if RECEIPT.fullmatch(payment.reference) else None)


def _remarks(reason: str, otherwise: str) -> str:
    """2 to 100 plain characters."""
    words = " ".join(UNPRINTABLE.sub(" ", reason).split())[:100]
    return words if len(words) >= 2 else otherwise
