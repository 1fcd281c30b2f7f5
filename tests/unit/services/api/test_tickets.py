"""POST /ws-tickets: a ticket opens one channel that its caller may hear."""

from typing import Any
from uuid import UUID

import pytest

from shared.domain.channel import Channel, ChannelKind
from shared.domain.ids import UserId
from shared.persistence.accounts import Account
from shared.runtime.identifiers import new_id
from tests.fakes.api import ApiOnFakes, pointers, problem
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, USER

TICKETS = "/api/v1/ws-tickets"


@pytest.fixture
def api() -> ApiOnFakes:
    return ApiOnFakes()


def _opens(api: ApiOnFakes, body: dict[str, Any]) -> Channel | None:
    """What the ticket opens that is given for ``body``."""
    answer = api.post(TICKETS, body)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    given = answer.get_json()
    assert given["expires_in"] == 30
    grant = api.tickets.redeem(given["ticket"])
    assert grant is not None
    assert (grant.merchant_id, grant.channel.path) == (MERCHANT, given["channel"])
    return grant.channel


def test_a_ticket_for_a_payment_opens_that_payments_channel(api: ApiOnFakes) -> None:
    payment_id = api.completed()

    assert _opens(api, {"transaction_id": payment_id}) == Channel(ChannelKind.TRANSACTION, UUID(payment_id))


def test_a_ticket_for_a_user_opens_that_users_channel(api: ApiOnFakes) -> None:
    assert _opens(api, {"user_id": str(USER)}) == Channel(ChannelKind.USER, USER)


def test_each_call_gives_another_ticket(api: ApiOnFakes) -> None:
    body = {"user_id": str(USER)}

    assert len({api.post(TICKETS, body).get_json()["ticket"] for _ in range(3)}) == 3


def test_another_merchants_payment_is_answered_exactly_like_one_that_does_not_exist(api: ApiOnFakes) -> None:
    foreign = {"transaction_id": api.completed(OTHER_MERCHANT)}
    missing = {"transaction_id": str(new_id())}

    answers = [problem(api.post(TICKETS, body), 404, "not_found") for body in (foreign, missing)]

    assert {each["detail"] for each in answers} == {"There is no such channel."}


def test_admins_alone_get_tickets_for_their_colleagues(api: ApiOnFakes) -> None:
    colleague = UserId(new_id())
    account = Account(user_id=colleague, merchant_id=MERCHANT, role="developer", secret_hash="x")
    api.books.do(lambda work: work.accounts.ensure_user(account, "jane@shop.example", NOON))
    body = {"user_id": str(colleague)}

    problem(api.post(TICKETS, body), 404, "not_found")
    assert api.post(TICKETS, body, Authorization=api.bearer("merchant_admin")).status_code == 201


def test_a_client_token_gets_no_tickets(api: ApiOnFakes) -> None:
    payment_id = api.completed()
    token = api.tokens.issue_watch(UUID(payment_id), NOON)

    problem(
        api.post(TICKETS, {"transaction_id": payment_id}, Authorization=f"Bearer {token}"), 401, "not_authenticated"
    )


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, [""]),
        ({"transaction_id": None}, [""]),
        ({"transaction_id": str(USER), "user_id": str(USER)}, [""]),
        ({"transaction_id": "x"}, ["/transaction_id"]),
        ({"user_id": 7}, ["/user_id"]),
        ({"user_id": str(USER), "channel": "x"}, ["/channel"]),
    ],
)
def test_a_ticket_is_for_one_channel(body: dict[str, Any], wrong: list[str], api: ApiOnFakes) -> None:
    refused = problem(api.post(TICKETS, body), 422, "validation_failed")

    assert [pointer.rstrip("/") for pointer in pointers(refused)] == wrong


def test_without_redis_there_are_no_tickets_and_the_caller_hears_what_else_there_is(api: ApiOnFakes) -> None:
    api.tickets.is_away = True

    refused = problem(api.post(TICKETS, {"user_id": str(USER)}), 503, "unavailable")

    assert refused["retryable"] is True
    assert "token" in refused["detail"]


def test_a_ticket_is_in_no_audit_entry(api: ApiOnFakes) -> None:
    ticket = api.post(TICKETS, {"user_id": str(USER)}).get_json()["ticket"]

    assert api.audited
    assert ticket not in repr(api.audited)
