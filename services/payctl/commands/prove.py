"""``payctl prove``: runs the proof that no accepted payment is lost and none is taken twice."""

import subprocess
import sys
from pathlib import Path

import click

CHECKOUT = Path(__file__).parents[3]


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def prove(arguments: tuple[str, ...]) -> None:
    """Kill, cut off and freeze a system of its own, and count what is lost or doubled.

    Takes --smoke, --only NAME, --seed N, --write FILE and --list. It lives among the tests, so it needs a checkout.
    """
    if not (CHECKOUT / "tests" / "chaos" / "__main__.py").is_file():
        raise click.ClickException("prove needs a checkout of the repository: the proof is not part of the image")
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    raise SystemExit(subprocess.run(command, cwd=CHECKOUT, check=False).returncode)  # noqa: S603 - our own module
