"""``payctl sim``: what the simulators play, what they know, and what their customers do next."""

import functools
import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Concatenate, ParamSpec

import click
from pydantic import JsonValue

from services.payctl.bootstrap import SimTools, build_sim_tools
from services.payctl.commands.audit import ENV_FILE
from services.payctl.settings import SettingsMissing, load_sim_settings
from services.payctl.simulator_control import TillPayment
from shared.domain.errors import GatewayError
from shared.domain.money import Money

P = ParamSpec("P")


def _pass_tools(command: Callable[Concatenate[SimTools, P], None]) -> Callable[P, None]:
    """Whatever is wrong is told in one line."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(_tools(), *args, **kwargs)
        except (SettingsMissing, GatewayError) as error:
            raise click.ClickException(str(error)) from None

    return run


def _tools() -> SimTools:
    context = click.get_current_context()
    return context.obj or build_sim_tools(load_sim_settings(context.meta[ENV_FILE]))


@click.group()
def sim() -> None:
    """Drive the providers' simulators. Needs SIMULATOR_URL and nothing else; there are none in production."""


@sim.command()
@click.argument("provider", required=False)
@_pass_tools
def scenarios(tools: SimTools, provider: str | None) -> None:
    """What the simulators play, by the digits that an amount ends in, or by name.

    M-Pesa goes by whole shillings, the others by minor units.
    """
    for name in [provider] if provider else tools.providers:
        plane = tools.plane_of(name)
        click.echo(name)
        width = max((len(each.name) for each in plane.scenarios), default=0)
        for each in plane.scenarios:
            click.echo(f"  {each.digits}  {each.name:<{width}}  {each.what_happens}")


@sim.command()
@click.argument("provider")
@click.option("--reference", help="Of this id of ours only: a payment's, a refund's …")
@_pass_tools
def ledger(tools: SimTools, provider: str, reference: str | None) -> None:
    """The books of PROVIDER, as JSON."""
    with tools.open_control(provider) as control:
        books = control.ledger()
    click.echo(json.dumps(_of_reference(books, reference) if reference else books, indent=2, ensure_ascii=False))


@sim.command()
@click.argument("provider")
@_pass_tools
def deliveries(tools: SimTools, provider: str) -> None:
    """Every callback that PROVIDER owes or has sent, oldest first."""
    with tools.open_control(provider) as control:
        sent = control.deliveries()
    for each in sent:
        status = each.get("last_status") or "-"
        click.echo(
            f"{each['id']:>5}  {each['state']:<13} attempts {each['attempts']:<3} last {status:<4} "
            f"{each['variant']:<13}  {each['event_id']}  {each['url']}"
        )
    click.echo(f"{len(sent)} callbacks")


@sim.command()
@click.argument("provider")
@click.argument("rule")
@click.option("--times", type=click.IntRange(0, 1_000_000), default=1, show_default=True, help="0 disarms it.")
@_pass_tools
def fault(tools: SimTools, provider: str, rule: str, times: int) -> None:
    """Have the next answers of PROVIDER go wrong by RULE; a wrong RULE is answered with those that there are."""
    with tools.open_control(provider) as control:
        rules = control.arm(rule, times)
    for armed in rules:
        about = "".join(f"  {name} {value}" for name, value in armed.items() if name not in {"rule", "remaining"})
        click.echo(f"{armed['rule']}  {armed['remaining']} left{about}")


@sim.command()
@click.argument("provider")
@_pass_tools
def reset(tools: SimTools, provider: str) -> None:
    """Have PROVIDER forget everything: its books, what it owes, and what was armed."""
    with tools.open_control(provider) as control:
        control.reset()
    click.echo(f"{provider} has forgotten everything")


@sim.command()
@click.argument("provider")
@click.option("--till", required=True, help="Where the customer pays: a till or paybill number.")
@click.option("--account", default="", help="What the customer types as the account.")
@click.option("--amount", required=True, help="Such as 350.00.")
@click.option("--currency", default="KES", show_default=True)
@click.option("--phone", required=True, help="Such as +254700000000.")
@_pass_tools
def pay(tools: SimTools, /, provider: str, **told: str) -> None:
    """A customer pays at a till of PROVIDER, unasked."""
    payment = TillPayment(
        till=told["till"],
        account=told["account"],
        amount=_money(told["amount"], told["currency"]),
        phone=told["phone"],
    )
    with tools.open_control(provider) as control:
        _show(control.pay_at_till(payment))


@sim.command()
@click.argument("provider")
@click.argument("reference")
@click.argument("action")
@_pass_tools
def act(tools: SimTools, provider: str, reference: str, action: str) -> None:
    """A customer or a bank does ACTION to what PROVIDER calls REFERENCE (`provider_transaction_id` in our API).

    A wrong ACTION is answered with those that there are.
    """
    with tools.open_control(provider) as control:
        _show(control.act(reference, action))


def _of_reference(books: Mapping[str, JsonValue], reference: str) -> JsonValue:
    known = books.get("by_reference")
    if not isinstance(known, dict) or reference not in known:
        raise click.ClickException(f"the simulator knows nothing of {reference}")
    return known[reference]


def _money(amount: str, currency: str) -> Money:
    try:
        money = Money.from_decimal(Decimal(amount), currency)
    except InvalidOperation:
        raise click.BadParameter("not a number such as 350.00", param_hint="--amount") from None
    if not money.is_positive():
        raise click.BadParameter("must be more than nothing", param_hint="--amount")
    return money


def _show(told: Mapping[str, JsonValue]) -> None:
    click.echo(json.dumps(told, indent=2, ensure_ascii=False))
