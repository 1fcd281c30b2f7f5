"""Makes, shows and changes a merchant's webhook endpoints. A secret is told once, when it is made."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.api.use_cases.ids import uuid_of
from shared.application.actor import Actor
from shared.application.views import View, time_view
from shared.application.webhook_secrets import new_secret, rotated
from shared.application.webhook_switch import record_endpoint_audit, switch_on
from shared.domain.errors import EndpointConflict, FieldError, NotFound, ValidationFailed
from shared.domain.ids import EndpointId, MerchantId
from shared.domain.webhook_endpoint import DisabledReason, EndpointSecret, WebhookEndpoint
from shared.egress.policy import EgressPolicy
from shared.egress.urls import UrlRefused, check_url
from shared.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory
from shared.runtime.clock import Clock
from shared.runtime.crypto import CredentialCipher
from shared.runtime.identifiers import new_id

# Every event is delivered to each of them.
MOST_ENDPOINTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What is to become different; ``None`` stays as it is."""

    url: str | None = None
    description: str | None = None
    event_types: tuple[str, ...] | None = None
    is_active: bool | None = None


class WebhookEndpoints:
    def __init__(
        self, unit_of_work: UnitOfWorkFactory, cipher: CredentialCipher, policy: EgressPolicy, clock: Clock
    ) -> None:
        self._unit_of_work, self._cipher, self._policy, self._clock = unit_of_work, cipher, policy, clock

    def create(
        self, url: str, description: str, event_types: tuple[str, ...], merchant_id: MerchantId, actor: Actor
    ) -> View:
        """The endpoint with its secret.

        Raises:
            ValidationFailed: nothing may be sent to that address.
            EndpointConflict: there is one at that address, or there are too many.
        """
        self._check(url)
        now, secret = self._clock.now(), new_secret()
        endpoint = WebhookEndpoint(
            id=EndpointId(new_id()),
            merchant_id=merchant_id,
            url=url,
            description=description,
            event_types=event_types,
            secrets=(EndpointSecret(self._cipher.encrypt(secret)),),
            listens_since=now,
            created_at=now,
            updated_at=now,
        )
        with self._unit_of_work() as work:
            work.webhook_endpoints.lock_all_of(merchant_id)
            self._add(work, endpoint)
            record_endpoint_audit(work, endpoint, "webhook_endpoint.created", actor, now, url=url)
            work.commit()
        return endpoint_view(endpoint) | {"secret": secret}

    def all(self, merchant_id: MerchantId) -> View:
        with self._unit_of_work() as work:
            found = work.webhook_endpoints.of_merchant(merchant_id)
        return {"data": [endpoint_view(each) for each in found]}

    def one(self, endpoint_id: str, merchant_id: MerchantId) -> View:
        """Raises ``NotFound``."""
        with self._unit_of_work() as work:
            return endpoint_view(own_endpoint(work, endpoint_id, merchant_id))

    def change(self, endpoint_id: str, change: EndpointChange, merchant_id: MerchantId, actor: Actor) -> View:
        """Raises ``NotFound``, and as ``create``."""
        if change.url is not None:
            self._check(change.url)
        now = self._clock.now()
        with self._changing(endpoint_id, merchant_id) as (work, before):
            after = _changed(before, change, now)
            self._check_free(work, before, after)
            work.webhook_endpoints.save(after)
            fields = sorted(name for name in _CHANGEABLE if getattr(before, name) != getattr(after, name))
            record_endpoint_audit(work, after, "webhook_endpoint.changed", actor, now, changed_fields=fields)
            if change.is_active and not before.is_active:
                after = switch_on(work, after, actor, now)
        return endpoint_view(after)

    def delete(self, endpoint_id: str, merchant_id: MerchantId, actor: Actor) -> None:
        """What waits for it is not sent any more. Raises ``NotFound``."""
        now = self._clock.now()
        with self._changing(endpoint_id, merchant_id) as (work, before):
            after = replace(before, is_active=False, deleted_at=now, updated_at=now)
            work.webhook_endpoints.save(after)
            work.webhook_deliveries.give_up_on(after.id, now)
            record_endpoint_audit(work, after, "webhook_endpoint.deleted", actor, now)

    def rotate_secret(self, endpoint_id: str, overlap: timedelta, merchant_id: MerchantId, actor: Actor) -> View:
        """The endpoint with its new secret. Raises ``NotFound``, and ``EndpointConflict`` where too many sign."""
        now, secret = self._clock.now(), new_secret()
        with self._changing(endpoint_id, merchant_id) as (work, before):
            after = rotated(before, secret, overlap, self._cipher, now)
            work.webhook_endpoints.save(after)
            hours = overlap // timedelta(hours=1)
            record_endpoint_audit(work, after, "webhook_endpoint.secret_rotated", actor, now, overlap_hours=hours)
        return endpoint_view(after) | {"secret": secret}

    @contextmanager
    def _changing(self, endpoint_id: str, merchant_id: MerchantId) -> Iterator[tuple[UnitOfWork, WebhookEndpoint]]:
        with self._unit_of_work() as work:
            # Two that take the same address come one after the other.
            work.webhook_endpoints.lock_all_of(merchant_id)
            yield work, own_endpoint(work, endpoint_id, merchant_id, locked=True)
            work.commit()

    def _check(self, url: str) -> None:
        try:
            check_url(url, self._policy)
        except UrlRefused as error:
            problem = FieldError("/url", error.reason)
            raise ValidationFailed("Some fields are not acceptable.", problem) from None

    def _add(self, work: UnitOfWork, endpoint: WebhookEndpoint) -> None:
        if work.webhook_endpoints.count_of(endpoint.merchant_id) >= MOST_ENDPOINTS:
            raise EndpointConflict(f"There are {MOST_ENDPOINTS} endpoints already; delete one that is not needed.")
        if not work.webhook_endpoints.add(endpoint):
            raise _taken()

    def _check_free(self, work: UnitOfWork, before: WebhookEndpoint, after: WebhookEndpoint) -> None:
        if after.url != before.url and work.webhook_endpoints.at(after.url, after.merchant_id) is not None:
            raise _taken()


_CHANGEABLE = ("url", "description", "event_types", "is_active")


def own_endpoint(
    work: UnitOfWork, endpoint_id: str, merchant_id: MerchantId, *, locked: bool = False
) -> WebhookEndpoint:
    """Raises ``NotFound``, also for another merchant's."""
    read = work.webhook_endpoints.lock if locked else work.webhook_endpoints.find
    wanted = uuid_of(endpoint_id)
    found = None if wanted is None else read(wanted, merchant_id)
    if found is None:
        raise NotFound("There is no such webhook endpoint.")
    return found


def endpoint_view(endpoint: WebhookEndpoint) -> View:
    return {
        "id": str(endpoint.id),
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.event_types),
        "is_active": endpoint.is_active,
        "failing_since": time_view(endpoint.failing_since),
        "disabled_at": time_view(endpoint.disabled_at),
        "disabled_reason": endpoint.disabled_reason,
        "previous_secrets_until": [time_view(each.until) for each in endpoint.secrets if each.until is not None],
        "created_at": time_view(endpoint.created_at),
        "updated_at": time_view(endpoint.updated_at),
    }


def _changed(before: WebhookEndpoint, change: EndpointChange, now: datetime) -> WebhookEndpoint:
    after = replace(
        before if change.url is None else before.moved_to(change.url),
        description=before.description if change.description is None else change.description,
        event_types=before.event_types if change.event_types is None else change.event_types,
        updated_at=now,
    )
    if change.is_active is False and before.is_active:
        return after.switched_off(DisabledReason.MERCHANT, now)
    return after


def _taken() -> EndpointConflict:
    return EndpointConflict(
        "There is an endpoint at this address already; if its secret is lost, rotate it.",
        FieldError("/url", "must be an address that no other endpoint of yours has"),
    )
