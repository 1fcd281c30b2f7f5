"""``payctl audit``: is the audit trail whole, and what does it prove?"""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TextIO
from uuid import UUID

import click

from services.payctl.bootstrap import AuditTools, build_audit_tools
from services.payctl.settings import SettingsMissing, load_payctl_settings
from shared.application.audit_head import HeadFileUnreadable, compare_with_head
from shared.application.audit_proof import NothingToProve, ProofBroken, ProofCheck, export_proof
from shared.application.audit_verification import Finding, TrailVerification
from shared.domain.ids import TransactionId
from shared.persistence.audit_walk import AuditWalk, open_audit_walk

# Where the main command leaves the path of the settings.
ENV_FILE = "payctl.env_file"

P = ParamSpec("P")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _pass_tools(command: Callable[Concatenate[AuditTools, P], None]) -> Callable[P, None]:
    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            settings = load_payctl_settings(click.get_current_context().meta[ENV_FILE])
        except SettingsMissing as error:
            raise click.ClickException(str(error)) from None
        command(build_audit_tools(settings), *args, **kwargs)

    return run


@click.group()
def audit() -> None:
    """Verify the audit trail, and prove what is in it."""


@audit.command()
@click.option("--head", type=_FILE, help="The scheduler's audit-head: shows whether the end was cut off.")
@_pass_tools
def verify(tools: AuditTools, head: Path | None) -> None:
    """Walk the whole trail, and name the first row that was altered, removed or put in."""
    with open_audit_walk(tools.engine) as walk:
        run = TrailVerification(walk, tools.keys)
        first, others = _counted(_findings(run, walk, head))
    if first is not None:
        more = f"; {others:,} more {'thing is' if others == 1 else 'things are'} wrong" if others else ""
        raise click.ClickException(f"{first.where} {first.what}{more}")
    head_text = "no seal yet" if run.last is None else f"head {run.last.number} {run.last.seal_hash.hex()}"
    click.echo(f"{run.rows:,} rows in {run.seals:,} seals verified, {head_text}")
    click.echo(f"{run.waiting:,} rows are authentic and wait for their seal")


@audit.command()
@click.argument("transaction_id", type=click.UUID)
@click.option("--output", type=click.File("w", encoding="utf-8"), default="-", help="Where the proof goes.")
@_pass_tools
def proof(tools: AuditTools, transaction_id: UUID, output: TextIO) -> None:
    """Export the payment's rows with all that proves them."""
    of_payment = TransactionId(transaction_id)
    with open_audit_walk(tools.engine) as walk:
        try:
            output.writelines(export_proof(walk, of_payment))
        except NothingToProve as error:
            raise click.ClickException(str(error)) from None
        waiting = walk.count_unsealed_of(of_payment)
    if waiting:
        click.echo(f"{waiting} rows wait for their seal, and are not in it", err=True)


@audit.command("check-proof")
@click.argument("file", type=_FILE)
@click.option("--seal-hash", help="The hash of a seal that you know from elsewhere; it must cover all the rows.")
def check_proof(file: Path, seal_hash: str | None) -> None:
    """Check a proof: needs no database and no key."""
    check = ProofCheck(seal_hash)
    try:
        with file.open(encoding="utf-8") as lines:
            check.check(lines)
    except (ProofBroken, UnicodeDecodeError) as error:
        raise click.ClickException(f"the proof does not hold: {error}") from None
    rows = f"{check.rows} rows of payment {check.transaction_id} are as they were sealed"
    click.echo(f"{rows}; {check.seals} seals lead to seal {check.last_number}, {check.last_hash}")
    if seal_hash is None:
        click.echo("compare that hash with one that you know from elsewhere: --seal-hash")


def _findings(run: TrailVerification, walk: AuditWalk, head: Path | None) -> Iterator[Finding]:
    yield from run.findings()
    if head is not None:
        try:
            yield from compare_with_head(head, walk)
        except HeadFileUnreadable as error:
            raise click.ClickException(str(error)) from None


def _counted(findings: Iterator[Finding]) -> tuple[Finding | None, int]:
    """The first, and how many others."""
    first = next(findings, None)
    return first, sum(1 for _ in findings)
