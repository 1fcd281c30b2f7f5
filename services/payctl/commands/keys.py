"""``payctl keys``: the keys that stored credentials are encrypted with."""

import click

from services.payctl.bootstrap import Tools, open_cipher
from shared.application.actor import process_actor
from shared.application.endpoint_key_rotation import EndpointKeyRotation
from shared.application.key_rotation import KeyRotation
from shared.domain.errors import Misconfigured
from shared.runtime.crypto import CredentialUnreadable


@click.group()
def keys() -> None:
    """The keys that stored credentials are encrypted with."""


@keys.command()
@click.option("--operator", required=True, help="Who does it; kept in the audit trail.")
@click.pass_obj
def rotate(tools: Tools, operator: str) -> None:
    """Encrypt every stored secret with the first of CREDENTIAL_ENCRYPTION_KEYS. Repeating it is harmless."""
    try:
        cipher = open_cipher(tools.settings)
    except (Misconfigured, CredentialUnreadable) as error:
        raise click.ClickException(str(error)) from None
    actor = process_actor(f"operator:{operator}")
    done = KeyRotation(tools.unit_of_work, cipher, tools.clock).run(actor)
    endpoints = EndpointKeyRotation(tools.unit_of_work, cipher, tools.clock).run(actor)
    click.echo(f"{done.renewed} of {done.accounts} accounts encrypted anew")
    click.echo(f"{endpoints.renewed} of {endpoints.accounts} webhook endpoints encrypted anew")
    unreadable = [*done.unreadable, *endpoints.unreadable]
    if unreadable:
        raise click.ClickException(f"no key here opens: {', '.join(unreadable)}; keep the old key")
    click.echo("all secrets are under the first key")
