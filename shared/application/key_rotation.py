"""Encrypts every stored secret with the first key, while others read and write."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.application.actor import Actor
from shared.application.audit_configuration import account_name, record_key_rotation
from shared.application.provider_secrets import resealed, unreadable_fields
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crypto import CredentialCipher


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How many of ``accounts`` were encrypted anew; ``unreadable`` names those that no key opens, left as they are."""

    accounts: int
    renewed: int
    unreadable: Sequence[str]


class KeyRotation:
    def __init__(self, unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher, clock: Clock) -> None:
        self._unit_of_work, self._cipher, self._clock = unit_of_work, cipher, clock

    def run(self, actor: Actor) -> Rotation:
        """Account by account; what the first key has encrypted stays as it is. May be stopped and repeated at will."""
        with self._unit_of_work() as work:
            accounts = work.provider_configs.all()
        lost = {each.id for each in accounts if unreadable_fields(each, self._cipher)}
        renewed = sum(self._renew(each.id, actor) for each in accounts if each.id not in lost)
        unreadable = [f"{each.provider_name} {account_name(each.merchant_id)}" for each in accounts if each.id in lost]
        return Rotation(accounts=len(accounts), renewed=renewed, unreadable=unreadable)

    def _renew(self, account_id: UUID, actor: Actor) -> bool:
        """Read again under the lock: what somebody saves meanwhile is not overwritten."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            before = work.provider_configs.lock_by_id(account_id)
            if before is None or (after := resealed(before, self._cipher)) == before:
                return False
            work.provider_configs.save(after, now)
            record_key_rotation(work, after.provider_name, after.merchant_id, actor, now)
            work.commit()
        return True
