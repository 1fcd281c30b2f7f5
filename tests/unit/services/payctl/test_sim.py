"""The simulators are driven from the command line: whatever a provider's folder offers, and no more."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import httpx2
import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from services.payctl.__main__ import main
from services.provider_simulator.server import SimulatorServer
from shared.domain.customer import Customer
from shared.domain.ids import TransactionId
from shared.domain.money import Money
from shared.domain.outcome import Pending
from shared.provider_kit.plugin import ProviderTools
from shared.provider_kit.provider import PaymentRequest
from shared.provider_kit.registry import discover_providers
from shared.provider_kit.sandbox import SandboxProvider, SandboxSite
from shared.provider_kit.simulator import CallbackAnswer, SimulatorEnvironment
from shared.provider_kit.tokens import LocalTokens
from shared.providers.mpesa.simulator.admin import CustomersAct
from shared.runtime.clock import SystemClock
from shared.runtime.identifiers import new_id

PROVIDERS = sorted(discover_providers())
SITE = SandboxSite(
    secret="a sandbox of tests",
    simulator_url="http://127.0.0.1:1",
    callbacks_url="http://127.0.0.1:1/webhooks",
    delay_ms=0,
    time_scale=1,
)
TILL = ("--till", "832909", "--account", "INV-7", "--phone", "+254700000000")


def _nobody_listens(url: str, headers: Mapping[str, str], body: bytes) -> CallbackAnswer | None:
    return None


def _told(name: str) -> SandboxProvider:
    return discover_providers()[name].sandbox(SITE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All simulators at one address."""
    simulators = [
        plugin.build_simulator(
            SimulatorEnvironment(
                folder=tmp_path_factory.mktemp(name),
                settings=_told(name).simulator,
                clock=SystemClock(),
                post=_nobody_listens,
            )
        )
        for name, plugin in discover_providers().items()
    ]
    server = SimulatorServer("127.0.0.1", 0, simulators)
    with capture_logs():  # else they would be printed among the answers
        server.start()
        yield f"http://127.0.0.1:{server.port}"
        server.stop()


class Sim:
    """``payctl sim`` with an environment of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self._file = folder / "gateway.env"

    def __call__(self, *arguments: str, **environment: str) -> Result:
        for name in ("SIMULATOR_URL", "ENVIRONMENT"):
            self._monkeypatch.delenv(name, raising=False)
        self._file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()), encoding="utf-8")
        return CliRunner().invoke(main, ["--env-file", str(self._file), "sim", *arguments])


class Driven:
    """``payctl sim`` with the simulators at hand."""

    def __init__(self, sim: Sim, url: str) -> None:
        self._sim = sim
        self.url = url

    def __call__(self, *arguments: str) -> Result:
        return self._sim(*arguments, SIMULATOR_URL=self.url, ENVIRONMENT="sandbox")


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sim:
    return Sim(monkeypatch, tmp_path)


@pytest.fixture
def driven(sim: Sim, server: str) -> Driven:
    return Driven(sim, server)


def _cpay(server: str, reference: str = "order-1", *, scenario: str = "succeeds") -> str:
    """A payment at CPay; their id of it."""
    body = {
        "amount": 100_000,
        "currency": "KES",
        "merchant_reference": reference,
        "customer": {"phone": "+254700000000"},
        "metadata": {"scenario": scenario},
    }
    headers = {"Authorization": f"Bearer {_told('cpay').config['api_key']}", "Idempotency-Key": f"key of {reference}"}
    answer = httpx2.post(f"{server}/v1/payments", json=body, headers=headers, trust_env=False)
    return str(answer.json()["id"])


def _prompt(server: str) -> str:
    """A prompt of M-Pesa that waits for its customer; their id of it."""
    plugin, clock = discover_providers()["mpesa"], SystemClock()
    site = replace(SITE, simulator_url=server)
    with httpx2.Client(trust_env=False) as client:
        tools = ProviderTools(client=client, clock=clock, tokens=LocalTokens(clock))
        adapter = plugin.build(plugin.config_model.model_validate(plugin.sandbox(site).config), tools)
        outcome = adapter.initialize_payment(
            PaymentRequest(
                transaction_id=TransactionId(new_id()),
                idempotency_key="key",
                amount=Money(74_800, "KES"),
                customer=Customer(phone=f"+2547{secrets.randbelow(10**8):08}"),
                metadata={},
            )
        )
    assert isinstance(outcome, Pending)
    return str(outcome.reference)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_can_be_driven(driven: Driven, name: str) -> None:
    control = discover_providers()[name].control
    assert control is not None

    told = {command: driven(command, name) for command in ("scenarios", "reset", "ledger", "deliveries")}

    assert {command: result.exit_code for command, result in told.items()} == dict.fromkeys(told, 0)
    assert json.loads(told["ledger"].output)["by_reference"] == {}
    assert told["deliveries"].output == "0 callbacks\n"
    for each in control.scenarios:
        assert f"  {each.digits}  {each.name} " in told["scenarios"].output


@pytest.mark.parametrize("name", ["cpay", "stripe"])
def test_every_action_of_a_provider_leads_somewhere(driven: Driven, name: str) -> None:
    control = discover_providers()[name].control
    assert control is not None

    told = {action: driven("act", name, "nobody-has-this-id", action).output for action in control.acts}

    assert told
    for action, output in told.items():
        assert output.startswith(("Error: refused (404)", "Error: refused (400)")), (action, output)
        assert not any(absent in output for absent in ("no such path", "Unrecognized request URL")), (action, output)


@pytest.mark.parametrize("action", CustomersAct)
def test_a_customer_of_mpesa_does_what_is_asked(driven: Driven, action: CustomersAct) -> None:
    checkout_id = _prompt(driven.url)

    first, again = driven("act", "mpesa", checkout_id, action), driven("act", "mpesa", checkout_id, action)

    assert first.exit_code == 0, first.output
    assert again.output.startswith("Error: refused (409): the customer has acted already")


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_armed_fault_is_shown_and_an_unknown_one_is_answered_with_those_that_there_are(
    driven: Driven, name: str
) -> None:
    armed, wrong = driven("fault", name, "hang", "--times", "3"), driven("fault", name, "flying")
    driven("reset", name)

    assert armed.exit_code == 0
    assert armed.output.startswith("hang  3 left")
    assert wrong.exit_code == 1
    assert wrong.output.startswith("Error: refused (400): rule: ")
    assert "truncated" in wrong.output


def test_all_scenarios_of_all_providers_are_listed_without_a_name(driven: Driven) -> None:
    lines = driven("scenarios").output.splitlines()

    assert [line for line in lines if not line.startswith(" ")] == PROVIDERS


def test_the_ledger_can_be_asked_for_one_of_our_ids(driven: Driven) -> None:
    _cpay(driven.url, "order-9")

    one, none = driven("ledger", "cpay", "--reference", "order-9"), driven("ledger", "cpay", "--reference", "order-0")

    assert json.loads(one.output)["payments"] == 1
    assert (none.exit_code, none.output) == (1, "Error: the simulator knows nothing of order-0\n")


def test_a_customer_pays_at_a_till_in_minor_units(driven: Driven) -> None:
    told = driven("pay", "cpay", *TILL, "--amount", "350.00")

    assert (told.exit_code, json.loads(told.output)["amount"]) == (0, 35_000)


def test_a_customer_pays_a_paybill_of_mpesa(driven: Driven) -> None:
    shortcode = str(_told("mpesa").simulator["shortcode"])

    told = driven("pay", "mpesa", "--till", shortcode, *TILL[2:], "--amount", "350")
    cents = driven("pay", "mpesa", "--till", shortcode, *TILL[2:], "--amount", "350.50")

    assert (told.exit_code, set(json.loads(told.output))) == (0, {"id", "status"})
    assert cents.output.startswith("Error: refused (400): amount: ")


def test_nobody_pays_at_a_till_where_there_are_none(driven: Driven) -> None:
    assert driven("pay", "stripe", *TILL, "--amount", "350").output == "Error: nobody pays at a till there\n"


@pytest.mark.parametrize("amount", ["0", "-1", "many", "1.005"])
def test_an_amount_that_is_none_is_not_paid(driven: Driven, amount: str) -> None:
    told = driven("pay", "cpay", *TILL, "--amount", amount)

    assert told.exit_code != 0
    assert "Traceback" not in told.output
    assert not isinstance(told.exception, ArithmeticError)


def test_a_customer_acts_once(driven: Driven) -> None:
    payment = _cpay(driven.url, "order-2", scenario="never_resolves")

    first, again = driven("act", "cpay", payment, "succeeds"), driven("act", "cpay", payment, "cancels")

    assert json.loads(first.output)["status"] == "succeeded"
    assert (again.exit_code, again.output.startswith("Error: refused (409): ")) == (1, True)


def test_an_action_that_is_none_is_answered_with_those_that_there_are(driven: Driven) -> None:
    told = driven("act", "mpesa", "ws_CO_1", "flies")

    assert told.exit_code == 1
    assert told.output.startswith("Error: there is no action 'flies'; there are: enters_pin, ")


def test_the_callbacks_are_listed_with_how_they_stand(driven: Driven) -> None:
    driven("reset", "cpay")
    _cpay(driven.url, "order-3")

    lines = driven("deliveries", "cpay").output.splitlines()

    assert lines[-1] == f"{len(lines) - 1} callbacks"
    assert all("/webhooks/cpay" in line for line in lines[:-1])
    assert len(lines) > 1


def test_a_provider_that_is_not_there_is_said_to_be_none(driven: Driven) -> None:
    told = driven("reset", "nobody")

    assert (told.exit_code, told.output) == (
        1,
        f"Error: there is no provider 'nobody'; there are: {', '.join(PROVIDERS)}\n",
    )


def test_a_simulator_that_does_not_answer_is_named_with_its_address(sim: Sim) -> None:
    told = sim("ledger", "cpay", SIMULATOR_URL="http://127.0.0.1:1", ENVIRONMENT="sandbox")

    assert told.exit_code == 1
    assert told.output == "Error: the simulator at http://127.0.0.1:1 does not answer: ConnectError\n"


def test_without_an_address_the_setting_is_named(sim: Sim) -> None:
    told = sim("ledger", "cpay", ENVIRONMENT="sandbox")

    assert (told.exit_code, told.output.startswith("Error: SIMULATOR_URL: ")) == (1, True)


@pytest.mark.parametrize("environment", [MappingProxyType({"ENVIRONMENT": "production"}), MappingProxyType({})])
@pytest.mark.parametrize("command", [("scenarios",), ("reset", "cpay"), ("ledger", "cpay")])
def test_there_are_no_simulators_in_production(
    sim: Sim, server: str, environment: Mapping[str, str], command: tuple[str, ...]
) -> None:
    told = sim(*command, SIMULATOR_URL=server, **environment)

    assert told.exit_code == 1
    assert told.output.startswith("Error: ENVIRONMENT: there are no simulators in production")
