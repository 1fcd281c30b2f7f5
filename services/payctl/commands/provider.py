"""``payctl provider``: how a provider stands with us."""

import click

from services.payctl.bootstrap import Tools
from shared.coordination.redis_client import RedisAway
from shared.domain.errors import Misconfigured


@click.group()
def provider() -> None:
    """How a provider stands with us."""


@provider.command()
@click.argument("name")
@click.option("--close", is_flag=True, help="Let every call through again, at once.")
@click.pass_obj
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
