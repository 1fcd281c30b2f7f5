"""What an operator sees of a comparison, and decides about it."""

from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.payctl.bootstrap import Tools, build_tools
from services.payctl.commands.reconcile import reconcile
from services.payctl.settings import PayctlSettings
from shared.provider_kit.provider import PaymentProvider
from tests.fakes.books import Books
from tests.fakes.breakers import no_breakers
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.makers import MERCHANT
from tests.fakes.provider import ScriptedProvider
from tests.fakes.statements import ScriptedBooks, a_line


class ProviderWithBooks(ScriptedProvider, ScriptedBooks):
    """A provider that gives statements."""

    def __init__(self) -> None:
        ScriptedProvider.__init__(self)
        ScriptedBooks.__init__(self, a_line())


class Payctl:
    def __init__(self, provider: PaymentProvider) -> None:
        self.books, clock = Books(), FakeClock()
        clock.advance(60)
        self.books.do(lambda work: work.accounts.ensure_merchant(MERCHANT, "Shop", NOON))
        self.tools = Tools(
            settings=_settings(),
            unit_of_work=self.books.unit_of_work,
            clock=clock,
            open_provider=lambda _name, _merchant: provider,
            open_breakers=no_breakers,
            declare_queues=lambda: None,
        )

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(reconcile, arguments, obj=self.tools)


def _settings(**changes: Any) -> PayctlSettings:
    given: dict[str, Any] = {
        "database_url": "postgresql://nobody@127.0.0.1:1/x",
        "amqp_url": "amqp://nowhere",
        "audit_key": "k" * 32,
    }
    return PayctlSettings(**(given | changes))


def test_a_difference_is_found_shown_and_adopted_once() -> None:
    payctl = Payctl(ProviderWithBooks())

    run = payctl("run", "--provider", "cpay", "--operator", "amina")
    run_id = run.output.splitlines()[-1].split()[0]
    (item,) = payctl.books.database.committed.reconciliation_items.values()
    listed, shown = payctl("list").output, payctl("show", run_id).output
    decide = ("adopt", str(item.id), "--merchant", str(MERCHANT), "--reason", "till", "--operator", "amina")
    first, again = payctl(*decide), payctl(*decide)

    assert "differences  lines 1, missing_ours 1" in run.output
    assert run_id in listed
    assert f"{item.id}  missing_ours payment" in shown
    assert "Succeeded 1000.00 KES  open" in shown
    assert (first.exit_code, first.output) == (0, again.output)
    assert "resolved by amina: till" in payctl("show", run_id).output


def test_a_provider_without_statements_is_said_to_have_none() -> None:
    result = Payctl(ScriptedProvider())("run", "--provider", "cpay")

    assert (result.exit_code, result.output) == (1, "Error: cpay gives no statements\n")


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    result = Payctl(ProviderWithBooks())("run", "--provider", "cpay", "--since", "2026-02-01", "--until", "2026-01-01")

    assert "--since must be before --until" in result.output


def test_unless_told_otherwise_a_provider_is_asked_no_further_back_than_it_can_tell() -> None:
    provider = ProviderWithBooks()

    Payctl(provider)("run", "--provider", "mpesa")
    Payctl(provider)("run", "--provider", "cpay")

    assert [until - since for since, until in provider.windows] == [
        timedelta(hours=47, minutes=55),
        timedelta(hours=72),
    ]


def test_a_window_that_nothing_can_be_told_of_any_more_is_refused() -> None:
    result = Payctl(ProviderWithBooks())("run", "--provider", "mpesa", "--until", "2026-01-01")

    assert result.output == "Error: mpesa cannot be asked any more about what was before --until\n"


def test_an_adoption_without_a_name_or_a_reason_is_refused() -> None:
    result = Payctl(ProviderWithBooks())("adopt", str(MERCHANT), "--merchant", str(MERCHANT))

    assert result.exit_code == 2
    assert "Missing option" in result.output


@pytest.mark.parametrize("keys", [None, "", " , "])
def test_without_the_key_it_says_which_setting_is_missing(keys: str | None) -> None:
    tools = build_tools(_settings(credential_encryption_keys=keys))

    result = CliRunner().invoke(reconcile, ["run", "--provider", "cpay"], obj=tools)

    assert result.exit_code == 1
    assert "CREDENTIAL_ENCRYPTION_KEYS: needed" in result.output
