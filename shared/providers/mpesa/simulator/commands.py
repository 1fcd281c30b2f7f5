"""What initiators ask for (B2C, reversal, status, balance): accepted at once, carried out later, told by a result."""

import sqlite3
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator import ledger
from shared.providers.mpesa.simulator.addresses import OurReference, our_reference
from shared.providers.mpesa.simulator.asked import (
    BALANCE_FIELDS,
    REVERSAL_FIELDS,
    STATUS_FIELDS,
    Asked,
    Field,
    check,
    text,
)
from shared.providers.mpesa.simulator.bodies import result
from shared.providers.mpesa.simulator.bookkeeping import Asking
from shared.providers.mpesa.simulator.carrying import Carrier
from shared.providers.mpesa.simulator.credential import Credentials
from shared.providers.mpesa.simulator.ledger import Command, Due, State
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.scenarios import DEFAULT, SUCCESS, Api, Customer, Scenario, Telling, scenario_of
from shared.providers.mpesa.simulator.settings import MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import (
    Answer,
    Refused,
    invalid,
    new_conversation_id,
    new_request_id,
)
from shared.providers.mpesa.simulator.telling import Notice, Teller
from shared.runtime.clock import Clock

WRONG_INITIATOR = "2001"
OUT_OF_QUEUE = "26"
TIMEOUTS = {Telling.QUEUE_TIMEOUT, Telling.QUEUE_TIMEOUT_AFTER_EXECUTING}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTools:
    """What commands are played with."""

    settings: MpesaSimulatorSettings
    clock: Clock
    credentials: Credentials
    carrier: Carrier
    teller: Teller


class Commands:
    """Of these only B2C knows a repeated request, by its ``OriginatorConversationID``."""

    def __init__(self, tools: CommandTools) -> None:
        self._settings = tools.settings
        self._clock = tools.clock
        self._credentials = tools.credentials
        self._carrier = tools.carrier
        self._teller = tools.teller

    def understand_b2c(self, fields: tuple[Field, ...], asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong.
        """
        check(asked, fields)
        if text(asked, "PartyA") not in {self._settings.sending_shortcode, self._settings.shortcode}:
            raise invalid("PartyA")
        key, ours = text(asked, "OriginatorConversationID") or None, our_reference(text(asked, "ResultURL"))
        draft = replace(
            self._draft(Api.B2C, asked, "InitiatorName", ours),
            originator_id=key or new_request_id(),
            reference=ours.id if ours else uuid_in(key),
            is_refund=ours is not None and "refund" in ours.purpose.lower(),
            shortcode=text(asked, "PartyA"),
            phone=text(asked, "PartyB"),
            amount_minor=int(text(asked, "Amount")) * 100,
            occasion=text(asked, "Occassion"),
        )
        return self._moving(draft, key)

    def understand_reversal(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong.
        """
        check(asked, REVERSAL_FIELDS)
        draft = replace(
            self._draft(Api.REVERSAL, asked, "Initiator", our_reference(text(asked, "ResultURL"))),
            is_refund=True,
            shortcode=text(asked, "ReceiverParty"),
            amount_minor=int(text(asked, "Amount")) * 100,
            asked_about=text(asked, "TransactionID"),
        )
        return self._moving(draft, None)

    def understand_status(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong, or neither a receipt nor a conversation is named.
        """
        check(asked, STATUS_FIELDS)
        about = text(asked, "TransactionID") or text(asked, "OriginalConversationID")
        if not about:
            raise invalid("TransactionID")
        draft = self._draft(Api.STATUS, asked, "Initiator", our_reference(text(asked, "ResultURL")))
        return self._asking(replace(draft, asked_about=about, shortcode=text(asked, "PartyA")))

    def understand_balance(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong.
        """
        check(asked, BALANCE_FIELDS)
        draft = self._draft(Api.BALANCE, asked, "Initiator", our_reference(text(asked, "ResultURL")))
        return self._asking(replace(draft, shortcode=text(asked, "PartyA")))

    def carry_out(self, connection: sqlite3.Connection, conversation_id: str) -> None:
        """Do what a command asks for, and tell; nothing if it was done before."""
        command = ledger.command_with_id(connection, conversation_id)
        if command is not None and command.state is State.PENDING:
            self._decide(connection, command)

    def _draft(self, api: Api, asked: Asked, initiator: str, ours: OurReference | None) -> Command:
        is_right = self._credentials.are_right(text(asked, initiator), text(asked, "SecurityCredential"))
        now_ms = milliseconds(self._clock.now())
        return Command(
            conversation_id=new_conversation_id(now_ms),
            originator_id=new_request_id(),
            api=api,
            reference=ours.id if ours else None,
            shortcode="",
            result_url=text(asked, "ResultURL"),
            timeout_url=text(asked, "QueueTimeOutURL"),
            occasion=text(asked, "Occasion"),
            telling=Telling.PROPERLY,
            ends_as=SUCCESS if is_right else WRONG_INITIATOR,
            created_at_ms=now_ms,
        )

    def _moving(self, draft: Command, key: str | None) -> Operation:
        asking = Asking(api=draft.api, reference=draft.reference, key=key)
        scenario = scenario_of(draft.api, draft.amount_minor // 100, draft.phone)
        return Operation(asking=asking, scenario=scenario, work=partial(self._accept, draft))

    def _asking(self, draft: Command) -> Operation:
        asking = Asking(api=draft.api, account_reference=draft.asked_about or draft.shortcode)
        return Operation(asking=asking, scenario=DEFAULT, work=partial(self._accept, draft))

    def _accept(self, draft: Command, connection: sqlite3.Connection, scenario: Scenario) -> Answer:
        if draft.api is Api.B2C and ledger.is_originator_taken(connection, draft.originator_id):
            raise Refused(500, "500.002.1001", "Duplicate OriginatorConversationID.")
        command = replace(
            draft,
            telling=scenario.telling,
            ends_as=scenario.ends_as if draft.ends_as == SUCCESS else draft.ends_as,
            about=ledger.reference_paid_as(connection, draft.occasion) if draft.is_refund else None,
        )
        ledger.insert(connection, command)
        body = {
            "ConversationID": command.conversation_id,
            "OriginatorConversationID": command.originator_id,
            "ResponseCode": "0",
            "ResponseDescription": "Accept the service request successfully.",
        }
        return Answer(body=body, early=self._begin(connection, command))

    def _begin(self, connection: sqlite3.Connection, command: Command) -> tuple[int, ...]:
        if command.ends_as in set(Customer):  # nobody waits for a customer here: it stays in the queue
            return ()
        if command.telling is Telling.EARLY:
            return self._decide(connection, command, is_ahead=True)
        due_at_ms = command.created_at_ms + self._settings.delay_ms
        ledger.schedule(connection, Due.COMMAND, command.conversation_id, due_at_ms)
        return ()

    def _decide(self, connection: sqlite3.Connection, command: Command, *, is_ahead: bool = False) -> tuple[int, ...]:
        if command.telling is Telling.QUEUE_TIMEOUT:
            settled = replace(command, state=State.EXPIRED, result_code=OUT_OF_QUEUE)
            told = result(settled, OUT_OF_QUEUE, (), milliseconds(self._clock.now()))
        else:
            settled, parameters = self._carrier.carry(connection, command)
            told = result(settled, settled.result_code or SUCCESS, parameters, milliseconds(self._clock.now()))
        if command.telling is Telling.QUEUE_TIMEOUT_AFTER_EXECUTING:
            told = result(settled, OUT_OF_QUEUE, (), milliseconds(self._clock.now()))
        ledger.settle_command(connection, settled)
        notice = Notice(
            event_id=command.conversation_id,
            url=command.timeout_url if command.telling in TIMEOUTS else command.result_url,
            bodies=(told,),
            telling=command.telling,
            is_ahead=is_ahead,
        )
        return self._teller.tell(connection, notice)


def uuid_in(name: str | None) -> str | None:
    """The id that a client's own name is, in its usual form."""
    try:
        return str(UUID(name or ""))
    except ValueError:
        return None
