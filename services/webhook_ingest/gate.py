"""Turns away strangers who have had their turn, before anything of theirs is read: that costs next to nothing."""

from services.webhook_ingest.admission import Admission
from services.webhook_ingest.known_accounts import FindProvider
from services.webhook_ingest.receiver import Verdict
from shared.persistence.errors import StorageUnavailable
from shared.runtime.metrics import WEBHOOKS
from shared.runtime.problems import Problem

# Where the providers' names begin.
PREFIX = "/api/v1/webhooks/"

TOO_MANY_STRANGERS = Problem(
    status=429,
    code="rate_limited",
    detail="Too much from this address that is not genuine; send it again.",
    retry_after_seconds=1,
)


class Gate:
    """Only looks: whoever passes takes its turn, or is told the same, where its callback is received."""

    def __init__(self, find_provider: FindProvider, admission: Admission) -> None:
        self._find_provider, self._admission = find_provider, admission

    def refusal(self, path: str, sender: str) -> Problem | None:
        """What a request to this path from this sender is answered unread; it is counted, and not logged."""
        provider = self._provider(path)
        if provider is None or not self._admission.has_no_turn(provider, sender):
            return None
        WEBHOOKS.labels(provider=provider, verdict=Verdict.THROTTLED).inc()
        return TOO_MANY_STRANGERS

    def _provider(self, path: str) -> str | None:
        try:
            found = self._find_provider(path.removeprefix(PREFIX).partition("/")[0])
        except StorageUnavailable:
            return None
        return None if found is None else found.name
