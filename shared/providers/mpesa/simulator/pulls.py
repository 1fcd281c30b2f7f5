"""Pull Transactions: what customers paid in the last 48 hours, for reconciliation. Its code of success is 1000."""

import sqlite3
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from shared.provider_kit.simulator.callbacks import milliseconds
from shared.providers.mpesa.simulator.asked import PULL_QUERY_FIELDS, PULL_REGISTER_FIELDS, Asked, check, text
from shared.providers.mpesa.simulator.bodies import ORGANIZATION_NAME
from shared.providers.mpesa.simulator.bookkeeping import Asking
from shared.providers.mpesa.simulator.operations import Operation
from shared.providers.mpesa.simulator.scenarios import DEFAULT, Api, Scenario
from shared.providers.mpesa.simulator.settings import SECOND_MS, MpesaSimulatorSettings
from shared.providers.mpesa.simulator.speaking import (
    EAST_AFRICA_TIME,
    Answer,
    Wire,
    WireObject,
    invalid,
    new_request_id,
    shillings,
)
from shared.runtime.clock import Clock

KEPT_MS = 48 * 3600 * SECOND_MS
PAGE = 100

PAID_IN = """
SELECT * FROM receipts WHERE payee = ? AND kind IN ('stk', 'till') AND at_ms BETWEEN ? AND ?
ORDER BY at_ms, receipt LIMIT ? OFFSET ?
"""


class Pulls:
    """What is older than 48 hours is not there any more, whatever the period asked for."""

    def __init__(self, settings: MpesaSimulatorSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def understand_register(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong.
        """
        check(asked, PULL_REGISTER_FIELDS)
        return self._operation(asked, partial(self._register, text(asked, "ShortCode")))

    def understand_query(self, asked: Asked) -> Operation:
        """Raises:
        Refused: 400, a field is wrong.
        """
        check(asked, PULL_QUERY_FIELDS)
        period = (moment_in(asked, "StartDate"), moment_in(asked, "EndDate"))
        offset = int(text(asked, "OffSetValue"))
        return self._operation(asked, partial(self._look_up, text(asked, "ShortCode"), period, offset))

    def _operation(self, asked: Asked, work: "partial[Answer]") -> Operation:
        if text(asked, "ShortCode") not in {self._settings.shortcode, self._settings.sending_shortcode}:
            raise invalid("ShortCode")
        asking = Asking(api=Api.PULL, account_reference=text(asked, "ShortCode"))
        return Operation(asking=asking, scenario=DEFAULT, work=work)

    def _register(self, shortcode: str, connection: sqlite3.Connection, _scenario: Scenario) -> Answer:
        cursor = connection.execute("INSERT OR IGNORE INTO pulled_tills (shortcode) VALUES (?)", (shortcode,))
        is_new = cursor.rowcount == 1
        return Answer(
            body={
                "ResponseRefID": str(uuid4()),
                "ResponseStatus": "1000" if is_new else "1001",
                "ShortCode": shortcode,
                "ResponseDescription": f"Shortcode {'' if is_new else 'already '}Registered{' Successfully' * is_new}",
            }
        )

    def _look_up(
        self,
        shortcode: str,
        period: tuple[int, int],
        offset: int,
        connection: sqlite3.Connection,
        _scenario: Scenario,
    ) -> Answer:
        since_ms = max(period[0], milliseconds(self._clock.now()) - KEPT_MS)
        rows = connection.execute(PAID_IN, (shortcode, since_ms, period[1], PAGE, offset)).fetchall()
        told: list[Wire] = [row_told(row) for row in rows]
        body: dict[str, Wire] = {
            "ResponseRefID": new_request_id(),
            "ResponseCode": "1000" if told else "1001",
            "ResponseMessage": "Success" if told else "No transactions were found in the period",
            "Response": [told],
        }
        return Answer(body=body)


def row_told(row: sqlite3.Row) -> WireObject:
    at = datetime.fromtimestamp(row["at_ms"] / SECOND_MS, UTC)
    return {
        "transactionId": row["receipt"],
        "trxDate": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "msisdn": int(row["phone"]),
        "sender": "MPESA",
        "transactiontype": "c2b-pay-bill-debit" if row["account"] else "c2b-buy-goods-debit",
        "billreference": row["account"],
        "amount": str(shillings(row["amount_minor"])),
        "organizationname": ORGANIZATION_NAME,
    }


def moment_in(asked: Asked, name: str) -> int:
    """``2020-08-04 8:36:00`` in East Africa Time, as milliseconds.

    Raises:
        Refused: 400, it is no such time.
    """
    try:
        moment = datetime.strptime(text(asked, name), "%Y-%m-%d %H:%M:%S").replace(tzinfo=EAST_AFRICA_TIME)
    except ValueError:
        raise invalid(name) from None
    return milliseconds(moment)
