"""``payctl audit``: verifies with the database and the key, and checks proofs without either."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from services.payctl.__main__ import main
from services.scheduler.sealing import AuditSealing
from shared.application.actor import Actor
from shared.application.audit_proof import ProofBroken, ProofCheck
from shared.application.journal import record_audit
from shared.domain.transaction import Transaction
from shared.persistence.audit_walk import open_audit_walk
from shared.persistence.unit_of_work import unit_of_work_factory
from tests.fakes.clock import FakeClock
from tests.integration.conftest import Database, new_database
from tests.integration.makers import AUDIT_KEYS, NOW, a_merchant, a_payment
from tests.servers import Servers

ROWS = 7


@dataclass(frozen=True)
class Books:
    """Two payments whose rows alternate, sealed three at a time: 14 rows in 5 seals."""

    database: Database
    ours: Transaction
    theirs: Transaction
    folder: Path

    def payctl(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["--env-file", str(self.folder / "env"), "audit", *arguments])

    def proof(self) -> list[str]:
        file = self.folder / "proof"
        assert self.payctl("proof", str(self.ours.id), "--output", str(file)).exit_code == 0
        return file.read_text(encoding="utf-8").splitlines(keepends=True)

    def hashes(self) -> list[str]:
        with open_audit_walk(self.database.application) as walk:
            return [seal.seal_hash.hex() for seal in walk.seals()]


@pytest.fixture(scope="module")
def books(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder = tmp_path_factory.mktemp("payctl")
    with new_database(servers.urls["postgres"]) as database:
        unit_of_work = unit_of_work_factory(database.application, audit_keys=AUDIT_KEYS)
        merchant_id, _ = a_merchant(unit_of_work)
        ours, theirs = a_payment(merchant_id), a_payment(merchant_id)
        with unit_of_work() as work:
            work.transactions.add(ours)
            work.transactions.add(theirs)
            work.commit()
        for number in range(ROWS):
            with unit_of_work() as work:
                for payment in (ours, theirs):
                    who = Actor(user_id="Zoë", ip_address="192.0.2.1", user_agent='a"b\\c')
                    record_audit(work, payment, "payment.checked", who, {"number": number, "rate": 0.1})
                work.commit()
        AuditSealing(unit_of_work, AUDIT_KEYS, FakeClock(NOW), folder / "audit-head", batch=3)()
        url = database.application.url.render_as_string(hide_password=False)
        settings = f"DATABASE_URL={url}\nAMQP_URL=amqp://nowhere\nAUDIT_KEY=the-audit-key-of-the-integration-tests\n"
        (folder / "env").write_text(settings, encoding="utf-8")
        yield Books(database, ours, theirs, folder)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "AMQP_URL", "AUDIT_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_a_whole_trail_is_told_with_its_head(books: Books) -> None:
    result = books.payctl("verify", "--head", str(books.folder / "audit-head"))

    assert result.exit_code == 0
    assert f"14 rows in 5 seals verified, head 5 {books.hashes()[-1]}\n" in result.output


def test_the_first_wrong_row_is_named_with_the_number_of_others(books: Books) -> None:
    with open_audit_walk(books.database.application) as walk:
        victim = walk.rows_of_transaction(books.ours.id)[1].leaf
    with books.database.owner.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("CREATE TABLE kept AS TABLE audit_logs"))
        statement = (
            "UPDATE audit_logs SET user_agent = 'x' WHERE transaction_id = :id AND event_data ->> 'number' > '0'"
        )
        connection.execute(text(statement), {"id": books.ours.id})
        connection.commit()

    result = books.payctl("verify")

    with books.database.owner.connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("DELETE FROM audit_logs"))
        connection.execute(text("INSERT INTO audit_logs SELECT * FROM kept"))
        connection.commit()
    assert result.exit_code == 1
    assert (
        f"row {victim.audit_id} (seal {victim.seal_number}, position {victim.position}) has been alt" in result.output
    )
    assert "5 more things are wrong" in result.output


def test_a_head_that_the_database_does_not_have_is_told(books: Books, tmp_path: Path) -> None:
    head = tmp_path / "head"
    head.write_text((books.folder / "audit-head").read_text() + f"6 {'00' * 32} 2026-01-01T00:00:00.000000Z\n")

    result = books.payctl("verify", "--head", str(head))

    assert (result.exit_code, "seal 6 has been removed" in result.output) == (1, True)


@pytest.mark.parametrize("line", ["x", "1 zz 2026", "1 00", ""])
def test_a_head_file_that_is_none_is_refused(books: Books, tmp_path: Path, line: str) -> None:
    head = tmp_path / "head"
    head.write_text(f"{line}\n")

    result = books.payctl("verify", "--head", str(head))

    assert (result.exit_code, "line 1" in result.output) == (1, True)


def test_a_proof_holds_without_database_or_key(books: Books, tmp_path: Path) -> None:
    books.proof()

    result = CliRunner().invoke(
        main, ["--env-file", str(tmp_path / "none"), "audit", "check-proof", str(books.folder / "proof")]
    )

    assert result.exit_code == 0
    assert f"{ROWS} rows of payment {books.ours.id} are as they were sealed; 5 seals lead to seal 5" in result.output


@pytest.mark.parametrize(("seal", "holds"), [(5, True), (4, False), (1, False)])
def test_a_known_hash_must_cover_all_the_rows(books: Books, seal: int, holds: bool) -> None:
    books.proof()

    result = books.payctl("check-proof", str(books.folder / "proof"), "--seal-hash", books.hashes()[seal - 1])

    assert (result.exit_code == 0) is holds


def test_changing_any_byte_of_any_row_breaks_the_proof(books: Books) -> None:
    lines = books.proof()
    rows = [at for at, line in enumerate(lines) if line.startswith('{"leaf"')]
    assert len(rows) == ROWS
    changed = 0
    for at in (rows[0], rows[3], rows[-1]):
        raw = lines[at].rstrip("\n").encode()
        for place in range(len(raw)):
            for flip in (0x01, 0x20):
                flipped = raw[:place] + bytes([raw[place] ^ flip]) + raw[place + 1 :]
                with pytest.raises((ProofBroken, UnicodeDecodeError)):
                    ProofCheck().check([*lines[:at], flipped.decode(), *lines[at + 1 :]])
                changed += 1
    assert changed > 3000


def test_changing_any_byte_of_any_seal_breaks_the_proof_for_who_knows_the_last_hash(books: Books) -> None:
    lines, last = books.proof(), books.hashes()[-1]
    for at in (len(lines) - 5, len(lines) - 1):
        raw = lines[at].rstrip("\n").encode()
        for place in range(len(raw)):
            flipped = (raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]).decode("utf-8", "replace")
            with pytest.raises(ProofBroken):
                ProofCheck(last).check([*lines[:at], flipped, *lines[at + 1 :]])


def test_a_proof_without_a_seal_of_its_chain_is_broken(books: Books) -> None:
    lines = books.proof()
    seals = [at for at, line in enumerate(lines) if line.startswith('{"seal"')]

    for at in seals:
        with pytest.raises(ProofBroken):
            ProofCheck(books.hashes()[-1]).check(lines[:at] + lines[at + 1 :])


def test_rows_of_another_payment_prove_nothing_about_this_one(books: Books) -> None:
    lines = books.proof()
    lines[0] = lines[0].replace(str(books.ours.id), str(books.theirs.id))

    with pytest.raises(ProofBroken, match="not of payment"):
        ProofCheck().check(lines)


@pytest.mark.parametrize("lines", [[], ["\n"], ["{}"], ["null"], ["[" * 100_000]])
def test_what_is_no_proof_is_broken(lines: list[str]) -> None:
    with pytest.raises(ProofBroken):
        ProofCheck().check(lines)


def test_a_payment_that_nobody_knows_has_no_proof(books: Books) -> None:
    result = books.payctl("proof", str(uuid4()))

    assert (result.exit_code, "no row of payment" in result.output) == (1, True)


def test_without_settings_the_missing_ones_are_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--env-file", str(tmp_path / "none"), "audit", "verify"])

    assert (result.exit_code, "AMQP_URL, AUDIT_KEY, DATABASE_URL: not set" in result.output) == (1, True)
