"""The one way in of every POST that moves money: claimed, recorded, and waited for as long as the caller prefers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.api.idempotency import IdempotentExecution, IdempotentRequest, StoredResponse, Work, encoded
from services.api.use_cases.refresh_payment import RefreshPayment
from services.api.waiting import Wait, Waits
from shared.application.views import View
from shared.persistence.errors import StorageUnavailable


@dataclass(frozen=True, slots=True)
class Resource:
    """How what was made is looked at afterwards, by its id: as it is now, and whether its first outcome is known."""

    current: Callable[[UUID], View]
    has_outcome: Callable[[UUID], bool]


class Acceptance:
    def __init__(self, execution: IdempotentExecution, refresh: RefreshPayment, waits: Waits) -> None:
        self._execution, self._refresh, self._waits = execution, refresh, waits

    def run(self, asked: IdempotentRequest, do: Work, resource: Resource, prefer: Sequence[str]) -> StoredResponse:
        """As ``IdempotentExecution.run``; with ``Prefer: wait=N`` then the resource, once its first outcome is known.

        The stored answer stays what it was: a repetition without the preference gets that. Where ``do`` raises
        ``PaymentUnfinished``, the provider is asked, and the wait is first for what it says.
        """
        with self._waits.place(prefer) as wait:
            stored = self._refresh.before(lambda: self._execution.run(asked, do, resource.current), wait)
            return _with_outcome(stored, resource, wait)


def _with_outcome(stored: StoredResponse, resource: Resource, wait: Wait) -> StoredResponse:
    try:
        if not wait.until(lambda: resource.has_outcome(stored.resource_id)):
            return stored
        body = encoded(resource.current(stored.resource_id))
    except StorageUnavailable:
        # It is accepted: that the database went away since is no reason to say anything else.
        return stored
    return StoredResponse(
        status=200,
        body=body,
        resource_id=stored.resource_id,
        is_replay=stored.is_replay,
        waited_seconds=wait.seconds,
    )
