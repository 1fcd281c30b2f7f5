"""webhook_ingest over a database in memory, and a spool in a folder of the test's."""

from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.webhook_ingest.admission import Admission, networks_in
from services.webhook_ingest.app import build_app
from services.webhook_ingest.keeping import CallbackKeeper
from services.webhook_ingest.known_accounts import FindProvider, OpenAccount, OpenProvider
from services.webhook_ingest.receiver import WebhookReceiver
from services.webhook_ingest.refusal_audit import RefusalAudit
from services.webhook_ingest.reprieve import Reprieve
from shared.persistence.audit_entry import AuditEntry
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.persistence.webhook_events import WebhookEvent
from shared.runtime.allowance import Allowance
from shared.runtime.crypto import CredentialCipher
from shared.runtime.spool import Spool
from tests.fakes.books import Books
from tests.fakes.clock import FakeClock
from tests.fakes.makers import ACCOUNT
from tests.fakes.provider import ScriptedProvider

URL = "/api/v1/webhooks/cpay"
GENUINE = {"Signature": "genuine", "Content-Type": "application/json"}
KEY = Fernet.generate_key().decode()


class Ingest:
    """``seconds`` is what everything here takes for the monotonic clock."""

    def __init__(
        self, folder: Path, provider: ScriptedProvider | None = None, *, max_bytes: int = 1_000_000, sources: str = ""
    ) -> None:
        self.books, self.clock, self.seconds = Books(), FakeClock(), 0.0
        self.provider = provider or ScriptedProvider()
        self.folder = folder / "spool"
        self.spool = Spool(self.folder, max_bytes, self.clock)
        self.keeper = a_keeper(self.books.unit_of_work, self.spool, Reprieve(1.0, lambda: self.seconds))
        self.admission = Admission(networks_in(sources), 5, lambda: self.seconds)
        self.audited: list[AuditEntry] = []
        self.accounts = [OpenAccount(ACCOUNT, self.provider)]
        active = OpenProvider("cpay", self.accounts)
        self.receiver = self.a_receiver({"cpay": active, "neutral": active}.get)
        self.app = build_app(self.receiver, self.clock)
        self.client: FlaskClient = self.app.test_client()

    def a_receiver(self, find_provider: FindProvider) -> WebhookReceiver:
        audit = RefusalAudit(self.audited.append, self.clock, Allowance(per_second=0, burst=3))
        return WebhookReceiver(find_provider, self.keeper, self.admission, self.clock, audit)

    def post(self, body: bytes = b"evt-1", url: str = URL, **options: Any) -> TestResponse:
        return self.client.post(url, data=body, **({"headers": GENUINE} | options))

    def verdict(self, body: bytes = b"evt-1") -> str:
        return str(self.post(body).get_json()["verdict"])

    @property
    def stored(self) -> int:
        return self.books.database.committed.count()

    @property
    def events(self) -> list[WebhookEvent]:
        """In the order in which they were stored."""
        return list(self.books.database.committed.webhook_events.values())

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.spool"))


def a_keeper(unit_of_work: UnitOfWorkFactory, spool: Spool, reprieve: Reprieve | None = None) -> CallbackKeeper:
    return CallbackKeeper(unit_of_work, spool, CredentialCipher((KEY,)), reprieve or Reprieve(1.0))
