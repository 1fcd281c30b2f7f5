"""Merchants' endpoints from the operators' command line."""

import pytest
from click.testing import CliRunner, Result

from services.payctl.bootstrap import Tools
from services.payctl.commands.webhooks import webhooks as commands
from services.payctl.settings import PayctlSettings
from shared.domain.webhook_delivery import DeliveryState
from shared.runtime.identifiers import new_id
from tests.fakes.breakers import no_breakers
from tests.fakes.makers import OTHER_MERCHANT
from tests.fakes.provider import ScriptedProvider
from tests.fakes.webhooks import REFUSED, WebhooksOnFakes


@pytest.fixture
def webhooks() -> WebhooksOnFakes:
    return WebhooksOnFakes()


def _run(webhooks: WebhooksOnFakes, *arguments: object) -> Result:
    tools = Tools(
        settings=PayctlSettings.model_construct(),
        unit_of_work=webhooks.books.unit_of_work,
        clock=webhooks.clock,
        declare_queues=lambda: None,
        open_provider=lambda _name, _merchant: ScriptedProvider(),
        open_breakers=no_breakers,
    )
    return CliRunner().invoke(commands, [str(each) for each in arguments], obj=tools)


def _audited(webhooks: WebhooksOnFakes) -> list[tuple[str, str | None]]:
    return [(each.event_type, each.user_id) for each in webhooks.books.database.committed.audit_log.values()]


def test_endpoints_are_listed_with_how_they_stand(webhooks: WebhooksOnFakes) -> None:
    quick, failing = webhooks.endpoint(), webhooks.endpoint(OTHER_MERCHANT)
    webhooks.answer = REFUSED
    webhooks.told(OTHER_MERCHANT)
    webhooks.work_off(failing)

    everything = _run(webhooks, "endpoints").output
    theirs = _run(webhooks, "endpoints", "--merchant", OTHER_MERCHANT).output

    assert f"{quick}" in everything
    assert "failing since 2026-01-15T12:00:00.000Z, 1 in a row" in theirs
    assert f"{quick}" not in theirs


def test_deliveries_are_listed_with_their_last_attempt(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.answer = REFUSED
    webhooks.told()
    webhooks.work_off(endpoint_id)

    shown = _run(webhooks, "deliveries", endpoint_id).output

    assert "payment.initiated" in shown
    assert "waiting   1 tried, last: 500  next 2026-01-15T12:01:00.000Z" in shown
    assert _run(webhooks, "deliveries", endpoint_id, "--state", "failed").output == "0 shown\n"


def test_one_delivery_is_sent_again_and_that_is_audited(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.told()
    webhooks.work_off(endpoint_id)
    (delivery,) = webhooks.deliveries(endpoint_id)

    assert _run(webhooks, "resend", delivery.id, "--operator", "amina").exit_code == 0
    webhooks.work_off(endpoint_id)

    assert len(webhooks.posted) == 2
    assert ("webhook_delivery.sent_again", "operator:amina") in _audited(webhooks)


def test_what_is_missing_since_a_time_is_recovered(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint()
    webhooks.happens(count=3)

    shown = _run(webhooks, "recover", endpoint_id, "--since", "2026-01-15T11:00:00+0000", "--operator", "amina")

    assert shown.output == "3 deliveries are under way\n"
    assert webhooks.work_off(endpoint_id) == 3


def test_an_endpoint_is_switched_off_and_on_its_others_told_and_both_audited(webhooks: WebhooksOnFakes) -> None:
    endpoint_id, other = webhooks.endpoint(), webhooks.endpoint()

    for _ in range(2):
        assert _run(webhooks, "disable", endpoint_id, "--operator", "amina").exit_code == 0
    off = webhooks.stored(endpoint_id)
    assert _run(webhooks, "enable", endpoint_id, "--operator", "amina").exit_code == 0

    assert (off.is_active, off.disabled_reason) == (False, "operator")
    assert webhooks.stored(endpoint_id).is_active
    assert [each.event_type for each in webhooks.deliveries(other)] == ["webhook_endpoint.disabled"]
    assert [each.state for each in webhooks.deliveries(other)] == [DeliveryState.WAITING]
    assert _audited(webhooks) == [
        ("webhook_endpoint.disabled", "operator:amina"),
        ("webhook_endpoint.enabled", "operator:amina"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("deliveries", new_id()),
        ("resend", new_id(), "--operator", "a"),
        ("enable", new_id(), "--operator", "a"),
        ("disable", new_id(), "--operator", "a"),
        ("recover", new_id(), "--since", "2026-01-15T11:00:00+0000", "--operator", "a"),
    ],
)
def test_what_is_not_there_is_said_to_be_not_there(webhooks: WebhooksOnFakes, arguments: tuple[object, ...]) -> None:
    shown = _run(webhooks, *arguments)

    assert shown.exit_code == 1
    assert "there is no" in shown.output


def test_nothing_is_sent_again_to_what_is_off(webhooks: WebhooksOnFakes) -> None:
    endpoint_id = webhooks.endpoint(is_active=False)

    shown = _run(webhooks, "recover", endpoint_id, "--since", "2026-01-15T11:00:00+0000", "--operator", "amina")

    assert (shown.exit_code, "switched off" in shown.output) == (1, True)
