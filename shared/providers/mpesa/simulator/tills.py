"""C2B: where the news of customers' own payments goes, their validation, and their confirmation."""

import json
import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswerInTime
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from shared.provider_kit.simulator import CallbackAnswer, CallbackPost, LedgerFile
from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator import ledger
from shared.providers.mpesa.simulator.addresses import leading_to
from shared.providers.mpesa.simulator.asked import REGISTER_FIELDS, SIMULATE_FIELDS, Asked, check, text
from shared.providers.mpesa.simulator.bodies import till_notice
from shared.providers.mpesa.simulator.bookkeeping import Asking
from shared.providers.mpesa.simulator.ledger import Push, Receipt, State, Till, TillPayment
from shared.providers.mpesa.simulator.money import Vault
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.scenarios import BY_DIGITS, DEFAULT, Api, Scenario, Telling
from shared.providers.mpesa.simulator.settings import MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import Answer, Refused, as_json, invalid, new_request_id
from shared.providers.mpesa.simulator.telling import Notice, Teller
from shared.runtime.clock import Clock

BAD_REQUEST = "400.003.02"
MOST_AT_ONCE = 8
LONGEST_VALIDATION_ANSWER = 10_000


class Verdict(Enum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SILENCE = "silence"  # late, unreachable, or no sense in it: the till's ResponseType decides


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    verdict: Verdict
    reason: str | None = None
    third_party_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TillTools:
    """What tills are played with."""

    settings: MpesaSimulatorSettings
    clock: Clock
    file: LedgerFile
    vault: Vault
    teller: Teller
    post: CallbackPost


class Tills:
    """A payment in validation is in the ledger: after a crash it is validated again."""

    def __init__(self, tools: TillTools) -> None:
        self._settings = tools.settings
        self._clock = tools.clock
        self._file = tools.file
        self._vault = tools.vault
        self._teller = tools.teller
        self._post = tools.post
        self._at_work: dict[str, Future[None]] = {}
        self._customers = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="mpesa-customers")
        self._posting = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="mpesa-validation")

    def understand_register(self, version: int, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong, or the shortcode is not ours.
        """
        check(asked, REGISTER_FIELDS, BAD_REQUEST)
        self._check_shortcode(asked)
        till = Till(
            shortcode=text(asked, "ShortCode"),
            version=version,
            response_type=text(asked, "ResponseType"),
            confirmation_url=text(asked, "ConfirmationURL"),
            validation_url=text(asked, "ValidationURL"),
        )
        asking = Asking(api=Api.C2B, account_reference=till.shortcode)
        return Operation(asking=asking, scenario=DEFAULT, work=partial(self._register, till))

    def understand_simulate(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong, or the shortcode is not ours.
        """
        check(asked, SIMULATE_FIELDS, BAD_REQUEST)
        self._check_shortcode(asked)
        work = partial(self._simulate, asked)
        return Operation(asking=Asking(api=Api.C2B, account_reference="simulate"), scenario=DEFAULT, work=work)

    def receive(self, connection: sqlite3.Connection, draft: TillPayment) -> TillPayment:
        """A customer pays by hand: validated first, if that till has its news sent anywhere."""
        by_amount = BY_DIGITS.get(f"{draft.amount_minor // 100 % 1000:03}", DEFAULT)
        payment = replace(
            draft,
            receipt=self._vault.free_receipt(connection),
            telling=by_amount.telling,
            created_at_ms=milliseconds(self._clock.now()),
        )
        ledger.insert(connection, payment)
        if ledger.till(connection, payment.till) is None:
            return self._complete(connection, payment)
        return payment

    def confirm_push(self, connection: sqlite3.Connection, push: Push) -> None:
        """A paid push on a registered shortcode is told like a payment by hand, too."""
        if not self._settings.confirms_stk_payments or push.receipt is None:
            return
        payment = TillPayment(
            receipt=push.receipt,
            till=push.shortcode,
            account=push.account_reference,
            phone=push.phone,
            amount_minor=push.amount_minor,
            telling=Telling.PROPERLY,
            state=State.COMPLETED,
            created_at_ms=milliseconds(self._clock.now()),
        )
        self._confirm(connection, payment)

    def validate_waiting(self) -> None:
        """Ask about every payment that waits; a bug in an earlier asking is raised here."""
        finished = [receipt for receipt, future in self._at_work.items() if future.done()]
        futures = [self._at_work.pop(receipt) for receipt in finished]
        with self._file.reading() as connection:
            waiting = ledger.validating(connection)
        for payment in waiting:
            if payment.receipt not in self._at_work:
                self._at_work[payment.receipt] = self._customers.submit(self._validate, payment)
        for future in futures:
            future.result()

    def close(self) -> None:
        """Wait for the validations at work."""
        self._customers.shutdown(wait=True)
        self._posting.shutdown(wait=True)

    def _check_shortcode(self, asked: Asked) -> None:
        if text(asked, "ShortCode") not in {self._settings.shortcode, self._settings.sending_shortcode}:
            raise invalid("ShortCode", BAD_REQUEST)

    def _register(self, till: Till, connection: sqlite3.Connection, _scenario: Scenario) -> Answer:
        if self._settings.registers_urls_once and ledger.till(connection, till.shortcode) is not None:
            raise Refused(500, "500.003.1001", "Urls are already registered.")
        ledger.insert(connection, till)
        return Answer(body=accepted("Success"))

    def _simulate(self, asked: Asked, connection: sqlite3.Connection, _scenario: Scenario) -> Answer:
        is_paybill = text(asked, "CommandID") == "CustomerPayBillOnline"
        draft = TillPayment(
            receipt="",
            till=text(asked, "ShortCode"),
            account=text(asked, "BillRefNumber") if is_paybill else "",
            phone=text(asked, "Msisdn"),
            amount_minor=int(text(asked, "Amount")) * 100,
            telling=Telling.PROPERLY,
            state=State.VALIDATING,
            created_at_ms=0,
        )
        self.receive(connection, draft)
        return Answer(body=accepted("Accept the service request successfully."))

    def _validate(self, payment: TillPayment) -> None:
        with self._file.reading() as connection:
            till = ledger.till(connection, payment.till)
        validation = self._asked_of(till, payment) if till else Validation(verdict=Verdict.ACCEPTED)
        with self._file.transaction() as connection:
            waiting = ledger.till_payment(connection, payment.receipt)
            if waiting is not None and waiting.state is State.VALIDATING:
                self._decide(connection, waiting, till, validation)

    def _asked_of(self, till: Till, payment: TillPayment) -> Validation:
        url = leading_to(till.validation_url, self._settings.callback_url)
        body = as_json(till_notice(payment, till, None)).encode()
        posted = self._posting.submit(self._post, url, {"content-type": "application/json"}, body)
        try:
            return validation_in(posted.result(timeout=self._settings.validation_seconds))
        except NoAnswerInTime:
            return Validation(verdict=Verdict.SILENCE, reason="no answer in time")

    def _decide(
        self, connection: sqlite3.Connection, payment: TillPayment, till: Till | None, validation: Validation
    ) -> None:
        is_silence = validation.verdict is Verdict.SILENCE
        is_taken = till is None or (
            till.response_type == "Completed" if is_silence else validation.verdict is Verdict.ACCEPTED
        )
        known = replace(payment, reason=validation.reason, third_party_id=validation.third_party_id)
        if is_taken:
            self._complete(connection, known)
        else:
            ledger.settle_till_payment(connection, replace(known, state=State.DECLINED))

    def _complete(self, connection: sqlite3.Connection, payment: TillPayment) -> TillPayment:
        draft = Receipt(
            receipt=payment.receipt,
            kind="till",
            payer=payment.phone,
            payee=payment.till,
            amount_minor=payment.amount_minor,
            account=payment.account,
            phone=payment.phone,
            at_ms=0,
        )
        self._vault.move(connection, draft)
        completed = replace(payment, state=State.COMPLETED)
        ledger.settle_till_payment(connection, completed)
        self._confirm(connection, completed)
        return completed

    def _confirm(self, connection: sqlite3.Connection, payment: TillPayment) -> None:
        till = ledger.till(connection, payment.till)
        if till is None:
            return
        body = till_notice(payment, till, self._vault.funds_minor(connection, payment.till))
        notice = Notice(event_id=payment.receipt, url=till.confirmation_url, bodies=(body,), telling=payment.telling)
        self._teller.tell(connection, notice)


def accepted(description: str) -> dict[str, str]:
    """The misspelt name is Safaricom's."""
    return {
        "OriginatorCoversationID": new_request_id(),
        "ResponseCode": "0",
        "ResponseDescription": description,
    }


def validation_in(answer: CallbackAnswer | None) -> Validation:
    """What a validation URL said; anything but its JSON with a ``ResultCode`` is silence."""
    if answer is None or answer.status != 200 or len(answer.body) > LONGEST_VALIDATION_ANSWER:
        return Validation(verdict=Verdict.SILENCE, reason="no answer")
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or "ResultCode" not in told:
        return Validation(verdict=Verdict.SILENCE, reason="an answer without a ResultCode")
    if str(told["ResultCode"]) == "0":
        return Validation(verdict=Verdict.ACCEPTED, third_party_id=str(told.get("ThirdPartyTransID") or ""))
    return Validation(verdict=Verdict.REJECTED, reason=str(told["ResultCode"]))
