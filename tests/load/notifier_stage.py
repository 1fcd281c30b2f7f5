"""A private system for the notifier's programs: payments that go on, and notifiers to be killed or held up."""

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
from sqlalchemy import create_engine, make_url, text

from deploy.local.settings import load_settings
from deploy.local.system import LocalSystem
from shared.runtime.access_tokens import AccessTokens, Principal
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id
from tests.e2e.journey import Merchant
from tests.notifiers import NotifierInstance

NEEDED = ("api", "outbox-relay", "provider-worker-cpay", "webhook-ingest", "provider-simulator")
BEGINNING = f"0.{UUID(int=0)}"


@dataclass(frozen=True, slots=True)
class LoggedFact:
    """One row of the event log: the truth that clients' frames are compared with."""

    id: str
    payment_id: str


class Stage:
    """``merchant`` pays; ``tokens`` makes tokens for whomever a test wants there to be."""

    def __init__(self, system: LocalSystem, instances: list[NotifierInstance]) -> None:
        self.instances = instances
        self._environment = system.environment()
        self.merchant = Merchant(self._environment)
        signed_in = self.merchant.sign_in()
        self.user_id, self.merchant_id = UUID(signed_in["user_id"]), UUID(signed_in["merchant_id"])
        self._tokens = AccessTokens(system.variables("notifier")["JWT_SECRET_KEY"], SystemClock())

    def token(self, merchant_id: UUID | None = None) -> str:
        """A new one, of our user or of one of another merchant."""
        principal = Principal(
            user_id=self.user_id if merchant_id is None else new_id(),
            merchant_id=merchant_id or self.merchant_id,
            role="merchant_admin",
            scopes=frozenset({"payments:read"}),
        )
        return self._tokens.issue(principal)

    def ticket(self, channel: Mapping[str, str]) -> str:
        """From the API, as a merchant's server gets it."""
        url = f"{self._environment['API_URL']}/api/v1/ws-tickets"
        headers = {"Authorization": f"Bearer {self.token()}"}
        answer = httpx2.post(url, json=channel, headers=headers, trust_env=False, timeout=20)
        return str(answer.raise_for_status().json()["ticket"])

    def log(self) -> list[LoggedFact]:
        """The user's events in the order of their feed."""
        url = make_url(self._environment["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
        engine = create_engine(url)
        asked = text("SELECT id, transaction_id FROM events WHERE user_id = :user ORDER BY written_by, id")
        try:
            with engine.connect() as connection:
                rows = connection.execute(asked, {"user": self.user_id})
                return [LoggedFact(str(row.id), str(row.transaction_id)) for row in rows]
        finally:
            engine.dispose()


class Payments(threading.Thread):
    """Payments one after the other, until told to stop; each is accepted before the next."""

    def __init__(self, stage: Stage, per_second: float, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(name="payments", daemon=True)
        self._stage, self._pause, self._metadata = stage, 1 / per_second, dict(metadata or {})
        self._stopping = threading.Event()
        self.ids: list[str] = []

    def run(self) -> None:
        while not self._stopping.wait(self._pause):
            answer = self._stage.merchant.initialize(metadata=self._metadata)
            if answer.status_code == 202:
                self.ids.append(answer.json()["id"])

    def stop(self) -> None:
        """Until all that were accepted are finished."""
        self._stopping.set()
        self.join(60)
        for payment_id in self.ids:
            self._stage.merchant.finished(payment_id, within_seconds=120)


@contextmanager
def stage(instances: int, **changes: str) -> Iterator[Stage]:
    """The system and so many notifiers, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="notifier-load-") as folder, ExitStack() as stack:
        system = LocalSystem(settings=load_settings(state_dir=Path(folder) / "system"))
        stack.callback(system.clean)
        system.up(only=NEEDED)
        variables = system.variables("notifier")
        started = [
            stack.enter_context(NotifierInstance(variables, Path(folder) / f"notifier-{number}.log", **changes))
            for number in range(instances)
        ]
        yield Stage(system, started)
