"""Who may listen: what is not theirs looks like what does not exist."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from services.notifier.admission import Admission, Admitted
from services.notifier.asking import Asked
from shared.coordination.redis_client import RedisAway
from shared.coordination.ws_tickets import TicketGrant
from shared.domain.channel import Channel, ChannelKind
from shared.domain.errors import NotAuthenticated, NotFound
from shared.domain.ids import MerchantId, UserId
from shared.persistence.accounts import Account
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.access_tokens import ACCESS_LIFETIME, WATCH_LIFETIME, AccessTokens, Principal
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, USER, a_payment
from tests.fakes.ws_tickets import InMemoryTickets

KEY = "kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA"
SESSION = timedelta(hours=1)
COLLEAGUE, STRANGER = UserId(new_id()), UserId(new_id())


class Door:
    def __init__(self) -> None:
        self.books, self.clock = Books(), FakeClock()
        self.tokens, self.tickets = AccessTokens(KEY, self.clock), InMemoryTickets(self.clock)
        self.admission = Admission(self.books.unit_of_work, self.tokens, self.tickets, self.clock, SESSION)
        self.own, self.foreign = a_payment(), a_payment(merchant_id=OTHER_MERCHANT)
        self.books.put(self.own)
        self.books.put(self.foreign)
        self.books.do(_add_users)

    def admit(self, channel: Channel, token: str | None = None, ticket: str | None = None) -> Admitted:
        return asyncio.run(self.admission.admit(Asked(channel, None, ticket, token)))

    def ticket(self, channel: Channel) -> str:
        return self.tickets.issue(TicketGrant(channel, MERCHANT))

    def bearer(
        self,
        merchant_id: MerchantId | None = MERCHANT,
        role: str = "developer",
        scopes: frozenset[str] = frozenset({"payments:read"}),
    ) -> str:
        principal = Principal(user_id=USER, merchant_id=merchant_id, role=role, scopes=scopes)
        return self.tokens.issue(principal)


def _add_users(work: UnitOfWork) -> None:
    for user_id, merchant_id in ((USER, MERCHANT), (COLLEAGUE, MERCHANT), (STRANGER, OTHER_MERCHANT)):
        account = Account(user_id=user_id, merchant_id=merchant_id, role="developer", secret_hash="x")
        work.accounts.ensure_user(account, f"{user_id}@gateway.example", NOON)


@pytest.fixture
def door() -> Door:
    return Door()


def _payment(payment_id: UUID) -> Channel:
    return Channel(ChannelKind.TRANSACTION, payment_id)


def _user(user_id: UUID) -> Channel:
    return Channel(ChannelKind.USER, user_id)


def test_a_merchants_people_may_hear_its_payments(door: Door) -> None:
    door.admit(_payment(door.own.id), door.bearer())


def test_another_merchants_payment_is_refused_exactly_like_one_that_does_not_exist(door: Door) -> None:
    with pytest.raises(NotFound) as foreign:
        door.admit(_payment(door.foreign.id), door.bearer())
    with pytest.raises(NotFound) as missing:
        door.admit(_payment(new_id()), door.bearer())

    assert foreign.value.detail == missing.value.detail


def test_everybody_may_hear_their_own_feed(door: Door) -> None:
    door.admit(_user(USER), door.bearer())


@pytest.mark.parametrize("role", ["merchant_admin", "platform_admin"])
def test_admins_may_hear_their_colleagues(role: str, door: Door) -> None:
    door.admit(_user(COLLEAGUE), door.bearer(role=role))


@pytest.mark.parametrize("role", ["developer", "operator", "viewer", "", "admin"])
def test_others_may_not_hear_their_colleagues(role: str, door: Door) -> None:
    with pytest.raises(NotFound):
        door.admit(_user(COLLEAGUE), door.bearer(role=role))


@pytest.mark.parametrize("role", ["merchant_admin", "platform_admin", "developer"])
def test_nobody_may_hear_another_merchants_people(role: str, door: Door) -> None:
    with pytest.raises(NotFound):
        door.admit(_user(STRANGER), door.bearer(role=role))


def test_who_belongs_to_no_merchant_hears_nothing(door: Door) -> None:
    with pytest.raises(NotFound):
        door.admit(_payment(door.own.id), door.bearer(merchant_id=None, role="platform_admin"))


def test_who_may_not_read_payments_hears_nothing(door: Door) -> None:
    with pytest.raises(NotFound):
        door.admit(_payment(door.own.id), door.bearer(scopes=frozenset({"providers:read"})))


def test_a_client_token_opens_its_payment(door: Door) -> None:
    token = door.tokens.issue_watch(door.own.id, NOON)

    door.admit(_payment(door.own.id), token)


def test_a_client_token_opens_nothing_else(door: Door) -> None:
    token = door.tokens.issue_watch(door.own.id, NOON)

    for channel in (_payment(door.foreign.id), _payment(new_id()), _user(USER), _user(door.own.id)):
        with pytest.raises(NotFound):
            door.admit(channel, token)


@pytest.mark.parametrize("token", [None, "", "nonsense", "a.b.c"])
def test_without_a_valid_token_nobody_hears_anything(token: str | None, door: Door) -> None:
    with pytest.raises(NotAuthenticated):
        door.admit(_payment(door.own.id), token)


def test_a_token_that_is_over_opens_nothing(door: Door) -> None:
    bearer = door.bearer()
    door.clock.advance(15 * 60)

    with pytest.raises(NotAuthenticated):
        door.admit(_payment(door.own.id), bearer)


def test_a_connection_lasts_as_long_as_its_access_token(door: Door) -> None:
    bearer = door.bearer()
    door.clock.advance(60)

    assert door.admit(_user(USER), bearer) == Admitted(MERCHANT, NOON + ACCESS_LIFETIME)


def test_a_client_tokens_connection_lasts_as_long_as_that_and_counts_as_its_merchants(door: Door) -> None:
    token = door.tokens.issue_watch(door.foreign.id, NOON)

    assert door.admit(_payment(door.foreign.id), token) == Admitted(OTHER_MERCHANT, NOON + WATCH_LIFETIME)


def test_a_client_token_of_a_payment_that_is_not_here_opens_nothing(door: Door) -> None:
    payment_id = new_id()

    with pytest.raises(NotFound):
        door.admit(_payment(payment_id), door.tokens.issue_watch(payment_id, NOON))


def test_a_ticket_opens_its_channel_for_a_bounded_time(door: Door) -> None:
    channel = _payment(door.own.id)

    assert door.admit(channel, ticket=door.ticket(channel)) == Admitted(MERCHANT, NOON + SESSION)


def test_a_ticket_opens_nothing_a_second_time(door: Door) -> None:
    channel = _payment(door.own.id)
    ticket = door.ticket(channel)
    door.admit(channel, ticket=ticket)

    with pytest.raises(NotAuthenticated):
        door.admit(channel, ticket=ticket)


def test_a_ticket_opens_no_other_channel_and_is_used_up_by_the_attempt(door: Door) -> None:
    channel = _payment(door.own.id)
    for other in (_payment(door.foreign.id), _payment(new_id()), _user(USER), _user(door.own.id)):
        ticket = door.ticket(channel)
        with pytest.raises(NotFound):
            door.admit(other, ticket=ticket)
        with pytest.raises(NotAuthenticated):
            door.admit(channel, ticket=ticket)


def test_a_ticket_is_good_for_half_a_minute(door: Door) -> None:
    channel = _payment(door.own.id)
    in_time, too_late = door.ticket(channel), door.ticket(channel)

    door.clock.advance(29)
    door.admit(channel, ticket=in_time)
    door.clock.advance(1)
    with pytest.raises(NotAuthenticated):
        door.admit(channel, ticket=too_late)


def test_a_ticket_that_is_no_good_is_not_mended_by_a_token(door: Door) -> None:
    with pytest.raises(NotAuthenticated):
        door.admit(_payment(door.own.id), door.bearer(), ticket="gwt_nonsense")


def test_without_redis_a_ticket_is_neither_good_nor_bad_and_tokens_still_open(door: Door) -> None:
    channel = _payment(door.own.id)
    door.tickets.is_away = True

    with pytest.raises(RedisAway):
        door.admit(channel, ticket="gwt_x")
    door.admit(channel, door.bearer())
