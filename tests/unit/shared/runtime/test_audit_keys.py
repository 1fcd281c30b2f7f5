"""Rows and seals are authentic if one of our keys signed them."""

import hashlib
import hmac

import pytest

from shared.runtime.audit_keys import AuditKeys

OLD, NEW = "the-old-key-of-at-least-32-bytes-000", "the-new-key-of-at-least-32-bytes-000"


def test_a_mac_is_of_the_documented_bytes() -> None:
    expected = hmac.new(OLD.encode(), b'gateway.audit.row.v1\x00{"a":"\xc3\xa9"}', hashlib.sha256).digest()

    assert AuditKeys(OLD).sign_row('{"a":"é"}') == expected


def test_the_first_key_signs_and_all_verify() -> None:
    both = AuditKeys(f"{NEW}, {OLD}")

    assert both.is_row_genuine("x", AuditKeys(OLD).sign_row("x"))
    assert both.is_row_genuine("x", AuditKeys(NEW).sign_row("x"))
    assert both.sign_row("x") == AuditKeys(NEW).sign_row("x")
    assert not AuditKeys(NEW).is_row_genuine("x", AuditKeys(OLD).sign_row("x"))


def test_other_content_does_not_verify() -> None:
    assert not AuditKeys(OLD).is_row_genuine("y", AuditKeys(OLD).sign_row("x"))


@pytest.mark.parametrize("mac", [None, b"", bytes(32), b"x" * 31])
def test_what_is_no_mac_does_not_verify(mac: bytes | None) -> None:
    assert not AuditKeys(OLD).is_row_genuine("x", mac)


def test_the_mac_of_a_row_cannot_pass_for_that_of_a_seal() -> None:
    keys = AuditKeys(OLD)

    assert keys.is_seal_genuine(b"x", keys.sign_seal(b"x"))
    assert not keys.is_seal_genuine(b"x", keys.sign_row("x"))


@pytest.mark.parametrize("keys", ["", " ", ",", " , "])
def test_no_key_at_all_is_refused(keys: str) -> None:
    with pytest.raises(ValueError, match="AUDIT_KEY"):
        AuditKeys(keys)
