"""``payctl provider``: the accounts at the providers, secrets masked, and how each stands with us."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec
from uuid import UUID

import click

from services.payctl.bootstrap import Tools, build_tools, open_cipher, secret_fields_of
from services.payctl.commands.audit import ENV_FILE
from services.payctl.new_provider import ProviderNotWritten, write_provider
from services.payctl.settings import SettingsMissing, load_payctl_settings
from shared.application.audit_configuration import account_name
from shared.application.provider_secrets import masked_fields
from shared.application.views import time_view
from shared.coordination.redis_client import RedisAway
from shared.domain.errors import Misconfigured
from shared.domain.ids import MerchantId
from shared.persistence.provider_configs import StoredProviderConfig
from shared.provider_kit.provider import RegistersWebhooks
from shared.runtime.crypto import CredentialUnreadable

CHECKOUT = Path(__file__).parents[3]

P = ParamSpec("P")


def _pass_tools(command: Callable[Concatenate[Tools, P], None]) -> Callable[P, None]:
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        context = click.get_current_context()
        try:
            tools = context.obj or build_tools(load_payctl_settings(context.meta[ENV_FILE]))
        except SettingsMissing as error:
            raise click.ClickException(str(error)) from None
        command(tools, *args, **kwargs)

    return run


@click.group()
def provider() -> None:
    """The accounts at the providers, and how these stand with us."""


@provider.command()
@click.argument("name")
def new(name: str) -> None:
    """Write a new provider folder, shared/providers/NAME: small, working, to be turned into yours."""
    try:
        folder = write_provider(name, CHECKOUT)
    except ProviderNotWritten as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder.relative_to(CHECKOUT)} passes the contract suite as it is; its README.md says what comes next")


@provider.command("list")
@_pass_tools
def list_accounts(tools: Tools) -> None:
    """Of each provider the default account, then the merchants' own."""
    with tools.unit_of_work() as work:
        accounts = work.provider_configs.all()
    for account in accounts:
        click.echo(_line(account))
    click.echo(f"{len(accounts)} accounts")


@provider.command()
@click.argument("name")
@click.option("--merchant", "merchant_id", type=click.UUID, help="Whose account; the default one if left out.")
@_pass_tools
def show(tools: Tools, name: str, merchant_id: UUID | None) -> None:
    """One account, with how its secrets end."""
    merchant = None if merchant_id is None else MerchantId(merchant_id)
    with tools.unit_of_work() as work:
        account = work.provider_configs.find(name, merchant)
    if account is None:
        raise click.ClickException(f"{name} has no account of {account_name(merchant)}")
    try:
        fields = masked_fields(account, secret_fields_of(name), open_cipher(tools.settings))
    except (Misconfigured, CredentialUnreadable) as error:
        raise click.ClickException(str(error)) from None
    click.echo(_line(account))
    for field, value in fields.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else value
        click.echo(f"  {field:<18} {told}")


@provider.command()
@click.argument("name")
@click.option("--close", is_flag=True, help="Let every call through again, at once.")
@_pass_tools
def breaker(tools: Tools, name: str, *, close: bool) -> None:
    """Whether the provider NAME is called: closed (yes), open (not now), half_open (one call tries it)."""
    try:
        breakers = tools.open_breakers(name)
        if close:
            breakers.close(name)
    except Misconfigured as error:
        raise click.ClickException(str(error)) from None
    except RedisAway:
        raise click.ClickException("Redis is away: every call is made already") from None
    click.echo(f"{name}  {breakers.state(name)}")


@provider.command("register-webhooks")
@click.argument("name")
@click.option("--merchant", "merchant_id", type=click.UUID, help="Whose account; the default one if left out.")
@_pass_tools
def register_webhooks(tools: Tools, name: str, merchant_id: UUID | None) -> None:
    """Tell the provider NAME by its API where its callbacks go. Some take no change afterwards."""
    merchant = None if merchant_id is None else MerchantId(merchant_id)
    try:
        adapter = tools.open_provider(name, merchant)
    except (Misconfigured, CredentialUnreadable) as error:
        raise click.ClickException(str(error)) from None
    if not isinstance(adapter, RegistersWebhooks):
        raise click.ClickException(f"{name} is not told by its API where callbacks go: its README says how it is")
    told = adapter.register_webhooks()
    if not told.accepted:
        raise click.ClickException(f"{name} has not accepted the addresses: {told.detail}")
    click.echo(f"{name}  {account_name(merchant)}  accepted: {told.detail}")


def _line(account: StoredProviderConfig) -> str:
    state = "active" if account.is_active else "switched off"
    whose = account_name(account.merchant_id)
    return f"{account.provider_name:<10} {whose:<36}  {state}, changed {time_view(account.updated_at)}"
