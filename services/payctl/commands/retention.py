"""``payctl retention``: what is let go of, now instead of at the next tick."""

import click

from services.payctl.bootstrap import Tools
from shared.application.retention import Retention, rules_of


@click.group()
def retention() -> None:
    """Let go of what need not be kept."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
@click.pass_obj
def run(tools: Tools, *, dry_run: bool) -> None:
    """Purge old responses and payloads, and delete old published messages. Repeating it is harmless."""
    keeping = Retention(tools.unit_of_work, tools.clock, rules_of(tools.settings))
    counted = keeping.preview() if dry_run else keeping.run()
    for what, number in counted.items():
        click.echo(f"{what:<18} {number}{' would go' if dry_run else ''}")
