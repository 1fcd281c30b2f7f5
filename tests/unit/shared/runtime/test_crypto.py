"""Stored credentials can be read with any of the keys, passwords with none."""

import pytest
from cryptography.fernet import Fernet

from shared.runtime.crypto import CredentialCipher, CredentialUnreadable, PasswordHasher

OLD, NEW, FOREIGN = (Fernet.generate_key().decode() for _ in range(3))


@pytest.fixture(scope="module")
def hasher() -> PasswordHasher:
    return PasswordHasher()


def test_what_was_encrypted_can_be_read() -> None:
    cipher = CredentialCipher((NEW,))

    assert cipher.decrypt(cipher.encrypt("sécret")) == "sécret"


def test_ciphertext_shows_nothing_and_is_never_the_same_twice() -> None:
    cipher = CredentialCipher((NEW,))

    one, other = cipher.encrypt("canary"), cipher.encrypt("canary")

    assert "canary" not in one
    assert one != other


def test_keys_rotate_without_a_stop() -> None:
    before = CredentialCipher((OLD,)).encrypt("one")

    during = CredentialCipher((NEW, OLD))

    assert during.decrypt(before) == "one"
    assert CredentialCipher((NEW,)).decrypt(during.encrypt("two")) == "two"


@pytest.mark.parametrize(
    "stored",
    ["", "x", "gAAAAA", CredentialCipher((FOREIGN,)).encrypt("canary")],
    ids=["empty", "x", "cut off", "foreign"],
)
def test_what_no_key_fits_is_unreadable(stored: str) -> None:
    with pytest.raises(CredentialUnreadable) as refused:
        CredentialCipher((NEW, OLD)).decrypt(stored)

    assert "canary" not in str(refused.value)


def test_ciphertext_that_was_tampered_with_is_unreadable() -> None:
    cipher = CredentialCipher((NEW,))
    stored = cipher.encrypt("one")
    tampered = stored[:30] + ("A" if stored[30] != "A" else "B") + stored[31:]

    with pytest.raises(CredentialUnreadable):
        cipher.decrypt(tampered)


@pytest.mark.parametrize("keys", [("canary",), (NEW, "canary"), (), ("",)], ids=["one", "second", "none", "empty"])
def test_what_is_no_key_is_said_without_saying_it(keys: tuple[str, ...]) -> None:
    with pytest.raises(CredentialUnreadable) as refused:
        CredentialCipher(keys)

    assert "CREDENTIAL_ENCRYPTION_KEYS" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_a_password_is_recognised_and_another_is_not(hasher: PasswordHasher) -> None:
    stored = hasher.hash("correct horse")

    assert stored.startswith("$argon2id$")
    assert hasher.verify(stored, "correct horse")
    assert not hasher.verify(stored, "correct horsf")


@pytest.mark.parametrize("stored", [None, "", "plain", "$argon2id$broken"])
def test_without_a_usable_hash_no_password_is_right(stored: str | None, hasher: PasswordHasher) -> None:
    assert not hasher.verify(stored, "nobody has this password")
