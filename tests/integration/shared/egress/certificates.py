"""A certificate authority of the test's own, and the certificates that it and others make."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make_authority() -> Certificate:
    return _signed("Test CA", None, x509.BasicConstraints(ca=True, path_length=None), NOW - DAY, NOW + 30 * DAY)


def make_certificate(
    name: str, issuer: Certificate | None, *, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY
) -> Certificate:
    """For the host ``name``; self-signed without ``issuer``."""
    return _signed(name, issuer, x509.BasicConstraints(ca=False, path_length=None), begins, ends)


def server_context(certificate: Certificate, folder: Path) -> ssl.SSLContext:
    file = folder / f"{certificate.certificate.serial_number}.pem"
    key = certificate.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(key + certificate.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def client_context(authority: Certificate) -> ssl.SSLContext:
    """What the client would use, but that it trusts ``authority`` alone."""
    return ssl.create_default_context(cadata=authority.pem.decode())


def _signed(
    name: str, issuer: Certificate | None, constraints: x509.BasicConstraints, begins: datetime, ends: datetime
) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(constraints, critical=True)
    )
    if not constraints.ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
    return Certificate(builder.sign(key if issuer is None else issuer.key, hashes.SHA256()), key)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
