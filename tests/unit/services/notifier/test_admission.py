"""Who may listen: what is not theirs looks like what does not exist."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from services.notifier.admission import Admission, channel_of
from services.notifier.hub import Channel, ChannelKind
from shared.domain.errors import NotAuthenticated, NotFound
from shared.domain.ids import MerchantId, UserId
from shared.persistence.accounts import Account
from shared.persistence.unit_of_work import UnitOfWork
from shared.runtime.access_tokens import AccessTokens, Principal
from shared.runtime.identifiers import new_id
from tests.fakes.books import Books
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT, OTHER_MERCHANT, USER, a_payment

KEY = "kX9vQ2mT7pL4wR8zB3nC6yF1hJ5dG0sA"
COLLEAGUE, STRANGER = UserId(new_id()), UserId(new_id())


class Door:
    def __init__(self) -> None:
        self.books, self.clock = Books(), FakeClock()
        self.tokens = AccessTokens(KEY, self.clock)
        self.admission = Admission(self.books.unit_of_work, self.tokens)
        self.own, self.foreign = a_payment(), a_payment(merchant_id=OTHER_MERCHANT)
        self.books.put(self.own)
        self.books.put(self.foreign)
        self.books.do(_add_users)

    def admit(self, channel: Channel, authorization: str | None = None, offered: Sequence[str] = ()) -> None:
        asyncio.run(self.admission.admit(channel, authorization, offered))

    def bearer(
        self,
        merchant_id: MerchantId | None = MERCHANT,
        role: str = "developer",
        scopes: frozenset[str] = frozenset({"payments:read"}),
    ) -> str:
        principal = Principal(user_id=USER, merchant_id=merchant_id, role=role, scopes=scopes)
        return f"Bearer {self.tokens.issue(principal)}"


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


ID = UUID("01900000-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("path", "channel", "after"),
    [
        (f"/ws/transaction/{ID}", _payment(ID), None),
        (f"/ws/user/{ID}", _user(ID), None),
        (f"/ws/transaction/{ID}?after=7", _payment(ID), "7"),
        (f"/ws/user/{ID}?after=1.{ID}&x=2", _user(ID), f"1.{ID}"),
        (f"/ws/user/{ID}?after=1&after=2", _user(ID), "2"),
        (f"/ws/user/{ID}?after=", _user(ID), None),
    ],
)
def test_a_path_names_a_channel(path: str, channel: Channel, after: str | None) -> None:
    assert channel_of(path) == (channel, after)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/ws",
        "/ws/transaction",
        "/ws/transaction/",
        "/ws/transaction/7",
        f"/ws/merchant/{ID}",
        f"/ws/transaction/{ID}/",
        f"/ws/transaction/{ID}/x",
        f"/x/ws/transaction/{ID}",
        f"ws/transaction/{ID}",
        f"/WS/transaction/{ID}",
        "/ws/transaction/%00",
        "/ws/transaction/../user",
    ],
)
def test_there_is_nothing_elsewhere(path: str) -> None:
    with pytest.raises(NotFound):
        channel_of(path)


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

    door.admit(_payment(door.own.id), f"Bearer {token}")


def test_a_client_token_opens_nothing_else(door: Door) -> None:
    token = door.tokens.issue_watch(door.own.id, NOON)

    for channel in (_payment(door.foreign.id), _payment(new_id()), _user(USER), _user(door.own.id)):
        with pytest.raises(NotFound):
            door.admit(channel, f"Bearer {token}")


def test_a_browser_offers_its_token_as_a_subprotocol(door: Door) -> None:
    token = door.tokens.issue_watch(door.own.id, NOON)

    door.admit(_payment(door.own.id), None, ["gateway.v1", f"token.{token}"])


@pytest.mark.parametrize(
    ("authorization", "offered"),
    [
        (None, []),
        ("", []),
        ("Bearer", []),
        ("Bearer ", []),
        ("Basic eHg6eHg=", []),
        ("Bearer nonsense", []),
        (None, ["gateway.v1"]),
        (None, ["token."]),
        (None, ["token.nonsense"]),
        (None, ["gateway.v1", "token.a.b.c"]),
    ],
)
def test_without_a_valid_token_nobody_hears_anything(authorization: str | None, offered: list[str], door: Door) -> None:
    with pytest.raises(NotAuthenticated):
        door.admit(_payment(door.own.id), authorization, offered)


def test_a_token_that_is_over_opens_nothing(door: Door) -> None:
    bearer = door.bearer()
    door.clock.advance(15 * 60)

    with pytest.raises(NotAuthenticated):
        door.admit(_payment(door.own.id), bearer)
