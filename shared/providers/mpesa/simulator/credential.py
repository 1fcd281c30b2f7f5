"""The pair of keys that initiators' passwords travel under, and whether a credential holds the right one."""

import base64
import binascii
import hmac
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from shared.providers.mpesa.simulator.settings import MpesaSimulatorSettings, rsa_key_in

CERTIFICATE_FILE = "certificate.pem"
PRIVATE_KEY_FILE = "private_key.pem"
# Safaricom's own certificates have run out and stay in use: clients must not look at these dates.
NOT_BEFORE = datetime(2016, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2018, 1, 1, tzinfo=UTC)


class Credentials:
    """Opens ``SecurityCredential`` and compares."""

    def __init__(self, settings: MpesaSimulatorSettings, folder: Path) -> None:
        self._settings = settings
        certificate, private_key = settings.certificate_pem, settings.private_key_pem
        if certificate is None or private_key is None:
            certificate, private_key = kept_pair(folder)
        self._key = rsa_key_in(private_key)
        self.certificate_pem = certificate

    def are_right(self, initiator: str, security_credential: str) -> bool:
        """Whether the name is the initiator's and the credential opens to its password.

        Garbage of the right length opens to random bytes, not to an error: only the comparison tells.
        """
        try:
            opened = self._key.decrypt(base64.b64decode(security_credential, validate=True), padding.PKCS1v15())
        except (ValueError, binascii.Error):
            return False
        is_password = hmac.compare_digest(opened, self._settings.initiator_password.encode())
        return is_password and initiator == self._settings.initiator_name


def kept_pair(folder: Path) -> tuple[str, str]:
    """The certificate and the private key of this folder, made the first time."""
    certificate_file, key_file = folder / CERTIFICATE_FILE, folder / PRIVATE_KEY_FILE
    if not (certificate_file.exists() and key_file.exists()):
        certificate, key = new_pair()
        folder.mkdir(parents=True, exist_ok=True)
        key_file.touch(mode=0o600)
        key_file.write_text(key)
        certificate_file.write_text(certificate)
    return certificate_file.read_text(), key_file.read_text()


def new_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "payment gateway's M-Pesa simulator")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem.decode()
