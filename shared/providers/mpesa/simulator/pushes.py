"""STK push: prompts on customers' phones, what customers do with them, and the query about them."""

import base64
import hmac
import sqlite3
from dataclasses import dataclass, replace
from functools import partial

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator import ledger
from shared.providers.mpesa.simulator.addresses import our_reference
from shared.providers.mpesa.simulator.asked import QUERY_FIELDS, STK_FIELDS, Asked, check, text
from shared.providers.mpesa.simulator.bodies import stk_callbacks
from shared.providers.mpesa.simulator.bookkeeping import Asking
from shared.providers.mpesa.simulator.ledger import Due, Push, Receipt, State
from shared.providers.mpesa.simulator.money import Vault
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.scenarios import (
    DEFAULT,
    STILL_PROCESSING,
    SUCCESS,
    UNREACHABLE,
    Api,
    Customer,
    Scenario,
    Telling,
    scenario_of,
    text_of,
)
from shared.providers.mpesa.simulator.settings import PROMPT_SECONDS, SAME_AMOUNT_SECONDS, MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import (
    Answer,
    Refused,
    envelope,
    new_checkout_id,
    new_request_id,
)
from shared.providers.mpesa.simulator.telling import Notice, Teller
from shared.providers.mpesa.simulator.tills import Tills
from shared.runtime.clock import Clock

MOST_SHILLINGS = 250_000
MOST_PROMPT_CHARACTERS = 182
ACCEPTED = "Success. Request accepted for processing"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTools:
    """What pushes are played with."""

    settings: MpesaSimulatorSettings
    clock: Clock
    vault: Vault
    teller: Teller
    tills: Tills


class Pushes:
    """Nothing here is idempotent: every push that is accepted is another prompt."""

    def __init__(self, tools: PushTools) -> None:
        self._settings = tools.settings
        self._clock = tools.clock
        self._vault = tools.vault
        self._teller = tools.teller
        self._tills = tools.tills

    def understand_push(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400 a field is wrong; 500 the shortcode or the password is.
        """
        check(asked, STK_FIELDS)
        self._check_merchant(asked)
        ours = our_reference(text(asked, "CallBackURL"))
        asking = Asking(
            api=Api.STK,
            reference=ours.id if ours else None,
            account_reference=text(asked, "AccountReference"),
        )
        scenario = scenario_of(Api.STK, int(text(asked, "Amount")), text(asked, "PhoneNumber"))
        return Operation(asking=asking, scenario=scenario, work=partial(self._push, asked, asking))

    def understand_query(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400 a field is wrong; 500 the shortcode or the password is.
        """
        check(asked, QUERY_FIELDS)
        self._check_merchant(asked)
        checkout_id = text(asked, "CheckoutRequestID")
        asking = Asking(api=Api.QUERY, account_reference=checkout_id)
        return Operation(asking=asking, scenario=DEFAULT, work=partial(self._look_up, checkout_id))

    def customer_acts(self, connection: sqlite3.Connection, checkout_id: str) -> None:
        """The customer does what the scenario says; not if it has been done by hand meanwhile."""
        push = ledger.push_with_id(connection, checkout_id)
        if push is not None and push.state is State.PENDING:
            self.decide(connection, push, push.ends_as)

    def prompt_dies(self, connection: sqlite3.Connection, checkout_id: str) -> None:
        push = ledger.push_with_id(connection, checkout_id)
        if push is not None and push.state is State.PENDING:
            self.decide(connection, push, UNREACHABLE)

    def decide(
        self, connection: sqlite3.Connection, push: Push, result_code: str, *, is_ahead: bool = False
    ) -> tuple[int, ...]:
        """Settle a push and tell of it; the ids of the callbacks."""
        receipt = self._collect(connection, push) if result_code == SUCCESS else None
        state = State.COMPLETED if receipt else State.DECLINED
        settled = replace(push, state=state, result_code=result_code, receipt=receipt.receipt if receipt else None)
        ledger.settle_push(connection, settled)
        now_ms = milliseconds(self._clock.now())
        notice = Notice(
            event_id=push.checkout_id,
            url=push.url,
            bodies=stk_callbacks(settled, now_ms),
            telling=push.telling,
            is_ahead=is_ahead,
        )
        told = self._teller.tell(connection, notice)
        if receipt is not None and push.telling is not Telling.NEVER:
            self._tills.confirm_push(connection, settled)
        return told

    def _check_merchant(self, asked: Asked) -> None:
        shortcode = text(asked, "BusinessShortCode")
        if shortcode != self._settings.shortcode:
            raise Refused(500, "500.001.1001", "Merchant does not exist")
        right = base64.b64encode(f"{shortcode}{self._settings.passkey}{text(asked, 'Timestamp')}".encode())
        if not hmac.compare_digest(right, text(asked, "Password").encode()):
            raise Refused(500, "500.001.1001", "[MerchantValidate] - Wrong credentials")

    def _push(self, asked: Asked, asking: Asking, connection: sqlite3.Connection, scenario: Scenario) -> Answer:
        now_ms, phone = milliseconds(self._clock.now()), text(asked, "PhoneNumber")
        if ledger.has_live_prompt(connection, phone, now_ms - self._settings.scaled_ms(PROMPT_SECONDS)):
            raise Refused(500, "500.001.1001", text_of("1001").rstrip("."))
        push = Push(
            checkout_id=self._free_checkout_id(connection, now_ms, phone),
            merchant_request_id=new_request_id(),
            reference=asking.reference,
            account_reference=text(asked, "AccountReference"),
            shortcode=text(asked, "PartyB"),
            phone=phone,
            amount_minor=int(text(asked, "Amount")) * 100,
            url=text(asked, "CallBackURL"),
            telling=scenario.telling,
            ends_as=self._ends_as(connection, asked, scenario, now_ms),
            created_at_ms=now_ms,
        )
        ledger.insert(connection, push)
        return Answer(
            body={
                "MerchantRequestID": push.merchant_request_id,
                "CheckoutRequestID": push.checkout_id,
                "ResponseCode": "0",
                "ResponseDescription": ACCEPTED,
                "CustomerMessage": ACCEPTED,
            },
            early=self._begin(connection, push),
        )

    def _begin(self, connection: sqlite3.Connection, push: Push) -> tuple[int, ...]:
        """Let the customer act in a moment, or at once and be told of before our answer."""
        if push.ends_as == Customer.STAYS_SILENT:
            return ()
        if push.ends_as == Customer.WAITS:
            dies_at_ms = push.created_at_ms + self._settings.scaled_ms(PROMPT_SECONDS)
            ledger.schedule(connection, Due.PROMPT, push.checkout_id, dies_at_ms)
            return ()
        if push.telling is Telling.EARLY:
            return self.decide(connection, push, push.ends_as, is_ahead=True)
        due_at_ms = push.created_at_ms + self._settings.delay_ms
        ledger.schedule(connection, Due.CUSTOMER, push.checkout_id, due_at_ms)
        return ()

    def _ends_as(self, connection: sqlite3.Connection, asked: Asked, scenario: Scenario, now_ms: int) -> str:
        """What Safaricom's rules make of it, before the customer does anything."""
        amount, is_paybill = int(text(asked, "Amount")), text(asked, "TransactionType") == "CustomerPayBillOnline"
        since_ms = now_ms - self._settings.scaled_ms(SAME_AMOUNT_SECONDS)
        if is_paybill and text(asked, "PartyB") != text(asked, "BusinessShortCode"):
            return "2028"
        if amount > MOST_SHILLINGS:
            return "3"
        if len(prompt_of(asked)) > MOST_PROMPT_CHARACTERS:
            return "1025"
        if ledger.has_same_payment(connection, text(asked, "PhoneNumber"), amount * 100, since_ms):
            return "17"
        return scenario.ends_as

    def _free_checkout_id(self, connection: sqlite3.Connection, now_ms: int, phone: str) -> str:
        moment_ms = now_ms
        while ledger.push_with_id(connection, new_checkout_id(moment_ms, phone)) is not None:
            moment_ms += 1
        return new_checkout_id(moment_ms, phone)

    def _collect(self, connection: sqlite3.Connection, push: Push) -> Receipt:
        draft = Receipt(
            receipt="",
            kind="stk",
            payer=push.phone,
            payee=push.shortcode,
            amount_minor=push.amount_minor,
            reference=push.reference,
            account=push.account_reference,
            phone=push.phone,
            at_ms=0,
        )
        return self._vault.move(connection, draft)

    def _look_up(self, checkout_id: str, connection: sqlite3.Connection, _scenario: Scenario) -> Answer:
        push = ledger.push_with_id(connection, checkout_id)
        if push is None:
            raise Refused(500, "500.001.1001", "The transaction does not exist")
        if push.state is not State.PENDING:
            contradicts = push.telling is Telling.QUERY_CONTRADICTS
            return queried(push, UNREACHABLE if contradicts else push.result_code or SUCCESS)
        if self._settings.pending_variant == STILL_PROCESSING:
            return queried(push, STILL_PROCESSING)
        body = envelope("500.001.1001", "The transaction is being processed", push.checkout_id)
        return Answer(status=500, body=body)


def prompt_of(asked: Asked) -> str:
    """What the phone shows."""
    amount, account = text(asked, "Amount"), text(asked, "AccountReference")
    return f"Do you want to pay KSH {amount} to {text(asked, 'PartyB')} Account no. {account}"


def queried(push: Push, result_code: str) -> Answer:
    """A query's answer: its code is a string, and it never has a receipt."""
    return Answer(
        body={
            "ResponseCode": "0",
            "ResponseDescription": "The service request has been accepted successsfully",
            "MerchantRequestID": push.merchant_request_id,
            "CheckoutRequestID": push.checkout_id,
            "ResultCode": result_code,
            "ResultDesc": text_of(result_code),
        }
    )
