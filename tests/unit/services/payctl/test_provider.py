"""The operators' look at a provider's breaker."""

import pytest
from click.testing import CliRunner, Result

from services.payctl.bootstrap import Tools, build_tools
from services.payctl.commands.provider import provider
from services.payctl.settings import PayctlSettings
from shared.coordination.breaker import BreakerState
from shared.coordination.redis_client import RedisAway
from shared.domain.errors import Misconfigured
from shared.domain.ids import MerchantId
from shared.provider_kit.provider import PaymentProvider, Registration
from tests.fakes.books import Books
from tests.fakes.breakers import BreakersInMemory
from tests.fakes.clock import FakeClock
from tests.fakes.makers import MERCHANT
from tests.fakes.provider import ScriptedProvider


class Desk:
    def __init__(self) -> None:
        self.breakers = BreakersInMemory()
        self.provider: PaymentProvider = ScriptedProvider()
        self.opened: list[tuple[str, MerchantId | None]] = []

    def open_provider(self, name: str, merchant_id: MerchantId | None) -> PaymentProvider:
        self.opened.append((name, merchant_id))
        return self.provider

    def run(self, *arguments: str, error: Exception | None = None) -> Result:
        def open_breakers(_name: str) -> BreakersInMemory:
            if error is not None:
                raise error
            return self.breakers

        tools = Tools(
            settings=PayctlSettings.model_construct(),
            unit_of_work=Books().unit_of_work,
            clock=FakeClock(),
            declare_queues=lambda: None,
            open_provider=self.open_provider,
            open_breakers=open_breakers,
        )
        return CliRunner().invoke(provider, list(arguments), obj=tools)


class Registering(ScriptedProvider):
    """A provider that is told where its callbacks go."""

    def __init__(self, answer: Registration) -> None:
        super().__init__()
        self.answer, self.registered = answer, 0

    def register_webhooks(self) -> Registration:
        self.registered += 1
        return self.answer


def test_a_provider_is_told_once_where_its_callbacks_go() -> None:
    desk = Desk()
    desk.provider = registering = Registering(Registration(accepted=True, detail="Success"))

    told = desk.run("register-webhooks", "mpesa", "--merchant", str(MERCHANT))

    assert (told.exit_code, told.output) == (0, f"mpesa  {MERCHANT}  accepted: Success\n")
    assert (desk.opened, registering.registered) == ([("mpesa", MERCHANT)], 1)


def test_why_a_provider_does_not_take_the_addresses_is_told() -> None:
    desk = Desk()
    desk.provider = Registering(Registration(accepted=False, detail="500.003.1001 URLs are already registered"))

    told = desk.run("register-webhooks", "mpesa")

    assert told.exit_code == 1
    assert told.output == "Error: mpesa has not accepted the addresses: 500.003.1001 URLs are already registered\n"
    assert desk.opened == [("mpesa", None)]


def test_a_provider_that_is_not_told_by_its_api_is_said_to_be_none() -> None:
    told = Desk().run("register-webhooks", "cpay")

    assert (told.exit_code, "not told by its API" in told.output) == (1, True)


def test_the_breakers_state_is_told() -> None:
    desk = Desk()
    desk.breakers.open.add("cpay")

    assert desk.run("breaker", "cpay").output == f"cpay  {BreakerState.OPEN}\n"


def test_an_operator_may_close_it() -> None:
    desk = Desk()
    desk.breakers.open.add("cpay")

    assert desk.run("breaker", "cpay", "--close").output == f"cpay  {BreakerState.CLOSED}\n"


def test_what_is_wrong_is_said_in_one_line() -> None:
    desk = Desk()

    unknown = desk.run("breaker", "x", error=Misconfigured("there is no provider 'x'"))
    away = desk.run("breaker", "cpay", error=RedisAway())

    assert (unknown.exit_code, unknown.output) == (1, "Error: there is no provider 'x'\n")
    assert (away.exit_code, away.output) == (1, "Error: Redis is away: every call is made already\n")


@pytest.mark.parametrize(("name", "complaint"), [("cpay", "REDIS_URL"), ("nobody", "no provider 'nobody'")])
def test_what_is_missing_to_look_at_a_breaker_is_named(name: str, complaint: str) -> None:
    settings = PayctlSettings.model_validate(
        {"database_url": "postgresql://nobody@127.0.0.1:1/x", "amqp_url": "amqp://nowhere", "audit_key": "k" * 32}
        | {"redis_url": None}
    )

    with pytest.raises(Misconfigured, match=complaint):
        build_tools(settings).open_breakers(name)
