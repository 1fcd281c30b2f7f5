"""Runs the operators' command line: ``./payctl --help``."""

import sys
from pathlib import Path

import click
import structlog

from services.payctl.bootstrap import build_tools
from services.payctl.commands.audit import ENV_FILE, audit
from services.payctl.commands.callbacks import callbacks
from services.payctl.commands.clock import clock
from services.payctl.commands.dlq import dlq
from services.payctl.commands.keys import keys
from services.payctl.commands.outbox import outbox
from services.payctl.commands.payment import payment
from services.payctl.commands.prove import prove
from services.payctl.commands.provider import provider
from services.payctl.commands.queues import rebuild_queues
from services.payctl.commands.reconcile import reconcile
from services.payctl.commands.retention import retention
from services.payctl.commands.review import review
from services.payctl.commands.sim import sim
from services.payctl.commands.webhooks import webhooks
from services.payctl.settings import SettingsMissing, load_payctl_settings
from shared.persistence.errors import StorageUnavailable


@click.group(
    commands=[
        audit,
        callbacks,
        clock,
        dlq,
        keys,
        outbox,
        payment,
        provider,
        prove,
        rebuild_queues,
        reconcile,
        retention,
        review,
        sim,
        webhooks,
    ]
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    default=Path(".local/gateway.env"),
    show_default=True,
    help="Where DATABASE_URL and the other settings are, if not in the environment.",
)
@click.pass_context
def main(context: click.Context, env_file: Path) -> None:
    """Look at the gateway, and act on it."""
    context.meta[ENV_FILE] = env_file
    if context.invoked_subcommand in {audit.name, prove.name, provider.name, sim.name}:
        return  # these read their settings themselves: who checks a proof or writes a provider may have none
    try:
        context.obj = build_tools(load_payctl_settings(env_file))
    except SettingsMissing as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    # What is told to the operator stands alone on standard output.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        main(prog_name="payctl")
    except StorageUnavailable as error:
        sys.exit(f"payctl: the database cannot be reached: {error}")
