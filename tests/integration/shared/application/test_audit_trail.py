"""The audit trail is tamper-evident for everybody: what the database's superuser changes, the verification names."""

from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from shared.application.audit_verification import Finding
from shared.persistence.audit_form import StoredAuditRow
from shared.persistence.audit_seals import Seal, row_of, seal_hash_of, select_rows
from shared.persistence.audit_walk import open_audit_walk
from shared.runtime.audit_keys import AuditKeys
from shared.runtime.identifiers import new_id
from shared.runtime.merkle import leaf_hash, merkle_root
from tests.integration.makers import AUDIT_KEYS
from tests.integration.trail import BATCH, SEALED, WAITING, Trail, named


def test_an_untouched_trail_verifies(trail: Trail) -> None:
    findings, run = trail.verify()

    assert findings == []
    assert (run.rows, run.seals, run.waiting) == (SEALED, 3, WAITING)
    assert trail.compare_with_head() == []


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_the_size_of_a_batch_makes_no_difference(trail: Trail, batch: int) -> None:
    trail.execute("DELETE FROM audit_logs WHERE id = :id", id=trail.ids[7])

    findings, run = trail.verify(batch=batch)

    assert [each.where for each in findings] == [f"row {trail.ids[7]} {named(7)}"]
    assert (run.rows, run.waiting) == (SEALED, WAITING)


CHANGES = {
    "event_type": "event_type = 'payment.completec'",
    "event_data": "event_data = jsonb_set(event_data, '{after}', '\"completee\"')",
    "a number": "event_data = jsonb_set(event_data, '{number}', '6.0')",
    "a hair's breadth": "event_data = jsonb_set(event_data, '{number}', '6.00000000000000000000001')",
    "too deep": "event_data = (repeat('[', 3000) || repeat(']', 3000))::jsonb",
    "a number too long": "event_data = jsonb_build_object('n', repeat('9', 6000)::numeric)",
    "user_id": "user_id = 'provider_worker '",
    "user_id removed": "user_id = NULL",
    "ip_address": "ip_address = '192.0.2.2'",
    "user_agent": "user_agent = ''",
    "request_id": "request_id = 'req-8'",
    "merchant_id": "merchant_id = gen_random_uuid()",
    "transaction_id": "transaction_id = gen_random_uuid()",
    "a microsecond": "timestamp = timestamp + interval '1 microsecond'",
    "another age": "timestamp = (timestamp::timestamp::text || ' BC')::timestamptz",
    "the end of time": "timestamp = 'infinity'",
    "one bit of the mac": "mac = set_bit(mac, 3, 1 - get_bit(mac, 3))",
    "no mac": "mac = NULL",
}


@pytest.mark.parametrize("place", [0, 6, 11, 13], ids=["first", "middle", "last sealed", "not sealed"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_column_is_found_and_its_row_is_named(trail: Trail, change: str, place: int) -> None:
    trail.execute(f"UPDATE audit_logs SET {change} WHERE id = :id", id=trail.ids[place])

    findings, _ = trail.verify()

    assert len(findings) == 1
    assert findings[0].where == f"row {trail.ids[place]} {named(place) if place < SEALED else '(not sealed yet)'}"


@pytest.mark.parametrize("place", [0, 6, 11])
def test_a_sealed_row_keeps_its_transaction(trail: Trail, place: int) -> None:
    trail.execute("UPDATE audit_logs SET written_by = '7' WHERE id = :id", id=trail.ids[place])

    assert trail.verify()[0][0].where == f"row {trail.ids[place]} {named(place)}"


def test_every_change_is_found_and_the_first_comes_first(trail: Trail) -> None:
    for place in (9, 2, 14):
        trail.execute("UPDATE audit_logs SET user_id = 'x' WHERE id = :id", id=trail.ids[place])

    findings, _ = trail.verify()

    assert [each.where.split()[1] for each in findings] == [str(trail.ids[place]) for place in (2, 9, 14)]


def test_the_mac_of_the_first_row_cannot_be_taken_away(trail: Trail) -> None:
    trail.execute("UPDATE audit_logs SET mac = NULL WHERE id = :id", id=trail.ids[0])

    findings, _ = trail.verify()

    assert findings == [Finding(f"row {trail.ids[0]} {named(0)}", "is not as it was when it was sealed")]


def test_a_removed_row_is_found(trail: Trail) -> None:
    trail.execute("DELETE FROM audit_logs WHERE id = :id", id=trail.ids[3])

    assert trail.verify()[0] == [Finding(f"row {trail.ids[3]} {named(3)}", "has been removed")]


def test_a_row_removed_with_its_leaf_is_found(trail: Trail) -> None:
    trail.execute("DELETE FROM audit_leaves WHERE audit_id = :id", id=trail.ids[3])
    trail.execute("DELETE FROM audit_logs WHERE id = :id", id=trail.ids[3])

    findings, _ = trail.verify()

    assert [each.where for each in findings] == ["seal 1, position 3"]


INSERT = """INSERT INTO audit_logs (id, event_type, event_data, timestamp, mac, written_by)
    SELECT :id, 'payment.completed', '{}', now(), :mac, (written_by::text::bigint + :later)::text::xid8
    FROM audit_logs WHERE id = :beside"""


@pytest.mark.parametrize("mac", [None, b"", bytes(32)], ids=["no mac", "empty mac", "some mac"])
@pytest.mark.parametrize(
    "later", [-1_000_000 * 0, 1, 1_000_000], ids=["before the last seal", "behind it", "in future"]
)
def test_an_inserted_row_is_found(trail: Trail, later: int, mac: bytes | None) -> None:
    forged = new_id()
    trail.execute(INSERT, id=forged, mac=mac, later=later, beside=trail.ids[4])

    findings, _ = trail.verify()

    assert [each.where for each in findings] == [f"row {forged} (not sealed yet)"]


@pytest.mark.parametrize("forged", [UUID(int=0), UUID(int=2**128 - 1)], ids=["the least id", "the greatest id"])
def test_no_id_is_a_place_to_hide_in(trail: Trail, forged: UUID) -> None:
    trail.execute(INSERT, id=forged, mac=None, later=0, beside=trail.ids[4])

    assert [each.where for each in trail.verify()[0]] == [f"row {forged} (not sealed yet)"]


@pytest.mark.parametrize(("seal", "position"), [(1, 5), (1, -1), (-1, 0), (3, 2), (9, 0)])
def test_an_inserted_row_with_a_leaf_is_found(trail: Trail, seal: int, position: int) -> None:
    forged = new_id()
    trail.execute(INSERT, id=forged, mac=None, later=0, beside=trail.ids[4])
    trail.execute("INSERT INTO audit_leaves VALUES (:seal, :at, :id, '')", seal=seal, at=position, id=forged)

    assert [each.where for each in trail.verify()[0]] == [f"row {forged} (seal {seal}, position {position})"]


def test_a_row_sealed_with_a_wrong_mac_is_found_and_sealing_goes_on(trail: Trail) -> None:
    forged = new_id()
    trail.execute(INSERT, id=forged, mac=bytes(32), later=0, beside=trail.ids[-1])

    assert trail.seal() == WAITING + 1

    assert [each.where.split()[1] for each in trail.verify()[0]] == [str(forged)]


def test_a_row_that_is_kept_from_its_seal_is_found(trail: Trail) -> None:
    trail.execute("UPDATE audit_logs SET written_by = '3' WHERE id = :id", id=trail.ids[-1])

    assert [each.where for each in trail.verify()[0]] == [f"row {trail.ids[-1]} (not sealed yet)"]


def test_reordered_leaves_are_found(trail: Trail) -> None:
    def swap(connection: Connection) -> None:
        for old, new in ((1, 99), (2, 1), (99, 2)):
            connection.execute(
                text("UPDATE audit_leaves SET position = :new WHERE seal_number = 2 AND position = :old"),
                {"old": old, "new": new},
            )

    trail.tamper(swap)

    findings, _ = trail.verify()

    assert findings[0].where == f"row {trail.ids[6]} (seal 2, position 2)"
    assert "moved" in findings[0].what


def test_a_changed_leaf_is_found(trail: Trail) -> None:
    trail.execute("UPDATE audit_leaves SET leaf_hash = sha256('x') WHERE audit_id = :id", id=trail.ids[8])

    assert [each.where for each in trail.verify()[0]] == [f"row {trail.ids[8]} {named(8)}"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_seal_is_found(trail: Trail, number: int) -> None:
    trail.execute("DELETE FROM audit_seals WHERE number = :number", number=number)

    findings, _ = trail.verify()

    assert findings[0] == Finding(f"seal {number}", "has been removed")


def test_a_removed_last_seal_is_found_by_its_leaves(trail: Trail) -> None:
    trail.execute("DELETE FROM audit_seals WHERE number = 3")

    removed = "belongs to a seal that has been removed"
    assert trail.verify()[0][0] == Finding(f"row {trail.ids[10]} {named(10)}", removed)


SEAL_CHANGES = {
    "row_count": "row_count = row_count - 1",
    "first": "first_id = gen_random_uuid()",
    "last": "last_written_by = '9'",
    "root": "merkle_root = sha256('x')",
    "previous": "previous_hash = sha256('x')",
    "hash": "seal_hash = sha256('x')",
    "mac": "mac = sha256('x')",
    "time": "sealed_at = sealed_at - interval '1 microsecond'",
    "no time": "sealed_at = '-infinity'",
}


@pytest.mark.parametrize("change", SEAL_CHANGES.values(), ids=SEAL_CHANGES)
def test_a_changed_seal_is_found(trail: Trail, change: str) -> None:
    trail.execute(f"UPDATE audit_seals SET {change} WHERE number = 2")

    assert any(each.where == "seal 2" for each in trail.verify()[0])


def test_a_tail_that_was_cut_off_is_found_by_the_head_outside_the_database(trail: Trail) -> None:
    def cut(connection: Connection) -> None:
        connection.execute(text("DELETE FROM audit_logs WHERE id = ANY(:ids)"), {"ids": trail.ids[10:]})
        connection.execute(text("DELETE FROM audit_leaves WHERE seal_number = 3"))
        connection.execute(text("DELETE FROM audit_seals WHERE number = 3"))

    trail.tamper(cut)

    assert trail.verify()[0] == []
    assert trail.compare_with_head() == [Finding("seal 3", "has been removed: the head file has noted it")]


def test_a_chain_that_was_made_anew_without_the_key_is_found(trail: Trail) -> None:
    _make_anew(trail, AuditKeys("a-key-that-the-attacker-made-up-himself"), resign_rows=False)

    findings, _ = trail.verify()

    row = f"row {trail.ids[6]} {named(6)}"
    assert [each.where for each in findings] == ["seal 1", row, "seal 2", "seal 3"]
    assert [each.where for each in trail.compare_with_head()] == ["seal 2", "seal 3"]


def test_a_chain_that_was_made_anew_with_the_key_is_found_by_the_head(trail: Trail) -> None:
    _make_anew(trail, AUDIT_KEYS, resign_rows=True)

    assert trail.verify()[0] == []
    assert [each.where for each in trail.compare_with_head()] == ["seal 2", "seal 3"]


def _make_anew(trail: Trail, keys: AuditKeys, *, resign_rows: bool) -> None:
    """Change a row of seal 2, and every hash that follows from it, by somebody who has read our source."""

    def do(connection: Connection) -> None:
        victim = {"id": trail.ids[6]}
        connection.execute(text("UPDATE audit_logs SET user_id = 'nobody' WHERE id = :id"), victim)
        if resign_rows:
            mac = keys.sign_row(_read(connection, trail.ids[6]).content)
            connection.execute(text("UPDATE audit_logs SET mac = :mac WHERE id = :id"), {**victim, "mac": mac})
        with open_audit_walk(trail.database.application) as walk:
            seals = list(walk.seals())
        previous = seals[0].previous_hash
        for seal in seals:
            first = (seal.number - 1) * BATCH
            hashes = [leaf_hash(_read(connection, id_).leaf) for id_ in trail.ids[first : first + seal.row_count]]
            previous = _write_seal(connection, replace(seal, previous_hash=previous), hashes, keys)

    trail.tamper(do)


def _read(connection: Connection, audit_id: UUID) -> StoredAuditRow:
    return row_of(connection.execute(select_rows().where(text("audit_logs.id = :id")), {"id": audit_id}).one())


def _write_seal(connection: Connection, seal: Seal, hashes: list[bytes], keys: AuditKeys) -> bytes:
    seal = replace(seal, merkle_root=merkle_root(hashes))
    seal_hash = seal_hash_of(seal.content)
    connection.execute(
        text(
            "UPDATE audit_seals SET merkle_root = :root, previous_hash = :previous, seal_hash = :hash, mac = :mac"
            " WHERE number = :number"
        ),
        {
            "root": seal.merkle_root,
            "previous": seal.previous_hash,
            "hash": seal_hash,
            "mac": keys.sign_seal(seal_hash),
            "number": seal.number,
        },
    )
    for position, each in enumerate(hashes):
        connection.execute(
            text("UPDATE audit_leaves SET leaf_hash = :hash WHERE seal_number = :number AND position = :position"),
            {"hash": each, "number": seal.number, "position": position},
        )
    return seal_hash


def test_a_key_that_was_replaced_still_verifies_what_it_signed(trail: Trail) -> None:
    new = "the-key-that-comes-after-the-first-one"

    assert trail.verify(AuditKeys(f"{new},the-audit-key-of-the-integration-tests"))[0] == []
    assert len(trail.verify(AuditKeys(new))[0]) == SEALED + WAITING + 3
