"""Encrypts the secrets of merchants' webhook endpoints with the first key, while others read and write."""

from uuid import UUID

from shared.application.key_rotation import Rotation
from shared.application.webhook_secrets import resealed
from shared.domain.webhook_endpoint import WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable

# Their rows stay locked for so long as it takes to encrypt them: a fraction of a millisecond each.
BATCH = 50


class EndpointKeyRotation:
    def __init__(self, unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher) -> None:
        self._unit_of_work, self._cipher = unit_of_work, cipher

    def run(self) -> Rotation:
        """Batch by batch; what the first key has encrypted stays as it is. May be stopped and repeated at will."""
        unreadable: list[str] = []
        looked_at, renewed, after = 0, 0, UUID(int=0)
        while True:
            with self._unit_of_work() as work:
                batch = work.webhook_endpoints.lock_with_secrets(after, BATCH)
                verdicts = {each.id: self._renew(work, each) for each in batch}
                work.commit()
            if not batch:
                return Rotation(accounts=looked_at, renewed=renewed, unreadable=unreadable)
            after, looked_at = batch[-1].id, looked_at + len(batch)
            renewed += sum(verdict is True for verdict in verdicts.values())
            unreadable += [f"webhook endpoint {each}" for each, verdict in verdicts.items() if verdict is None]

    def _renew(self, work: UnitOfWork, endpoint: WebhookEndpoint) -> bool | None:
        """Whether it was encrypted anew; ``None``: no key opens it."""
        try:
            after = resealed(endpoint, self._cipher)
        except CredentialUnreadable:
            return None
        if after != endpoint:
            work.webhook_endpoints.save(after)
        return after != endpoint
