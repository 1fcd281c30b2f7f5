"""Runs the demo: ``python -m deploy.demo [--env-file .local/gateway.env]``."""

import sys
from pathlib import Path

import click
import httpx2
from rich.console import Console
from websockets.exceptions import WebSocketException

from deploy.demo.endpoints import DemoFailed, read_endpoints
from deploy.demo.merchant import Merchant
from deploy.demo.story import Story
from deploy.demo.telling import show_timeline

_NEXT = """
[bold]What to try next[/bold]
  {api}/openapi/swagger      the API, to click through
  make status · make logs NAME=provider-worker-cpay   what runs, and what it says
  make stop NAME=rabbitmq, pay, make start NAME=rabbitmq   payments are accepted all the same
  docs/simulator.md          amounts that decline, hang, repeat or lose their callbacks
  make down                  stop everything"""


@click.command()
@click.option("--env-file", type=click.Path(path_type=Path), default=Path(".local/gateway.env"), show_default=True)
def main(env_file: Path) -> None:
    """Take a first payment, and see every hop of it."""
    console = Console()
    try:
        endpoints = read_endpoints(env_file)
        payment = Story(Merchant(endpoints), console).tell()
    except (DemoFailed, httpx2.HTTPError, OSError, WebSocketException) as error:
        console.print(f"\n[bold red]The demo failed:[/bold red] {type(error).__name__}: {error}", soft_wrap=True)
        sys.exit(1)
    show_timeline(payment, console)
    console.print(_NEXT.format(api=endpoints.api_url), soft_wrap=True)


if __name__ == "__main__":
    main()
