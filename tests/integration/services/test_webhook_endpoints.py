"""Changing webhook endpoints from many sides at once: every limit holds, and who is late is told why."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.fernet import Fernet

from services.api.use_cases.webhook_endpoints import MOST_ENDPOINTS, EndpointChange, WebhookEndpoints
from shared.application.actor import process_actor
from shared.application.endpoint_key_rotation import EndpointKeyRotation
from shared.domain.errors import EndpointConflict
from shared.domain.ids import MerchantId
from shared.egress.policy import EgressPolicy
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, a_merchant

ACTOR = process_actor("test")
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def unit_of_work(database: Database) -> UnitOfWorkFactory:
    return unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)


@pytest.fixture
def merchant_id(unit_of_work: UnitOfWorkFactory) -> MerchantId:
    return a_merchant(unit_of_work)[0]


def _endpoints(unit_of_work: UnitOfWorkFactory) -> WebhookEndpoints:
    return WebhookEndpoints(unit_of_work, CredentialCipher((OLD,)), EgressPolicy(), SystemClock())


def _made(endpoints: WebhookEndpoints, merchant_id: MerchantId, url: str) -> str:
    return str(endpoints.create(url, "", (), merchant_id, ACTOR)["id"])


def _at_once(count: int, do: Callable[[int], Any]) -> list[Any]:
    """What each came to: its answer, or the conflict it was told of; anything else is raised."""

    def attempt(number: int) -> Any:
        try:
            return do(number)
        except EndpointConflict as conflict:
            return conflict

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))


def _refused(outcomes: list[Any]) -> int:
    return sum(isinstance(each, EndpointConflict) for each in outcomes)


def test_of_many_made_at_once_there_are_never_more_than_the_limit(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    endpoints = _endpoints(unit_of_work)
    for number in range(MOST_ENDPOINTS - 2):
        endpoints.create(f"https://shop.example/{number}", "", (), merchant_id, ACTOR)

    outcomes = _at_once(8, lambda n: endpoints.create(f"https://shop.example/late{n}", "", (), merchant_id, ACTOR))

    assert _refused(outcomes) == 6
    with unit_of_work() as work:
        assert work.webhook_endpoints.count_of(merchant_id) == MOST_ENDPOINTS


def test_of_many_that_move_to_one_address_one_does_and_the_others_are_told(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    endpoints = _endpoints(unit_of_work)
    ids = [_made(endpoints, merchant_id, f"https://shop.example/{n}") for n in range(8)]
    change = EndpointChange(url="https://shop.example/wanted")

    outcomes = _at_once(8, lambda n: endpoints.change(ids[n], change, merchant_id, ACTOR))

    assert _refused(outcomes) == 7


def test_keys_are_rotated_for_all_endpoints_and_written_down(
    unit_of_work: UnitOfWorkFactory, merchant_id: MerchantId
) -> None:
    endpoints = _endpoints(unit_of_work)
    kept, deleted = (_made(endpoints, merchant_id, f"https://shop.example/{name}") for name in ("kept", "deleted"))
    endpoints.delete(deleted, merchant_id, ACTOR)
    rotation = EndpointKeyRotation(unit_of_work, CredentialCipher((NEW, OLD)), SystemClock())

    first, again = rotation.run(process_actor("operator:amina")), rotation.run(process_actor("operator:amina"))

    with unit_of_work() as work:
        stored = [each for each in work.webhook_endpoints.all_with_deleted() if each.merchant_id == merchant_id]
    newest = CredentialCipher((NEW,))
    assert {str(each.id) for each in stored} == {kept, deleted}
    assert all(newest.is_newest(secret.ciphertext) for each in stored for secret in each.secrets)
    assert first.renewed >= 2
    assert again.renewed == 0
