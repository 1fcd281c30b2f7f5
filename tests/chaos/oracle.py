"""The provider as witness: a process of its own, with its own books, which keeps no key for anybody."""

import json
from collections import Counter
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from tests.chaos.kinds import MOVEMENTS
from tests.chaos.merchant import Json
from tests.chaos.truth import Taken

# Whoever sends twice takes twice, and the ledger shows it.
FORGETFUL = {"honours_idempotency": False, "unique_references": False}


class Oracle:
    """The simulator's ``/_admin``, which only the proof asks."""

    def __init__(self, simulator_url: str) -> None:
        self._admin = f"{simulator_url}/_admin"
        self._open = build_opener(ProxyHandler({}))

    def forget_keys(self) -> bool:
        """Have it execute every POST, also one whose key it knows; ``False``: this simulator always remembers."""
        asked = Request(f"{self._admin}/mode", json.dumps(FORGETFUL).encode(), {"Content-Type": "application/json"})
        try:
            with self._open.open(asked, timeout=10):
                return True
        except HTTPError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
            return False

    def sign_callbacks_with(self, *secrets: str) -> None:
        """From now on; several sign together."""
        body = json.dumps({"webhook_secrets": secrets}).encode()
        asked = Request(f"{self._admin}/webhook_secrets", body, {"Content-Type": "application/json"})
        with self._open.open(asked, timeout=10):
            """Told."""

    def books(self) -> dict[str, Taken]:
        """What was done for each reference of ours."""
        with self._open.open(f"{self._admin}/ledger", timeout=60) as answer:
            ledger: Json = json.loads(answer.read())
        movements = [each for noun in MOVEMENTS for each in ledger[f"{noun}s"]]
        executed = Counter(each["merchant_reference"] for each in [*ledger["payments"], *movements])
        moved: Counter[str] = Counter()
        for each in movements:
            moved[each["merchant_reference"]] += each["amount"] if each["status"] == "succeeded" else 0
        return {
            reference: Taken(
                times=executed[reference],
                captured=facts["captured_minor"],
                refunded=facts["refunded_minor"],
                moved=moved[reference],
                keys=len(facts["idempotency_keys"]),
            )
            for reference, facts in ledger["by_reference"].items()
        }
