"""Encrypts the secrets of merchants' webhook endpoints with the first key, while others read and write."""

from uuid import UUID

from shared.application.actor import Actor
from shared.application.key_rotation import Rotation
from shared.application.webhook_secrets import resealed, unreadable
from shared.application.webhook_switch import record_endpoint_audit
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crypto import CredentialCipher


class EndpointKeyRotation:
    def __init__(self, unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher, clock: Clock) -> None:
        self._unit_of_work, self._cipher, self._clock = unit_of_work, cipher, clock

    def run(self, actor: Actor) -> Rotation:
        """Endpoint by endpoint, deleted ones too; what the first key has encrypted stays as it is. May be repeated."""
        with self._unit_of_work() as work:
            endpoints = work.webhook_endpoints.all_with_deleted()
        lost = {each.id for each in endpoints if unreadable(each, self._cipher)}
        renewed = sum(self._renew(each.id, actor) for each in endpoints if each.id not in lost)
        names = [f"webhook endpoint {each.id}" for each in endpoints if each.id in lost]
        return Rotation(accounts=len(endpoints), renewed=renewed, unreadable=names)

    def _renew(self, endpoint_id: UUID, actor: Actor) -> bool:
        """Read again under the lock: what somebody saves meanwhile is not overwritten."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            before = work.webhook_endpoints.lock_even_deleted(endpoint_id)
            if before is None or (after := resealed(before, self._cipher)) == before:
                return False
            work.webhook_endpoints.save(after)
            record_endpoint_audit(work, after, "webhook_endpoint.key_rotated", actor, now)
            work.commit()
        return True
