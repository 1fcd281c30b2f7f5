"""Signatures as the reference library makes and verifies them; frames that are the same bytes every time."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from shared.application.event_frame import event_body
from shared.application.views import event_view
from shared.application.webhook_secrets import new_secret, resealed, signed_headers
from shared.domain.ids import EventId
from shared.domain.webhook_endpoint import EndpointSecret
from shared.persistence.event_log import LoggedEvent
from shared.runtime.clock import SystemClock
from shared.runtime.crypto import CredentialCipher, CredentialUnreadable
from shared.runtime.identifiers import new_id
from tests.fakes.clock import NOON
from tests.fakes.makers import MERCHANT
from tests.fakes.webhooks import WebhooksOnFakes

BODY = '{"id":"1","name":"Wanjikũ \u2028 ☂"}'.encode()


def test_a_secret_has_the_standards_form_and_length() -> None:
    secret = new_secret()

    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    assert new_secret() != secret


def test_the_reference_library_verifies_each_secret_and_no_other() -> None:
    secrets, event_id = [new_secret(), new_secret()], new_id()

    headers = dict(signed_headers(event_id, BODY, secrets, SystemClock().now()))

    for secret in secrets:
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secrets[0]).verify(BODY, headers | {"webhook-id": str(new_id())})


def test_an_old_signature_is_one_that_receivers_refuse() -> None:
    secret = new_secret()
    headers = dict(signed_headers(new_id(), BODY, [secret], SystemClock().now() - timedelta(minutes=10)))

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers)


def test_a_frame_has_what_a_sockets_frame_has_and_the_same_bytes_every_time() -> None:
    event = LoggedEvent(
        id=EventId(new_id()),
        merchant_id=MERCHANT,
        user_id=None,
        transaction_id=None,
        refund_id=None,
        sequence=3,
        event_type="payment.completed",
        data={"status": "completed", "name": "Wanjikũ"},
        occurred_at=NOON,
    )

    assert event_body(event) == event_body(replace(event))
    assert json.loads(event_body(event)) == event_view(event)
    assert "Wanjikũ".encode() in event_body(event)


def test_a_rotated_key_opens_the_secrets_that_were_encrypted_before() -> None:
    webhooks, newer = WebhooksOnFakes(), Fernet.generate_key().decode()
    older = Fernet.generate_key().decode()
    endpoint = webhooks.stored(webhooks.endpoint())
    secrets = (EndpointSecret(CredentialCipher((older,)).encrypt("whsec_x")), EndpointSecret("nonsense"))
    endpoint = replace(endpoint, secrets=secrets[:1])

    renewed = resealed(endpoint, CredentialCipher((newer, older)))

    assert CredentialCipher((newer,)).decrypt(renewed.secrets[0].ciphertext) == "whsec_x"
    assert resealed(renewed, CredentialCipher((newer, older))) == renewed
    with pytest.raises(CredentialUnreadable):
        resealed(replace(endpoint, secrets=secrets), CredentialCipher((newer, older)))
