"""The operators' look at a provider's breaker."""

import pytest
from click.testing import CliRunner, Result

from services.payctl.bootstrap import Tools, build_tools
from services.payctl.commands.provider import provider
from services.payctl.settings import PayctlSettings
from shared.coordination.breaker import BreakerState
from shared.coordination.redis_client import RedisAway
from shared.domain.errors import Misconfigured
from tests.fakes.books import Books
from tests.fakes.breakers import BreakersInMemory
from tests.fakes.clock import FakeClock
from tests.fakes.provider import ScriptedProvider


class Desk:
    def __init__(self) -> None:
        self.breakers = BreakersInMemory()

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
            open_provider=lambda _name: ScriptedProvider(),
            open_breakers=open_breakers,
        )
        return CliRunner().invoke(provider, list(arguments), obj=tools)


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
