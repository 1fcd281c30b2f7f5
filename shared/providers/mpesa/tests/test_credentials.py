"""Passwords and credentials, against their own samples."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from shared.providers.mpesa.config import MpesaConfig
from shared.providers.mpesa.credentials import initiator_of, moment_of, stk_password, timestamp
from shared.providers.mpesa.tests.scripted import FIXTURES, INITIATOR_PASSWORD, certificate, settings

VECTORS = json.loads((FIXTURES / "signature_vectors.json").read_bytes())["daraja_stk_password"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["timestamp"]))
def test_the_password_is_the_one_of_their_samples(vector: dict[str, str]) -> None:
    config = MpesaConfig.model_validate(settings(shortcode=vector["shortcode"], passkey=vector["passkey"]))

    assert stk_password(config, vector["timestamp"]) == vector["password"]


def test_a_timestamp_is_east_african_and_reads_back_as_utc() -> None:
    moment = datetime(2026, 1, 15, 22, 30, 5, tzinfo=UTC)

    assert timestamp(moment) == "20260116013005"
    assert moment_of("20260116013005") == moment


@pytest.mark.parametrize("text", ["", "2026011601300", "20261316013005", "00010101000000", "١٢٣٤٥٦٧٨٩٠١٢٣٤"])
def test_what_is_no_timestamp_is_none(text: str) -> None:
    assert moment_of(text) is None


def test_the_credential_is_the_raw_password_sealed_for_the_certificate_and_never_twice_the_same() -> None:
    config = MpesaConfig.model_validate(settings())

    one, other = initiator_of(config), initiator_of(config)

    assert one is not None
    assert other is not None
    assert one.credential != other.credential
    opened = certificate()[0].decrypt(base64.b64decode(one.credential, validate=True), PKCS1v15())
    assert opened == INITIATOR_PASSWORD.encode()
    assert len(one.credential) == 344
