"""What is brought forward in a sandbox: an endpoint's rest, too; PostgreSQL and the fake agree."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.ids import EndpointId
from shared.domain.webhook_endpoint import EndpointSecret, WebhookEndpoint
from shared.persistence.unit_of_work import UnitOfWorkFactory, unit_of_work_factory
from shared.runtime.identifiers import new_id
from tests.fakes.makers import MERCHANT
from tests.fakes.persistence.session import Database as InMemory
from tests.fakes.persistence.unit_of_work import in_memory
from tests.integration.conftest import Database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant

UNTIL = NOW + timedelta(hours=1)


@pytest.fixture(params=["postgresql", "memory"])
def endpoint(request: pytest.FixtureRequest) -> tuple[UnitOfWorkFactory, WebhookEndpoint]:
    unit_of_work, merchant_id = in_memory(InMemory()), MERCHANT
    if request.param == "postgresql":
        database: Database = request.getfixturevalue("database")
        unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
        merchant_id, _ = a_merchant(unit_of_work)
    made = WebhookEndpoint(
        id=EndpointId(new_id()),
        merchant_id=merchant_id,
        url="https://shop.example/",
        secrets=(EndpointSecret("ciphertext"),),
        listens_since=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    with unit_of_work() as work:
        assert work.webhook_endpoints.add(made)
        work.commit()
    return unit_of_work, made


@pytest.mark.parametrize(
    ("rests_until", "after"),
    [
        (UNTIL, NOW),
        (UNTIL + timedelta(seconds=1), UNTIL + timedelta(seconds=1)),
        (NOW - timedelta(seconds=1), NOW - timedelta(seconds=1)),
        (None, None),
    ],
)
def test_a_rest_that_is_over_within_the_time_is_over_now(
    endpoint: tuple[UnitOfWorkFactory, WebhookEndpoint], rests_until: datetime | None, after: datetime | None
) -> None:
    unit_of_work, made = endpoint
    with unit_of_work() as work:
        found = work.webhook_endpoints.lock(made.id)
        assert found is not None
        work.webhook_endpoints.save(replace(found, rests_until=rests_until))
        work.commit()

    with unit_of_work() as work:
        brought = work.due_times.bring_forward(NOW, UNTIL)
        work.commit()

    with unit_of_work() as work:
        found = work.webhook_endpoints.lock(made.id)
    assert found is not None
    assert (found.rests_until, brought["endpoints"]) == (after, int(rests_until != after))
