"""The commands: up, down, status, logs, start, stop, restart, clean."""

import os
import sys
from collections.abc import Callable

import click
from rich.console import Console
from rich.markup import escape

from deploy.local.errors import LocalError, StartFailed
from deploy.local.interrupts import interrupt_on_signals
from deploy.local.log_output import follow, log_files, show
from deploy.local.site import open_site
from deploy.local.status import StatusLine, status_lines
from deploy.local.system import LocalSystem

COLOURS = {"running": "green", "stopped": "red", "foreign": "yellow"}
INTERRUPTED_EXIT_CODE = 130
console = Console(soft_wrap=True, highlight=False)
errors = Console(stderr=True, soft_wrap=True, highlight=False)


def main() -> None:
    """Run a command; failures are one line (and the end of a log), never a traceback."""
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LocalError as error:
        _show_failure(error)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `logs | head`: nobody reads any more
    except (KeyboardInterrupt, click.Abort):
        errors.print("interrupted")
        sys.exit(INTERRUPTED_EXIT_CODE)


@click.group()
def cli() -> None:
    """Run the payment gateway on this machine without Docker (or with its servers in Docker)."""
    interrupt_on_signals()


@cli.command()
@click.option("--only", multiple=True, metavar="NAME", help="Start only this server or process (repeatable).")
def up(only: tuple[str, ...]) -> None:
    """Start what does not run: servers, then our processes."""
    system = _system()
    system.up(only or None)
    _show_endpoints(system)


@cli.command()
def down() -> None:
    """Stop everything we started; data stays."""
    _system().down()
    console.print("everything is stopped; the data is still there (`make clean` removes it)")


@cli.command()
def clean() -> None:
    """Stop everything and delete all data."""
    _system().clean()
    console.print("stopped and removed")


@cli.command()
def status() -> None:
    """One line per server and process; fails when something does not run."""
    system = _system()
    system.environment()
    lines = status_lines(open_site(system.settings), system.specs)
    for line in lines:
        console.print(_row(line))
    if not all(line.is_fine for line in lines):
        sys.exit(1)


@cli.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", "following", is_flag=True, help="Go on showing lines as they come.")
def logs(name: str | None, *, following: bool) -> None:
    """Show the logs of one server or process, or of all."""
    files = log_files(_system().state, name)
    show(files, click.echo)
    if following:
        follow(files, click.echo)


@cli.command()
@click.argument("name")
def start(name: str) -> None:
    """Start one server or process."""
    _system().start(name)


@cli.command()
@click.argument("name")
@click.option("--kill", is_flag=True, help="With SIGKILL, as a crash would.")
def stop(name: str, *, kill: bool) -> None:
    """Stop one server or process."""
    stopped = _system().stop(name, kill=kill)
    console.print(f"{name}: {'stopped' if stopped else 'was not running'}")


@cli.command()
@click.argument("name")
def restart(name: str) -> None:
    """Stop one server or process and start it again."""
    _system().restart(name)


def _system() -> LocalSystem:
    return LocalSystem(report=_reporter())


def _reporter() -> Callable[[str], None]:
    return lambda message: console.print(escape(message))


def _show_endpoints(system: LocalSystem) -> None:
    environment = system.environment()
    console.print()
    for name in ("API_URL", "WS_URL", "INGEST_URL", "SIMULATOR_URL"):
        console.print(f"  [bold]{name:<14}[/bold] {environment[name]}")
    console.print(f"\n  credentials    {system.state.gateway_env}")
    console.print("  next           make demo · make status · make logs NAME=api · make down")


def _row(line: StatusLine) -> str:
    colour = COLOURS[line.state]
    pid = "-" if line.pid is None else str(line.pid)
    fixed = f"{line.name:<22} {line.kind:<8} [{colour}]{line.state:<8}[/{colour}] {pid:>8}  {line.address:<30} "
    return fixed + escape(line.readiness)


def _show_failure(error: LocalError) -> None:
    if isinstance(error, StartFailed) and error.log_tail:
        errors.print(f"--- the end of the log of {error.name}")
        errors.print(escape(error.log_tail))
        errors.print("---")
    errors.print(f"[red]{escape(str(error))}[/red]")
