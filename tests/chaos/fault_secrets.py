"""Every secret is replaced while payments are made: the key that credentials are encrypted with, and the callbacks'."""

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.request import ProxyHandler, Request, build_opener

from cryptography.fernet import Fernet

from deploy.local.settings import CHECKOUT
from services.webhook_ingest.bootstrap import CONFIG_SECONDS
from tests.chaos.faults import Fault, Injection
from tests.chaos.oracle import Oracle

# Whoever opens credentials, in the order in which an operator restarts them.
KEY_HOLDERS = ("api", "provider-worker-cpay", "webhook-ingest", "scheduler-worker", "webhook-delivery")
KEYS = "CREDENTIAL_ENCRYPTION_KEYS"

# What our processes log when a secret cannot be opened, or a callback is not believed.
COMPLAINTS = ("webhook.account_unusable", "webhook.rejected", "CredentialUnreadable", "InvalidToken")


def replace_all_secrets(injection: Injection) -> int:
    """The key there and back, so that other rows find the one that they know; callbacks keep their new secret."""
    office = _Office(injection)
    with complaints_counted(injection):
        for _ in range(injection.times):
            old, new = injection.stage.environment[KEYS], Fernet.generate_key().decode()
            office.replace_key(old, new)
            office.replace_callback_secret(_new_callback_secret())
            office.replace_key(new, old)
    injection.notes.append(f"{office.renewed} accounts encrypted anew, {office.saved} times saved meanwhile")
    return injection.times


class _Office:
    """The operator: restarts one process after another, and saves the account at CPay whenever keys are mixed."""

    def __init__(self, injection: Injection) -> None:
        self._stage, self._problems = injection.stage, injection.problems
        self._oracle = Oracle(self._stage.environment["SIMULATOR_URL"])
        self._admin = _AdminApi(self._stage.environment)
        self.renewed, self.saved = 0, 0

    def replace_key(self, old: str, new: str) -> None:
        """As docs/operations.md says: readable everywhere, then in front, then alone."""
        self._tell(f"{old},{new}")
        self._tell(f"{new},{old}")
        self._rotate(f"{new},{old}")
        self._tell(new)

    def replace_callback_secret(self, new: str) -> None:
        """The receiver believes both, the sender goes over, the receiver lets go of the old."""
        self._save({"add_webhook_secret": new})
        time.sleep(CONFIG_SECONDS + 1)
        self._oracle.sign_callbacks_with(new)
        time.sleep(2)
        self._save({"config": {"webhook_secrets": [new]}})
        time.sleep(CONFIG_SECONDS + 1)

    def _tell(self, keys: str) -> None:
        for name in KEY_HOLDERS:
            self._stage.crew.change(name, extra={KEYS: keys}, politely=True)
            self._stage.crew.wait_ready(name)
            self._save({})
            # A restart may take an operator longer than it takes the others to look at the account again.
            time.sleep(CONFIG_SECONDS + 1 if name == KEY_HOLDERS[0] else 0)

    def _save(self, change: Mapping[str, object]) -> None:
        """Written by whichever key is first for the API just now, and read by everybody."""
        self._admin.configure({"is_active": True, **change})
        self.saved += 1

    def _rotate(self, keys: str) -> None:
        command = [sys.executable, "-m", "services.payctl", "keys", "rotate", "--operator", "prove"]
        environment = {**os.environ, **self._stage.environment, KEYS: keys}
        done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self._problems.append(f"payctl keys rotate: {done.stdout} {done.stderr}")
            return
        self.renewed += int(done.stdout.split()[0])


class _AdminApi:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._url = f"{environment['API_URL']}/api/v1"
        self._user = {"email": environment["ADMIN_EMAIL"], "password": environment["ADMIN_PASSWORD"]}
        self._open = build_opener(ProxyHandler({}))

    def configure(self, change: Mapping[str, object]) -> None:
        token = self._post("/auth/token", self._user, {})["access_token"]
        self._post("/providers/cpay/config", change, {"Authorization": f"Bearer {token}"})

    def _post(self, path: str, body: Mapping[str, object], headers: Mapping[str, str]) -> dict[str, str]:
        content = {"Content-Type": "application/json", **headers}
        with self._open.open(Request(self._url + path, json.dumps(body).encode(), content), timeout=20) as answer:
            told: dict[str, str] = json.loads(answer.read())
            return told


@contextmanager
def complaints_counted(injection: Injection) -> Iterator[None]:
    """What is logged from here to the end of the block, by whoever opens secrets."""
    logs = [injection.stage.local.state.log(name) for name in KEY_HOLDERS]
    began = [log.stat().st_size for log in logs]
    yield
    for log, mark in zip(logs, began, strict=True):
        with log.open(encoding="utf-8", errors="replace") as text:
            text.seek(mark)
            complaints = [line for line in text if any(each in line for each in COMPLAINTS)]
        if complaints:
            injection.problems.append(f"{len(complaints)} complaints in {log.name}, as: {complaints[0][:300]}")


def _new_callback_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


FAULTS = (Fault(name="every secret replaced", inject=replace_all_secrets, smoke=0, full=1),)
