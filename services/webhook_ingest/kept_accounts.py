"""The accounts as they were last read, on the disk beside the spool: for a process that starts without the database.

Encrypted as a whole: nobody without the key adds an account whose signatures would be believed.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from pydantic import TypeAdapter, ValidationError

from shared.persistence.provider_configs import StoredProviderConfig
from shared.runtime.clock import Clock
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from shared.runtime.spool_files import FOR_THE_OWNER, READ_AND_WRITTEN_BY_THE_OWNER

NAME = "accounts"

# What has not changed is written again so often, to say that it is still true.
AGAIN = timedelta(minutes=1)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """``read_at`` is when the database said so."""

    read_at: datetime
    accounts: Sequence[StoredProviderConfig]


_KEPT = TypeAdapter(Kept)


class KeptAccounts:
    """For one thread; of several processes the last one that writes is read."""

    def __init__(self, folder: Path, cipher: CredentialCipher, clock: Clock) -> None:
        self._folder, self._cipher, self._clock = folder, cipher, clock
        self._written: Kept | None = None

    def write(self, accounts: Sequence[StoredProviderConfig]) -> None:
        """Where the disk refuses it is only told: they are in memory all the same."""
        now = Kept(read_at=self._clock.now(), accounts=accounts)
        last = self._written
        if last is not None and last.accounts == accounts and now.read_at - last.read_at < AGAIN:
            return
        text = json.dumps(_KEPT.dump_python(now, mode="json"))
        try:
            self._replace(self._cipher.encrypt(text).encode())
        except OSError as error:
            log.warning("accounts.not_kept", reason=error.strerror)
        else:
            self._written = now

    def read(self) -> Kept | None:
        """``None``: there are none that can be read."""
        try:
            text = self._cipher.decrypt((self._folder / NAME).read_text())
            return _KEPT.validate_python(json.loads(text))
        except (OSError, CredentialUnreadable, ValidationError, ValueError) as error:
            log.warning("accounts.unreadable", reason=type(error).__name__)
            return None

    def _replace(self, content: bytes) -> None:
        self._folder.mkdir(mode=FOR_THE_OWNER, parents=True, exist_ok=True)
        beside = self._folder / f"{NAME}.{os.getpid()}"
        file = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, READ_AND_WRITTEN_BY_THE_OWNER)
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
        beside.replace(self._folder / NAME)
