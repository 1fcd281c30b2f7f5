"""Has an endpoint tested, and shows how it did."""

from datetime import timedelta

from services.api.use_cases.ids import uuid_of
from services.api.use_cases.webhook_endpoints import own_endpoint
from shared.application.actor import Actor
from shared.application.addressing import endpoint_test
from shared.application.views import View, time_view
from shared.application.webhook_switch import record_endpoint_audit
from shared.domain.errors import EndpointConflict, NotFound
from shared.domain.ids import EndpointTestId, MerchantId
from shared.persistence.unit_of_work import UnitOfWorkFactory
from shared.persistence.webhook_endpoint_tests import EndpointTest
from shared.runtime.clock import Clock
from shared.runtime.identifiers import new_id

# Eight calls take two minutes at the most; what was asked for longer ago was lost on the way.
LONGEST_TEST = timedelta(minutes=5)


class WebhookTests:
    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work, self._clock = unit_of_work, clock

    def start(self, endpoint_id: str, merchant_id: MerchantId, actor: Actor) -> View:
        """Raises ``NotFound``, and ``EndpointConflict`` while another test of it runs."""
        now = self._clock.now()
        with self._unit_of_work() as work:
            endpoint = own_endpoint(work, endpoint_id, merchant_id, locked=True)
            if work.webhook_endpoint_tests.is_running(endpoint.id, now - LONGEST_TEST):
                raise EndpointConflict("A test of this endpoint is running; wait for its end.")
            test = EndpointTest(
                id=EndpointTestId(new_id()), endpoint_id=endpoint.id, merchant_id=merchant_id, created_at=now
            )
            work.webhook_endpoint_tests.add(test)
            work.outbox.add(endpoint_test(test.id, now))
            record_endpoint_audit(work, endpoint, "webhook_endpoint.tested", actor, now, test_id=str(test.id))
            work.commit()
        return _view(test)

    def one(self, endpoint_id: str, test_id: str, merchant_id: MerchantId) -> View:
        """Raises ``NotFound``."""
        wanted = uuid_of(test_id)
        with self._unit_of_work() as work:
            endpoint = own_endpoint(work, endpoint_id, merchant_id)
            test = None if wanted is None else work.webhook_endpoint_tests.find(wanted, merchant_id)
        if test is None or test.endpoint_id != endpoint.id:
            raise NotFound("There is no such test.")
        return _view(test)


def _view(test: EndpointTest) -> View:
    is_over = test.finished_at is not None
    return {
        "id": str(test.id),
        "endpoint_id": str(test.endpoint_id),
        "created_at": time_view(test.created_at),
        "finished_at": time_view(test.finished_at),
        "passed": all(each["passed"] for each in test.cases) if is_over else None,
        "cases": [dict(each) for each in test.cases],
    }
